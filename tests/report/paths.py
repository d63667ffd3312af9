"""Walking through a JSON document by dotted paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["at", "nulls", "wrong_figures"]


def at(document: Any, path: str) -> Any:
    """What stands under a dotted path."""
    for key in path.split("."):
        document = document[key]
    return document


def nulls(value: Any, path: str = "") -> Iterator[str]:
    """Dotted paths of every null; places in lists are left out."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from nulls(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for each in value:
            yield from nulls(each, path)


def wrong_figures(found: Any, wanted: Any, path: str) -> list[str]:
    """Where two figures, or mappings or lists of them, differ by more than 1e-9."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        if found.keys() != wanted.keys():
            return [f"{path}: keys {sorted(found)} instead of {sorted(wanted)}"]
        return [w for k in wanted for w in wrong_figures(found[k], wanted[k], f"{path}.{k}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        pairs = enumerate(zip(found, wanted, strict=True))
        return [w for k, (f, v) in pairs for w in wrong_figures(f, v, f"{path}.{k}")]
    if isinstance(wanted, str):
        return [] if found == wanted else [f"{path}: {found} instead of {wanted}"]
    numbers = all(isinstance(each, int | float) for each in (found, wanted))
    if numbers and abs(found - wanted) <= 1e-9 * max(1.0, abs(wanted)):
        return []
    return [] if found is None and wanted is None else [f"{path}: {found} instead of {wanted}"]
