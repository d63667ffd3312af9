"""Grading a slice of the questions: poor only where chance is no excuse.

A slice is small, and there are many: of 20 healthy ones, one would be short of its bound by chance
in most runs. So a slice is ``poor`` where its value is short of ``poor`` and the one-sided p-value
that it truly is, corrected by Holm's rule over all slices judged beside it, is below 5 %. Short of
``poor`` without that it is acceptable and borderline. All else goes by the value, as for all
questions together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.judge.grades import (
    CriterionResult,
    Measurement,
    grade_of_value,
    graded,
)
from distill_fixtures.records import Undefined

__all__ = [
    "FEWEST_QUESTIONS",
    "MOST_CHANCE",
    "SliceTest",
    "grade_slice",
    "slice_tests",
    "why_slice_not_judged",
]

FEWEST_QUESTIONS = 30
"""A slice is judged from here on: below it, hardly any failure could be told from chance."""

MOST_CHANCE = 0.05
"""Of even one healthy slice among those judged together being called poor."""


@dataclass(frozen=True, slots=True)
class SliceTest:
    """How surely a slice is short of ``poor``.

    Attributes:
        p_value: share of draws that are not short of it.
        p_value_holm: the same, corrected for the slices judged together.
        slices: how many those are.
        standard_error: of the slice's value.
        most_chance: chance is an excuse from here on.
    """

    p_value: float
    p_value_holm: float
    slices: int
    standard_error: float
    most_chance: float = MOST_CHANCE

    @property
    def is_sure(self) -> bool:
        """Chance is no excuse."""
        return self.p_value_holm < self.most_chance


def why_slice_not_judged(measurement: Measurement, *, fewest: int = FEWEST_QUESTIONS) -> str | None:
    """Why a slice cannot be judged, or None where it can.

    Args:
        measurement: ``samples`` are the slice's questions.
        fewest: questions that are needed.

    >>> why_slice_not_judged(Measurement(50.0, samples=18, draws=[49.0, 51.0]))
    '18 questions; a slice is judged from 30'
    """
    questions = measurement.samples or 0
    if 0 < questions < fewest:
        counted = "1 question" if questions == 1 else f"{questions} questions"
        return f"{counted}; a slice is judged from {fewest}"
    if measurement.invalid is not None:
        return measurement.invalid
    if isinstance(measurement.value, Undefined):
        return measurement.value.reason
    if len(measurement.draws) > 0:
        return None
    if isinstance(measurement.ci95, Undefined):
        return f"nothing tells it from chance: {measurement.ci95.reason}"
    return "nothing tells it from chance: this metric is not resampled"


def slice_tests(measured: Mapping[Criterion, Measurement]) -> dict[Criterion, SliceTest]:
    """Test slices that are judged together, each against its own ``poor``.

    Args:
        measured: all slices of one metric and kind; those that cannot be judged are left out, and
            count for nothing in the correction.
    """
    import numpy as np

    from distill_fixtures.metrics.multiple import holm, tail_probability

    draws = {
        criterion: np.asarray(found.draws, dtype=np.float64)
        for criterion, found in measured.items()
        if why_slice_not_judged(found) is None
    }
    p_values = [
        tail_probability(drawn, criterion.poor, side=_short_side(criterion))
        for criterion, drawn in draws.items()
    ]
    return {
        criterion: SliceTest(p, corrected, len(draws), float(drawn.std()))
        for (criterion, drawn), p, corrected in zip(
            draws.items(), p_values, holm(p_values, MOST_CHANCE), strict=True
        )
    }


def grade_slice(
    criterion: Criterion,
    measurement: Measurement,
    test: SliceTest,
    *,
    student: str,
    teacher: str,
) -> CriterionResult:
    """Grade a slice that can be judged.

    Args:
        test: of this slice, from ``slice_tests``.
        student: the student's reference, for the message.
        teacher: the teacher's.
    """
    if isinstance(measurement.value, Undefined):
        raise ValueError(f"{criterion.name} has no value to grade: {measurement.value.reason}")
    by_value = grade_of_value(criterion, measurement.value)
    borderline = by_value == "poor" and not test.is_sure
    grade = "acceptable" if borderline else by_value
    return graded(
        criterion,
        measurement,
        grade,
        borderline=borderline,
        models=(student, teacher),
        test=test,
    )


def _short_side(criterion: Criterion) -> Literal["below", "above"]:
    return "below" if criterion.entry.direction == "higher" else "above"
