"""Finding figures in a document, and why one is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from distill_fixtures.catalog import format_value
from distill_fixtures.report.interval_words import from_to

__all__ = [
    "ROLES",
    "Node",
    "find",
    "interval_of",
    "interval_words",
    "roles_with",
    "shown",
    "why_all_missing",
    "why_missing",
]

Node = Mapping[str, Any]
ROLES: Final = ("teacher", "student", "control")


def find(document: Node, path: str) -> Any:
    """What stands under a dotted path; None where it, or something above it, is null or absent.

    >>> find({"a": {"b": 1}}, "a.b"), find({"a": None}, "a.b")
    (1, None)
    """
    found: Any = document
    for key in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def why_missing(document: Node, path: str) -> str:
    """Why nothing stands under a dotted path.

    >>> why_missing({"reasons": {"control": "there is none"}}, "control.size.disk_bytes")
    'there is none'
    """
    reasons: Mapping[str, str] = document["reasons"]
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        reason = reasons.get(".".join(parts[:length]))
        if reason is not None:
            return reason
    return "the file does not say why"


def why_all_missing(document: Node, paths: Iterable[str]) -> str:
    """The reasons of several gaps, each said once."""
    return "; ".join(dict.fromkeys(why_missing(document, path) for path in paths))


def roles_with(document: Node, path: str, roles: Sequence[str] = ROLES) -> list[str]:
    """The models that have a figure, by its path below the model."""
    return [role for role in roles if find(document, f"{role}.{path}") is not None]


def interval_of(document: Node, role: str, section: str, name: str) -> tuple[float, float] | None:
    """A model's 95 % interval of a figure; None where it has none."""
    found = (find(document, f"{role}.{section}.intervals") or {}).get(name)
    return None if found is None else (found[0], found[1])


def interval_words(name: str, interval: Sequence[float] | None) -> str:
    """An interval for people; empty where there is none.

    >>> interval_words("accuracy", (0.25, 0.5))
    '25.0 to 50.0\\xa0%'
    """
    if interval is None:
        return ""
    return from_to(*(format_value(name, end) for end in interval), space="\N{NO-BREAK SPACE}")


def shown(name: str, value: float | Mapping[str, float] | None) -> str:
    """A metric's value as the catalogue formats it, its number and unit on one line.

    >>> shown("accuracy", 0.25)
    '25.0\\xa0%'
    """
    return format_value(name, value).replace(" ", "\N{NO-BREAK SPACE}")
