"""The verdict: each criterion with its value, its interval on its bands, stability, message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.report.html.lookups import Node, interval_words, shown
from distill_fixtures.report.html.parts import Cell, Table, left_out, table

__all__ = ["GRADE_WORDS", "Card", "Gauge", "cards_of", "gauge_of", "slices_table"]

GRADE_WORDS: Final = {
    "good": "good",
    "acceptable": "acceptable",
    "poor": "poor",
    "not_judged": "not judged",
    "not_applicable": "not applicable",
    "not_run": "not run",
}
MOST_SLICES: Final = 200
THIRD: Final = 100 / 3


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value on three bands of equal width: poor, acceptable, good, better to the right.

    All places are per cent of the width.

    Attributes:
        value: None where there is none.
        low, high: ends of the interval; None where there is none.
        beyond: -1 where the value lies left of the gauge, 1 right of it, else 0.
    """

    value: float | None
    low: float | None
    high: float | None
    beyond: int


@dataclass(frozen=True, slots=True)
class Card:
    """One criterion, as words.

    Attributes:
        name: of the metric, for people.
        metric: its key.
        value: a dash where there is none.
        interval: empty where there is none.
        grade: key of the grade, and in words.
        facts: bounds, stability, samples, each a sentence.
        reason: why it has no grade, or why that is not sure; empty where it has one.
        message: all of it, several lines.
        bounds: at the border of poor and at that of good.
        gauge: None where there is no value.
        spoken: the gauge in words.
    """

    name: str
    metric: str
    value: str
    interval: str
    grade: str
    grade_words: str
    facts: tuple[str, ...]
    reason: str
    message: str
    bounds: tuple[str, str]
    gauge: Gauge | None
    spoken: str


def cards_of(criteria: Sequence[Node]) -> list[Card]:
    """A card for each criterion about all questions, in the order of the thresholds."""
    return [_card(each) for each in criteria if each["slice"] is None]


def gauge_of(criterion: Node) -> Gauge | None:
    """Where value and interval stand on the bands.

    >>> gauge_of({"value": 40.0, "ci95": None, "good": 50.0, "poor": 30.0}).value
    50.0
    """
    if criterion["value"] is None:
        return None
    place = _place(criterion, criterion["value"])
    ends: tuple[float | None, float | None] = None, None
    if criterion["ci95"] is not None:
        low, high = sorted(_place(criterion, end) for end in criterion["ci95"])
        ends = _within(low), _within(high)
    return Gauge(_within(place), *ends, beyond=(place > 100) - (place < 0))


def _place(criterion: Node, value: float) -> float:
    """Per cent of the width: the bound of poor at one third, that of good at two."""
    good, poor = criterion["good"], criterion["poor"]
    if good == poor:  # no band between: each half as wide as the bound is far from 0
        better = 1 if CATALOG[criterion["metric"]].direction == "higher" else -1
        apart: float = (value - good) / (abs(good) or 1.0)
        return 50.0 + 50.0 * better * apart
    place: float = THIRD + THIRD * (value - poor) / (good - poor)
    return place


def _within(place: float) -> float:
    return min(100.0, max(0.0, place))


def _card(criterion: Node) -> Card:
    name = criterion["metric"]
    value = shown(name, criterion["value"])
    interval = interval_words(name, criterion["ci95"])
    bounds = shown(name, criterion["poor"]), shown(name, criterion["good"])
    words = GRADE_WORDS[criterion["grade"]]
    spoken = f"{value}" + (f", 95 % interval {interval}" if interval else "")
    return Card(
        name=CATALOG[name].label.removesuffix(", S / T"),
        metric=name,
        value=value,
        interval=interval,
        grade=criterion["grade"],
        grade_words=f"{words}, borderline" if criterion["borderline"] else words,
        facts=tuple(_facts(criterion)),
        reason=criterion["reason"] or "",
        message=criterion["message"],
        bounds=bounds,
        gauge=gauge_of(criterion),
        spoken=f"{spoken}; poor at {bounds[0]}, good at {bounds[1]}: {words}",
    )


def _facts(criterion: Node) -> list[str]:
    found = []
    if criterion["stability"] is not None:
        share = shown("accuracy", criterion["stability"])
        found.append(f"stability: {share} of draws get this grade")
    if criterion["samples"] is not None:
        kind = "rounds" if CATALOG[criterion["metric"]].origin == "time" else "questions"
        found.append(f"{criterion['samples']:,} {kind}")
    if criterion["borderline"]:
        found.append("the interval holds a bound")
    return found


def slices_table(criteria: Sequence[Node]) -> Table | None:
    """Criteria about some of the questions, a row each; None without any."""
    some = [each for each in criteria if each["slice"] is not None]
    if not some:
        return None
    return table(
        "Criteria on slices of the questions",
        ("Criterion", "Slice", "Value", "Poor / good", "p (Holm)", "Grade"),
        [_slice_row(each) for each in some[:MOST_SLICES]],
        words=(0, 1, 5),
        notes=left_out(len(some), MOST_SLICES, "criteria on slices"),
        broad=True,
    )


def _slice_row(criterion: Node) -> tuple[str | Cell, ...]:
    name = criterion["metric"]
    p_value = criterion["p_value_holm"]
    words = GRADE_WORDS[criterion["grade"]]
    return (
        CATALOG[name].label,
        criterion["slice"],
        Cell(shown(name, criterion["value"]), note=interval_words(name, criterion["ci95"])),
        f"{shown(name, criterion['poor'])} / {shown(name, criterion['good'])}",
        "—" if p_value is None else shown("mcnemar_p", p_value),
        Cell(
            f"{words}, borderline" if criterion["borderline"] else words,
            note=criterion["reason"] or "",
            grade=criterion["grade"],
        ),
    )
