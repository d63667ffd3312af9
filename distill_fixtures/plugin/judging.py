"""Grades the session's figures against the thresholds, each criterion once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from distill_fixtures.catalog import metric
from distill_fixtures.errors import DistillBenchError
from distill_fixtures.judge.criteria import EVERY, names_of, slices_of
from distill_fixtures.judge.gate import Verdict, fails_gate, verdict
from distill_fixtures.judge.grades import (
    CriterionResult,
    Measurement,
    grade,
    not_applicable,
    not_judged,
    not_run,
)
from distill_fixtures.judge.slices import (
    SliceTest,
    grade_slice,
    slice_tests,
    why_slice_not_judged,
)
from distill_fixtures.metrics.sections import section_of

if TYPE_CHECKING:
    from distill_fixtures.judge.criteria import Criterion, Slice, Thresholds
    from distill_fixtures.metrics.section import Section
    from distill_fixtures.plugin.store import SessionStore

__all__ = ["Judge"]


class Judge:
    """Callable with a criterion, or with a metric's name that has one.

    Args:
        store: where figures come from; asking for a grade measures what it needs.
        thresholds: all of them.
        selected: the criteria whose tests are selected in this session.
    """

    def __init__(
        self, store: SessionStore, thresholds: Thresholds, selected: Iterable[Criterion]
    ) -> None:
        self._store = store
        self._gate = thresholds.gate
        self._slices = slices_of(store.questions.questions)
        self._criteria = thresholds.criteria_for(
            *names_of(store.config.student), slices=self._slices
        )
        self._selected = frozenset(selected)
        self._results: dict[Criterion, CriterionResult] = {}
        self._sections: dict[tuple[str, Slice], Section] = {}
        self._tests: dict[Criterion, SliceTest] = {}

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """All that the student is held to; of every slice that its questions have, one each."""
        return self._criteria

    def __call__(self, asked: Criterion | str) -> CriterionResult:
        """Grade one criterion.

        Raises:
            KeyError: no criterion has this metric's name.
        """
        criterion = self._named(asked) if isinstance(asked, str) else asked
        if criterion not in self._results:
            try:
                self._results[criterion] = self._graded(criterion)
            except DistillBenchError as error:
                self._results[criterion] = not_judged(criterion, error.what)
                raise
        return self._results[criterion]

    def note_skipped(self, criterion: Criterion) -> None:
        """A criterion whose test was skipped before it began is not asked for."""
        self._results.setdefault(criterion, not_run(criterion, "its test was skipped"))

    def fails(self, result: CriterionResult) -> bool:
        """Whether a result fails the gate."""
        return fails_gate(result, self._gate)

    def verdict(self) -> Verdict:
        """All criteria: those graded, those that were to be graded but were not reached, and
        those that nobody asked for."""
        return verdict([self._result(criterion) for criterion in self._criteria], self._gate)

    def _result(self, criterion: Criterion) -> CriterionResult:
        if criterion in self._results:
            return self._results[criterion]
        if criterion in self._selected:
            return not_judged(criterion, "the run ended before this criterion was reached")
        return not_run(criterion)

    def _named(self, name: str) -> Criterion:
        for criterion in self._criteria:
            if criterion.metric == name and criterion.slice is None:
                return criterion
        known = ", ".join(criterion.name for criterion in self._criteria)
        raise KeyError(f"no criterion for {name!r} in the thresholds; there are: {known}")

    def _graded(self, criterion: Criterion) -> CriterionResult:
        part, name = criterion.slice, criterion.metric
        if part is not None and part.name == EVERY:
            return not_applicable(criterion, f"no question has a {part.kind}")
        section = self._section(criterion)
        if name in section.not_applicable:
            return not_applicable(criterion, section.not_applicable[name])
        measurement = self._measurement(criterion)
        references = self._store.config
        student, teacher = references.student, references.teacher
        if part is None:
            return grade(criterion, measurement, student=student, teacher=teacher)
        unfit = why_slice_not_judged(measurement)
        if unfit is None:
            test = self._test(criterion)
            return grade_slice(criterion, measurement, test, student=student, teacher=teacher)
        if criterion.by_wildcard and self._whole_can_be_judged(criterion):
            return not_applicable(criterion, unfit, measurement)
        return not_judged(criterion, unfit, measurement, models=(student, teacher))

    def _whole_can_be_judged(self, criterion: Criterion) -> bool:
        """Whether it is the slice's own fault that it cannot be judged, and not the models'."""
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
                and criterion.metric not in self._section(each).not_applicable
            ]
            self._tests |= slice_tests({each: self._measurement(each) for each in together})
        return self._tests[criterion]

    def _measurement(self, criterion: Criterion) -> Measurement:
        """The figure of a criterion; measures what it needs."""
        section, name, part = self._section(criterion), criterion.metric, criterion.slice
        samples = section.samples
        if part is not None:
            samples = self._slices[part.kind].get(part.name, 0)
        return Measurement(
            value=section.values[name],
            samples=samples,
            ci95=section.intervals.get(name),
            draws=section.draws[name].tolist() if name in section.draws else (),
            invalid=section.invalid.get(name),
        )

    def _section(self, criterion: Criterion) -> Section:
        name = section_of(criterion.metric)
        pair = metric(criterion.metric).scope == "pair"
        part = criterion.slice
        if part is not None:
            if (name, part) not in self._sections:
                self._sections[name, part] = self._store.sliced_section(
                    name, part.kind, part.name, pair=pair
                )
            return self._sections[name, part]
        if pair:
            return self._store.pair_section(name)
        return self._store.model_section("student", name)
