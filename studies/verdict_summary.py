"""From recorded trials to rates: false alarms, slowdowns found, how near to 1 the speedup is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

import numpy as np
from pytest_benchmark.utils import parse_compare_fail

from distill_fixtures.metrics.exact_binomial import clopper_pearson_lower, clopper_pearson_upper
from distill_fixtures.metrics.latency import speedup
from studies.verdict_trials import RecordedProcess, Trial, judged

__all__ = ["RULES", "Alarms", "alarms", "crossed", "speedups", "timing_s_per_model"]

PLAIN_GATE = "mean:5%"
Gate = Callable[[Trial, str], str]


@dataclass(frozen=True, slots=True)
class Alarms:
    """How often a rule said what.

    Attributes:
        rule: its name.
        verdicts: by verdict, how many trials.
    """

    rule: str
    verdicts: Counter[str]

    @property
    def trials(self) -> int:
        return self.verdicts.total()

    @property
    def failed(self) -> int:
        return self.verdicts["fail"]

    @property
    def at_most(self) -> float:
        """Upper bound of the share that fails, one-sided 95 %."""
        return clopper_pearson_upper(self.failed, self.trials)

    @property
    def at_least(self) -> float:
        """Lower bound of the share that fails, one-sided 95 %."""
        return clopper_pearson_lower(self.failed, self.trials)


def alarms(trials: Sequence[Trial], role: str) -> list[Alarms]:
    """What this suite's gate and plainer rules say of one role, on the same samples."""
    return [
        Alarms(rule, Counter(gate(trial, role) for trial in trials)) for rule, gate in RULES.items()
    ]


def crossed(baselines: Sequence[Trial], currents: Sequence[Trial]) -> list[Trial]:
    """Trials whose baseline comes from one condition and whose current run from another.

    As many as the shorter of the two has. How many processes a current run has was decided by its
    own baseline, so that a verdict may stay inconclusive that five more would have settled.
    """
    return [
        replace(current, baseline=baseline.baseline)
        for baseline, current in zip(baselines, currents, strict=False)
    ]


def _this_suite(trial: Trial, role: str) -> str:
    return judged(trial, role).verdict


def _plain_of_one_process(trial: Trial, role: str) -> str:
    return _plain(trial.baseline[0].seconds["student"], trial.current[0].seconds[role])


def _plain_of_all_rounds(trial: Trial, role: str) -> str:
    sides = (
        [second for each in processes for second in each.seconds[name]]
        for processes, name in ((trial.baseline, "student"), (trial.current, role))
    )
    return _plain(*sides)


def _plain(baseline_s: Sequence[float], current_s: Sequence[float]) -> str:
    """pytest-benchmark's own rule on the same rounds."""
    check: Any = parse_compare_fail(PLAIN_GATE)  # type: ignore[no-untyped-call]
    stats = [{"mean": fmean(seconds)} for seconds in (current_s, baseline_s)]
    return "fail" if check.fails(*stats) else "pass"


def _medians_of_one_process(trial: Trial, role: str) -> str:
    """Interleaved as here, but one process a run and no interval."""
    logs = [
        median(_log_ratios(process, name))
        for process, name in ((trial.baseline[0], "student"), (trial.current[0], role))
    ]
    return "fail" if logs[1] - logs[0] > np.log1p(0.05) else "pass"


RULES: dict[str, Gate] = {
    "this suite": _this_suite,
    f"pytest-benchmark {PLAIN_GATE}, one process a run": _plain_of_one_process,
    f"pytest-benchmark {PLAIN_GATE}, all processes' rounds": _plain_of_all_rounds,
    "medians of interleaved rounds, one process a run": _medians_of_one_process,
}


def _log_ratios(process: RecordedProcess, role: str) -> list[float]:
    """log(t_role / t_teacher) of each pair of rounds."""
    pairs = zip(process.seconds["teacher"], process.seconds[role], strict=True)
    return [float(np.log(role_s / teacher_s)) for teacher_s, role_s in pairs]


def timing_s_per_model(trials: Sequence[Trial], role: str = "student") -> float:
    """Mean seconds that a current run timed one model, warm-up left out."""
    return fmean(
        sum(second for each in trial.current for second in each.seconds[role]) for trial in trials
    )


def speedups(trials: Sequence[Trial]) -> list[float]:
    """Of teacher over student in each process of each run: 1 where they are the same model."""
    return [
        speedup(-np.array(_log_ratios(process, "student")))
        for trial in trials
        for process in (*trial.baseline, *trial.current)
        if "student" in process.seconds
    ]
