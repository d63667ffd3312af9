"""Grading criteria one by one, wherever their figures come from: a running session, or files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from distill_fixtures.judge.criteria import EVERY
from distill_fixtures.judge.grades import (
    CriterionResult,
    Measurement,
    grade,
    not_applicable,
    not_judged,
)
from distill_fixtures.judge.slices import (
    SliceTest,
    grade_slice,
    slice_tests,
    why_slice_not_judged,
)

if TYPE_CHECKING:
    from distill_fixtures.judge.criteria import Criterion, Slices
    from distill_fixtures.metrics.section import Section

__all__ = ["Figures", "Grader", "measurement_of"]


class Figures(Protocol):
    """Where the figures are that criteria judge."""

    @property
    def models(self) -> tuple[str, str]:
        """References of student and teacher."""

    @property
    def slices(self) -> Slices:
        """How many questions each slice has."""

    def section(self, criterion: Criterion) -> Section:
        """A section with the criterion's figure: of its slice, or of all questions."""


class Grader:
    """Callable with a criterion.

    Args:
        figures: what is judged.
        criteria: all that the student is held to: slices are tested together.
    """

    def __init__(self, figures: Figures, criteria: Sequence[Criterion]) -> None:
        self._figures = figures
        self._criteria = tuple(criteria)
        self._tests: dict[Criterion, SliceTest] = {}

    def __call__(self, criterion: Criterion) -> CriterionResult:
        """Grade one criterion."""
        part, name = criterion.slice, criterion.metric
        if part is not None and part.name == EVERY:
            return not_applicable(criterion, f"no question has a {part.kind}")
        section = self._figures.section(criterion)
        if name in section.not_applicable:
            return not_applicable(criterion, section.not_applicable[name])
        measurement = self._measurement(criterion)
        student, teacher = self._figures.models
        if part is None:
            return grade(criterion, measurement, student=student, teacher=teacher)
        unfit = why_slice_not_judged(measurement)
        if unfit is None:
            test = self._test(criterion)
            return grade_slice(criterion, measurement, test, student=student, teacher=teacher)
        if criterion.by_wildcard and self.whole_can_be_judged(criterion):
            return not_applicable(criterion, unfit, measurement)
        return not_judged(criterion, unfit, measurement, models=(student, teacher))

    def whole_can_be_judged(self, criterion: Criterion) -> bool:
        """Whether it is a slice's own fault that it cannot be judged, and not the models'."""
        whole = self._measurement(replace(criterion, slice=None, by_wildcard=False))
        return why_slice_not_judged(whole, fewest=0) is None

    def _test(self, criterion: Criterion) -> SliceTest:
        """Of one slice, among all that the thresholds name for its metric and kind: whether a test
        of theirs is selected makes no difference."""
        if criterion not in self._tests:
            assert criterion.slice is not None
            together = [
                each
                for each in (*self._criteria, criterion)
                if each.metric == criterion.metric
                and each.slice is not None
                and each.slice.kind == criterion.slice.kind
                and criterion.metric not in self._figures.section(each).not_applicable
            ]
            self._tests |= slice_tests({each: self._measurement(each) for each in together})
        return self._tests[criterion]

    def _measurement(self, criterion: Criterion) -> Measurement:
        return measurement_of(criterion, self._figures.section(criterion), self._figures.slices)


def measurement_of(criterion: Criterion, section: Section, slices: Slices) -> Measurement:
    """The figure of a criterion out of its section."""
    name, part = criterion.metric, criterion.slice
    samples = section.samples
    if part is not None:
        samples = slices[part.kind].get(part.name, 0)
    return Measurement(
        value=section.values[name],
        samples=samples,
        ci95=section.intervals.get(name),
        draws=section.draws[name].tolist() if name in section.draws else (),
        invalid=section.invalid.get(name),
    )
