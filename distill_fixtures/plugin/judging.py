"""Grades the session's figures against the thresholds, each criterion once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from distill_fixtures.catalog import metric
from distill_fixtures.errors import DistillBenchError
from distill_fixtures.judge.criteria import names_of, slices_of
from distill_fixtures.judge.gate import Verdict, fails_gate, verdict
from distill_fixtures.judge.grades import CriterionResult, not_judged, not_run
from distill_fixtures.judge.grading import Grader
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
        figures = _StoredFigures(store)
        self._gate = thresholds.gate
        self._criteria = thresholds.criteria_for(
            *names_of(store.config.student), slices=figures.slices
        )
        self._grade = Grader(figures, self._criteria)
        self._selected = frozenset(selected)
        self._results: dict[Criterion, CriterionResult] = {}

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
                self._results[criterion] = self._grade(criterion)
            except DistillBenchError as error:
                self._results[criterion] = not_judged(criterion, error.what)
                raise
        return self._results[criterion]

    def known(self, criterion: Criterion) -> CriterionResult | None:
        """The result of a criterion that was graded; None where it was not. Measures nothing."""
        return self._results.get(criterion)

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


class _StoredFigures:
    """The session's figures; asking for one measures what it needs."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._sections: dict[tuple[str, Slice], Section] = {}
        self.models = (store.config.student, store.config.teacher)
        self.slices = slices_of(store.questions.questions)

    def section(self, criterion: Criterion) -> Section:
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
