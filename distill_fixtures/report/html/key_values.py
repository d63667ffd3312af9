"""Plain facts of a document as words: numbers by the unit at the end of their key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from distill_fixtures.report.html.lookups import Node, shown, why_missing
from distill_fixtures.report.html.parts import Cell, Table, table

__all__ = ["facts_table", "key_words", "words_of"]

UNITS: Final = {
    "_bytes": "disk_bytes",
    "_s": "ttft_s",
    "seconds": "ttft_s",
    "_share": "accuracy",
    "_pct": "size_reduction_pct",
    "_accuracy": "accuracy",
    "guess_baseline": "accuracy",
}
"""End of a key, and a metric of the same unit."""


def words_of(key: str, value: Any) -> str:
    """A value for people; empty for null.

    >>> words_of("steal_share", 0.25), words_of("swap_used_bytes", 2_000_000)
    ('25.0 %', '2.00 MB')
    >>> words_of("steady", {"teacher": True, "student": False})
    'teacher: yes, student: no'
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {words_of(f'{name}', each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(words_of(key, each) for each in value) or "none"
    if isinstance(value, int | float):
        same = next((name for end, name in UNITS.items() if key.endswith(end)), None)
        return f"{value:,.6g}" if same is None else shown(same, value)
    return str(value)


def key_words(key: str) -> str:
    """A key for people, without its unit.

    >>> key_words("memory_available_bytes")
    'memory available'
    """
    for end in ("_bytes", "_s", "_pct"):
        key = key.removesuffix(end)
    return key.replace("_", " ")


def facts_table(
    document: Node,
    caption: str,
    path: str,
    facts: Node,
    *,
    without: Iterable[str] = (),
    folded: bool = False,
) -> Table:
    """A row a fact; a null says its reason.

    Args:
        path: of ``facts`` in the document, for reasons.
        without: keys that are shown elsewhere.
    """
    left_out = set(without)
    rows = [
        (
            key_words(key),
            Cell("—", note=why_missing(document, f"{path}.{key}"))
            if value is None
            else Cell(words_of(key, value)),
        )
        for key, value in facts.items()
        if key not in left_out
    ]
    return table(caption, ("What", "Value"), rows, words=(0, 1), folded=folded)
