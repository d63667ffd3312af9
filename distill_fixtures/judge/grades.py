"""From a figure and its bounds to a grade.

What comes from answers, sizes and memory is graded by its value (of a slice of the questions:
see ``slices``). What comes from time is graded
by its whole 95 % interval: poor where all of it is short of ``poor``, good where all of it is
beyond ``good``, else acceptable; an interval that holds a bound (also with its end) makes the
grade borderline. A figure on a bound is neither beyond nor short of it: acceptable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_fixtures.judge.criteria import Criterion, Grade
from distill_fixtures.judge.messages import describe_graded, describe_ungraded
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.judge.slices import SliceTest

__all__ = [
    "CriterionResult",
    "Measurement",
    "grade",
    "grade_of_value",
    "graded",
    "not_applicable",
    "not_judged",
    "not_run",
]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure, ready to be graded.

    Attributes:
        value: the figure, or why there is none.
        samples: the number of questions or rounds behind it; None for a size.
        ci95: 95 % interval (low, high); None or Undefined where there is none.
        draws: resampled values, for the grade's stability; empty where there are none.
        invalid: why the figure, though it exists, must not be judged (retention against a
            teacher that knows nothing, say).
    """

    value: float | Undefined
    samples: int | None = None
    ci95: tuple[float, float] | Undefined | None = None
    draws: Sequence[float] = ()
    invalid: str | None = None

    def __post_init__(self) -> None:
        numbers = [] if isinstance(self.value, Undefined) else [self.value]
        numbers += self.ci95 if isinstance(self.ci95, tuple) else ()
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"a figure that is not finite must be Undefined: {numbers}")
        if isinstance(self.ci95, tuple) and self.ci95[0] > self.ci95[1]:
            raise ValueError(f"an interval from {self.ci95[0]} down to {self.ci95[1]}")


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """How one criterion came out.

    Attributes:
        criterion: the metric and its bounds.
        value: the figure; None where there is none.
        ci95: its 95 % interval; None where there is none.
        samples: questions or rounds behind it; None for a size.
        grade: the grade.
        stability: share of draws that, by their value, get the same grade; None without draws.
            It is no probability that the grade is right.
        borderline: a figure from time whose interval holds a bound; a slice's that is short of
            ``poor`` and may be so by chance.
        reason: why there is no good, acceptable or poor; None where there is.
        message: all of it for people, several lines.
        p_value: of a slice, that it is truly short of ``poor``; None where none was told.
        p_value_holm: the same, corrected for the slices judged beside it.
    """

    criterion: Criterion
    value: float | None
    ci95: tuple[float, float] | None
    samples: int | None
    grade: Grade
    stability: float | None
    borderline: bool
    reason: str | None
    message: str
    p_value: float | None = None
    p_value_holm: float | None = None

    @property
    def may_be_poor(self) -> bool:
        """Borderline at the poor bound, and not just at the good one."""
        if self.borderline and self.criterion.slice is not None:
            return True
        if not self.borderline or self.ci95 is None:
            return False
        return not all(self.criterion.beats(end, self.criterion.poor) for end in self.ci95)


def grade(
    criterion: Criterion, measurement: Measurement, *, student: str, teacher: str
) -> CriterionResult:
    """Grade one figure; that of a slice goes to ``grade_slice``.

    Args:
        student: the student's reference, for the message.
        teacher: the teacher's.
    """
    models = (student, teacher)
    if isinstance(measurement.value, Undefined):
        return not_judged(criterion, measurement.value.reason, measurement, models=models)
    if measurement.invalid is not None:
        return not_judged(criterion, measurement.invalid, measurement, models=models)
    interval = measurement.ci95 if isinstance(measurement.ci95, tuple) else None
    borderline = False
    if criterion.entry.origin == "time":
        if interval is None:
            reason = "a time cannot be judged without its 95 % interval"
            if isinstance(measurement.ci95, Undefined):
                reason += f": {measurement.ci95.reason}"
            return not_judged(criterion, reason, measurement, models=models)
        grade_, borderline = _grade_of_interval(criterion, interval)
    else:
        grade_ = grade_of_value(criterion, measurement.value)
    return graded(criterion, measurement, grade_, borderline=borderline, models=models)


def graded(
    criterion: Criterion,
    measurement: Measurement,
    grade_: Grade,
    *,
    borderline: bool,
    models: tuple[str, str],
    test: SliceTest | None = None,
) -> CriterionResult:
    """The result of a criterion whose grade is known.

    Args:
        measurement: has a value.
        models: references of student and teacher, for the message.
        test: of a slice.
    """
    assert not isinstance(measurement.value, Undefined)
    interval = measurement.ci95 if isinstance(measurement.ci95, tuple) else None
    return CriterionResult(
        criterion=criterion,
        value=measurement.value,
        ci95=interval,
        samples=measurement.samples,
        grade=grade_,
        stability=_stability(criterion, grade_, measurement.draws),
        borderline=borderline,
        reason=None,
        message=describe_graded(
            criterion,
            grade_,
            measurement.value,
            interval=interval,
            samples=measurement.samples,
            borderline=borderline,
            models=models,
            test=test,
        ),
        p_value=None if test is None else test.p_value,
        p_value_holm=None if test is None else test.p_value_holm,
    )


def grade_of_value(criterion: Criterion, value: float) -> Grade:
    """The grade of a value that is not in doubt.

    >>> retention = Criterion("knowledge_retention_pct", good=85.0, poor=70.0)
    >>> [grade_of_value(retention, value) for value in (85.1, 85.0, 70.0, 69.9)]
    ['good', 'acceptable', 'acceptable', 'poor']
    """
    if criterion.beats(value, criterion.good):
        return "good"
    return "poor" if criterion.beats(criterion.poor, value) else "acceptable"


def not_judged(
    criterion: Criterion,
    reason: str,
    measurement: Measurement | None = None,
    *,
    models: tuple[str, str] | None = None,
) -> CriterionResult:
    """A criterion that was selected but could not be measured, or whose figure is not valid.

    Args:
        measurement: what there is of it.
        models: references of student and teacher, for the message.
    """
    return _ungraded(criterion, "not_judged", reason, measurement, models)


def not_applicable(
    criterion: Criterion, reason: str, measurement: Measurement | None = None
) -> CriterionResult:
    """A criterion whose metric says nothing about these two models."""
    return _ungraded(criterion, "not_applicable", reason, measurement, None)


def not_run(criterion: Criterion, reason: str = "deselected") -> CriterionResult:
    """A criterion whose test was deselected."""
    return _ungraded(criterion, "not_run", reason, None, None)


def _ungraded(
    criterion: Criterion,
    grade_: Grade,
    reason: str,
    measurement: Measurement | None,
    models: tuple[str, str] | None,
) -> CriterionResult:
    value = measurement.value if measurement is not None else None
    number = None if isinstance(value, Undefined) else value
    interval = measurement.ci95 if measurement is not None else None
    return CriterionResult(
        criterion=criterion,
        value=number,
        ci95=interval if isinstance(interval, tuple) else None,
        samples=measurement.samples if measurement is not None else None,
        grade=grade_,
        stability=None,
        borderline=False,
        reason=reason,
        message=describe_ungraded(criterion, grade_, reason, number, models=models),
    )


def _grade_of_interval(criterion: Criterion, interval: tuple[float, float]) -> tuple[Grade, bool]:
    if all(criterion.beats(end, criterion.good) for end in interval):
        return "good", False
    if all(criterion.beats(criterion.poor, end) for end in interval):
        return "poor", False
    low, high = interval
    holds_a_bound = any(low <= bound <= high for bound in (criterion.good, criterion.poor))
    return "acceptable", holds_a_bound


def _stability(criterion: Criterion, grade_: Grade, draws: Sequence[float]) -> float | None:
    """The share of draws that, by their value, get the grade; None without draws."""
    if len(draws) == 0:
        return None
    return sum(grade_of_value(criterion, draw) == grade_ for draw in draws) / len(draws)
