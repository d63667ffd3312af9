"""Words and colours of grades, the same wherever people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill_fixtures.catalog import CATALOG

__all__ = ["GRADE_STYLES", "GRADE_WORDS", "bounds_text", "grade_words", "short_label"]

GRADE_STYLES = {
    "good": "green",
    "acceptable": "yellow",
    "poor": "red",
    "not_judged": "red",
}
GRADE_WORDS = {"not_judged": "not judged", "not_applicable": "n/a", "not_run": "not run"}


def short_label(name: str) -> str:
    """The metric's label; that it is S over T, the column says."""
    return CATALOG[name].label.removesuffix(", S / T")


def bounds_text(criterion: Mapping[str, Any] | None) -> str:
    """A criterion's bounds, ``>85 / <70``; empty without a criterion."""
    if criterion is None:
        return ""
    higher = CATALOG[criterion["metric"]].direction == "higher"
    good, poor = (">", "<") if higher else ("<", ">")
    return f"{good}{criterion['good']:g} / {poor}{criterion['poor']:g}"


def grade_words(criterion: Mapping[str, Any] | None) -> tuple[str, str]:
    """A criterion's grade in words, with a question mark where it is borderline, and its style."""
    if criterion is None:
        return "", ""
    words = GRADE_WORDS.get(criterion["grade"], criterion["grade"])
    if criterion["borderline"]:
        words += " ?"
    return words, GRADE_STYLES.get(criterion["grade"], "")
