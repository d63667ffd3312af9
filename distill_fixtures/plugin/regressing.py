"""The session's figures against an earlier run's, each compared once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from distill_fixtures.catalog import metric
from distill_fixtures.errors import DistillBenchError
from distill_fixtures.judge.comparability import conditions_of
from distill_fixtures.judge.criteria import Gate, Thresholds
from distill_fixtures.judge.regression import (
    RegressionResult,
    fails_regression,
    judge_regression,
)
from distill_fixtures.judge.run_figures import (
    ProcessRounds,
    RunFigures,
    figures_of_document,
)
from distill_fixtures.judge.usable_baseline import why_no_baseline
from distill_fixtures.measure.processes.process_looks import LOOKS
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.pairing import correct_flags
from distill_fixtures.metrics.process_ratios import round_times
from distill_fixtures.metrics.sections import section_of
from distill_fixtures.plugin.options import options_in_force
from distill_fixtures.records import Undefined
from distill_fixtures.report.baseline import Baseline, NoBaseline, newest_baseline
from distill_fixtures.report.environment import describe_environment
from distill_fixtures.report.json_files import HISTORY_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from distill_fixtures.plugin.store import SessionStore
    from distill_fixtures.records import ProcessTiming, Role

__all__ = ["Regression"]

NO_BASELINE = Undefined("no baseline was given (--distill-baseline)")
NOT_LOOKED_FOR = Undefined("the run ended before an earlier one was looked for")


class Regression:
    """Compares figures with the baseline's.

    Args:
        store: where figures come from; comparing one measures what it needs.
        thresholds: tolerances and the gate.
        rootpath: pytest's root folder.
        selected: metrics whose comparison is selected in this session.
    """

    def __init__(
        self,
        store: SessionStore,
        thresholds: Thresholds,
        *,
        rootpath: Path,
        selected: Iterable[str],
    ) -> None:
        self._store = store
        self._tolerances: Mapping[str, float] = thresholds.regression_tolerance_pct
        self._gate: Gate = thresholds.gate
        self._rootpath = rootpath
        self._selected = tuple(selected)
        self._results: dict[str, RegressionResult] = {}
        self._taken: Sequence[ProcessTiming] = ()
        self._is_ended = False
        if self.wanted:
            store.time_processes_until(self._settled, first=self._needs_processes)

    @property
    def wanted(self) -> bool:
        """Whether the user asked for a comparison."""
        return self._store.config.baseline is not None

    @property
    def compares(self) -> bool:
        """Whether anything is, or was to be, compared in this session."""
        return self.wanted and bool(self._selected or self._results)

    @cached_property
    def baseline(self) -> Baseline | NoBaseline | Undefined:
        """The earlier run; none where nobody asked, or where none will do."""
        given = self._store.config.baseline
        if given is None:
            return NO_BASELINE
        if given != "auto":
            assert self._store.inputs.baseline is not None
            return self._store.inputs.baseline
        if self._is_ended:
            return NOT_LOOKED_FOR
        self._learn_conditions()
        current = self._conditions()
        folder = self._store.config.metrics_dir / HISTORY_FOLDER
        return newest_baseline(
            folder,
            lambda document: why_no_baseline(
                document, current, student=self._store.config.student, metrics=self._asked
            ),
        )

    def __call__(self, name: str) -> RegressionResult | NoBaseline:
        """Compare one figure; measure it where there is no baseline yet, for later runs.

        Raises:
            KeyError: the thresholds hold no tolerance for the metric.
            DistillBenchError: it could not be measured.
        """
        tolerance = self._tolerances[name]
        self._measure(name)
        baseline = self.baseline
        assert not isinstance(baseline, Undefined), "asked without a baseline"
        if isinstance(baseline, NoBaseline):
            return baseline
        if name not in self._results:
            self._results[name] = self._compared(name, tolerance, baseline)
        return self._results[name]

    def why_not_recorded(self, name: str) -> str | None:
        """Why a later run cannot be held against this one by a metric; None where it can."""
        found = self._processes() if metric(name).origin == "time" else self._value(name)
        return found.reason if isinstance(found, Undefined) else None

    def known(self, name: str) -> RegressionResult | None:
        """The comparison of a metric that was made; None where it was not. Measures nothing."""
        return self._results.get(name)

    def note_skipped(self, name: str) -> None:
        """A metric whose test was skipped before it began is not asked for."""
        self._selected = tuple(each for each in self._selected if each != name)

    def end(self) -> None:
        """The run has ended before its time: nothing is measured any more, for a document
        either."""
        self._is_ended = True

    def fails(self, result: RegressionResult) -> bool:
        """Whether a result fails the gate."""
        return fails_regression(result, self._gate)

    def results(self) -> tuple[RegressionResult, ...] | Undefined:
        """All comparisons that were selected; those that were not reached are not judged."""
        if not self.wanted:
            return NO_BASELINE
        if not self.compares:
            return Undefined("no test that compares with the baseline was run")
        baseline = self.baseline
        if isinstance(baseline, NoBaseline):
            return Undefined(str(baseline))
        assert isinstance(baseline, Baseline) or baseline is NOT_LOOKED_FOR
        names = dict.fromkeys((*self._results, *self._selected))
        return tuple(self._results.get(name) or self._unreached(name) for name in names)

    def _unreached(self, name: str) -> RegressionResult:
        return RegressionResult(
            metric=name,
            tolerance_pct=self._tolerances[name],
            verdict="not_judged",
            reason="it could not be measured, or the run ended before it was reached",
        )

    @property
    def _needs_processes(self) -> bool:
        return any(metric(name).origin == "time" for name in self._selected)

    @property
    def _asked(self) -> tuple[str, ...]:
        """Metrics that are compared; all, where a test asks for the fixture by its name."""
        return self._selected or tuple(self._tolerances)

    def _learn_conditions(self) -> None:
        """Take what tells under which conditions this run is made, before runs are told apart."""
        self._store.card("teacher")
        if self._needs_processes and not self._timed():
            # Its failure is remembered, and raised when a time is compared.
            with suppress(DistillBenchError):
                self._store.process_timing()

    def _timed(self) -> Sequence[ProcessTiming]:
        """The processes that were timed, or have been so far."""
        known = self._store.known_process_timing()
        return self._taken if isinstance(known, Undefined) else known.processes

    def _measure(self, name: str) -> None:
        """Take what a comparison of this metric needs."""
        found = metric(name)
        if found.origin == "time":
            self._store.card("teacher")
            self._store.process_timing()
        elif found.origin == "answers":
            self._store.answers("teacher")
            self._store.answers("student")
        self._value(name)

    def _value(self, name: str) -> float | Undefined:
        section = section_of(name)
        if metric(name).scope == "pair":
            values = self._store.pair_section(section).values
        else:
            values = self._store.model_section("student", section).values
        value: float | Undefined = values[name]
        return value

    def _compared(self, name: str, tolerance: float, baseline: Baseline) -> RegressionResult:
        return judge_regression(
            name,
            tolerance,
            figures_of_document(baseline.document),
            self._current(),
            looks=len(LOOKS),
            clusters=clusters_of(self._store.questions.questions),
            seed=self._store.config.seed,
        )

    def _current(self) -> RunFigures:
        models = self._store.recordings().models
        flags = {
            role: answers if isinstance(answers, Undefined) else correct_flags(answers).tolist()
            for role, answers in ((role, models[role].answers) for role in _PAIR)
        }
        return RunFigures(
            conditions=self._conditions(),
            value=self._value,
            student_correct=flags["student"],
            teacher_correct=flags["teacher"],
            processes=self._processes(),
        )

    def _processes(self) -> tuple[ProcessRounds, ...] | Undefined:
        noise = self._store.machine.timing_invalid.get("processes")
        if noise is not None:
            return Undefined(noise)
        timed = self._timed()
        return _rounds_of(timed) if timed else _NOT_TIMED

    @cached_property
    def _environment(self) -> dict[str, Any]:
        models = any(metric(name).origin != "size" for name in self._asked)
        device, dtype = self._store.timing_placement if models else (None, None)
        section, _ = describe_environment(device=device, dtype=dtype, rootpath=self._rootpath)
        return section.model_dump(mode="json")

    def _conditions(self) -> dict[str, str]:
        """As ``conditions_of`` will find them in this run's document."""
        store, environment = self._store, self._environment
        card = store.recordings().models["teacher"].card
        draft: dict[str, Any] = {
            "environment": environment,
            "run": {"options": options_in_force(store.config)},
            "dataset": {
                "digest": store.questions.digest,
                "scoring": store.scoring,
                "prompt_digest": store.prompt_digest,
            },
            "teacher": {} if isinstance(card, Undefined) else {"digest": card.digest},
        }
        timed = self._timed()
        if timed:
            draft["process_timing"] = {
                "device": environment["device"],
                "dtype": environment["dtype"],
                "threads": timed[0].threads,
            }
        return conditions_of(draft)

    def _settled(self, taken: Sequence[ProcessTiming]) -> bool:
        """Whether every time that is compared has its verdict already."""
        self._taken = taken
        baseline = self.baseline
        if not isinstance(baseline, Baseline):
            return True
        before = figures_of_document(baseline.document)
        current = RunFigures.of_times(_rounds_of(taken), self._conditions())
        return all(
            judge_regression(
                name, self._tolerances[name], before, current, looks=len(LOOKS)
            ).verdict
            != "inconclusive"
            for name in self._asked
            if metric(name).origin == "time"
        )


_PAIR: tuple[Role, ...] = ("teacher", "student")
_NOT_TIMED = Undefined("no process was timed")


def _rounds_of(taken: Sequence[ProcessTiming]) -> tuple[ProcessRounds, ...]:
    return tuple(
        ProcessRounds(round_times(each.rounds["teacher"]), round_times(each.rounds["student"]))
        for each in taken
    )
