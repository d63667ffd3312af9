"""Whether a figure is worse than in an earlier run by more than is let through.

- Times: the student's time over its teacher's, each run its own control, in several processes of
  each run; non-inferiority on the log ratio, at planned looks.
- Accuracies: the paired difference over the same questions.
- Sizes and memory: exactly, without an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from distill_fixtures.catalog import format_value, metric
from distill_fixtures.judge.comparability import Difference, differences
from distill_fixtures.judge.criteria import Gate
from distill_fixtures.judge.run_figures import RunFigures
from distill_fixtures.metrics.non_inferiority import (
    NonInferiority,
    compare_accuracies,
    compare_exactly,
    compare_processes,
)
from distill_fixtures.metrics.process_ratios import COMPARED_TIMES
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RegressionResult", "RegressionVerdict", "fails_regression", "judge_regression"]

MOST_LOG_CHANGE = 700.0
"""No file's times, however odd, lead to a change that is no number: e^700 is one."""

RegressionVerdict = Literal["pass", "fail", "inconclusive", "not_comparable", "not_judged"]


@dataclass(frozen=True, slots=True)
class RegressionResult:
    """How one figure compares with the baseline's.

    Attributes:
        metric: its name in the catalogue.
        tolerance_pct: how much worse it may be.
        baseline, current: the figures as each run has them; None where there is none. Of times the
            seconds do not compare: what is judged is the student's time over its teacher's.
        change_pct: by how much the judged quantity changed; above 0 it rose.
        ci95: interval of the change: two one-sided 97.5 % bounds, wider where there are several
            looks; None for what is compared exactly.
        verdict: ``inconclusive``: the interval holds the tolerance; ``not_comparable``: the runs
            were made under other conditions; ``not_judged``: there is no figure.
        basis: what was compared, for people.
        reason: why there is no pass or fail; None where there is.
        differences: the conditions that differ.
    """

    metric: str
    tolerance_pct: float
    verdict: RegressionVerdict
    baseline: float | None = None
    current: float | None = None
    change_pct: float | None = None
    ci95: tuple[float, float] | None = None
    basis: str = "nothing"
    reason: str | None = None
    differences: tuple[Difference, ...] = field(default=())

    @property
    def message(self) -> str:
        """All of it for people, several lines."""
        words = self.verdict.replace("_", " ")
        lines = [f"{self.metric} against the baseline: {words}"]
        if self.reason is not None:
            lines[0] += f": {self.reason}"
        for name, value in (("baseline", self.baseline), ("current", self.current)):
            if value is not None:
                lines.append(f"  {name + ':':10}{format_value(self.metric, value)}")
        if self.change_pct is not None:
            change = f"{self.change_pct:+.2f} %"
            if self.ci95 is not None:
                change += f" ({self.ci95[0]:+.2f} to {self.ci95[1]:+.2f})"
            lines.append(f"  change:   {change} of {self.basis}")
        worse = "higher" if metric(self.metric).direction == "lower" else "lower"
        lines.append(f"  allowed:  {self.tolerance_pct:g} % {worse}")
        lines += [f"  differs:  {each}" for each in self.differences]
        if self.verdict in NEXT_STEPS:
            lines.append(f"  next:     {NEXT_STEPS[self.verdict].format(metric=self.metric)}")
        return "\n".join(lines)


NEXT_STEPS: dict[RegressionVerdict, str] = {
    "fail": "look for what changed since the baseline; where the change is wanted, take this run "
    "as the new baseline or raise tolerance_pct of [regression.{metric}]",
    "inconclusive": "run again on a quieter machine, or take the baseline anew with more rounds "
    "(--distill-max-seconds)",
    "not_comparable": "take a baseline under this run's conditions",
    "not_judged": "remove the cause, or take [regression.{metric}] out of the thresholds",
}


def fails_regression(result: RegressionResult, gate: Gate) -> bool:
    """Whether the result fails a run.

    Another machine or other questions are no fault of the student: what does not compare passes.
    """
    if result.verdict == "inconclusive":
        return gate.borderline == "fail"
    if result.verdict == "not_judged":
        return "not_judged" in gate.fail_on
    return result.verdict == "fail"


def judge_regression(
    name: str,
    tolerance_pct: float,
    baseline: RunFigures,
    current: RunFigures,
    *,
    looks: int = 1,
    clusters: NDArray[np.intp] | None = None,
    seed: int = 0,
) -> RegressionResult:
    """Compare one figure of two runs.

    Args:
        name: a metric for which ``why_not_compared`` is None.
        tolerance_pct: how much worse it may be.
        looks: how often times may be looked at before more processes are timed, in all.
        clusters: of the current questions, from ``clusters_of``.
        seed: of draws.
    """
    origin = metric(name).origin
    parts: dict[str, Any] = {"metric": name, "tolerance_pct": tolerance_pct}
    for key, figures in (("baseline", baseline), ("current", current)):
        value = figures.value(name)
        parts[key] = None if isinstance(value, Undefined) else value
    differing = differences(baseline.conditions, current.conditions, [origin])
    if differing:
        return _without(
            parts, "not_comparable", "the runs were made under other conditions", differing
        )
    if origin == "time":
        return _times(parts, baseline, current, looks)
    if origin == "answers":
        return _answers(parts, baseline, current, clusters, seed)
    return _exactly(parts)


def _times(
    parts: dict[str, Any], baseline: RunFigures, current: RunFigures, looks: int
) -> RegressionResult:
    compared = COMPARED_TIMES[parts["metric"]]
    before, after = (
        each.log_ratios(compared.of_round, of_tokens=compared.of_tokens)
        for each in (baseline, current)
    )
    if isinstance(before, Undefined):
        return _without(parts, "not_comparable", f"the baseline has no times: {before.reason}")
    if isinstance(after, Undefined):
        return _without(parts, "not_judged", f"this run has no times: {after.reason}")
    share = parts["tolerance_pct"] / 100
    # A rate that falls by 5 % is a time that rises by 1 / 0.95.
    tolerance = -math.log1p(-share) if compared.is_rate else math.log1p(share)
    found = compare_processes(np.array(before), np.array(after), tolerance=tolerance, looks=looks)
    if isinstance(found, Undefined):
        kind: RegressionVerdict = "not_comparable" if len(before) < 2 else "not_judged"
        return _without(parts, kind, found.reason)
    basis = (
        "the student's time over its teacher's"
        if not compared.is_rate
        else "the teacher's time over its student's"
    )
    basis += f", {len(before)} and {len(after)} processes"
    sign = -1 if compared.is_rate else 1
    change, *ends = (
        100 * math.expm1(min(sign * each, MOST_LOG_CHANGE))
        for each in (found.change, found.low, found.high)
    )
    return _judged(parts, found, change, (min(ends), max(ends)), basis)


def _answers(
    parts: dict[str, Any],
    baseline: RunFigures,
    current: RunFigures,
    clusters: NDArray[np.intp] | None,
    seed: int,
) -> RegressionResult:
    before, after = baseline.student_correct, current.student_correct
    if isinstance(before, Undefined):
        return _without(parts, "not_comparable", f"the baseline has no answers: {before.reason}")
    if isinstance(after, Undefined):
        return _without(parts, "not_judged", f"this run has no answers: {after.reason}")
    if len(before) != len(after):
        counts = f"{len(before)} answers there and {len(after)} here"
        return _without(parts, "not_comparable", counts)
    if metric(parts["metric"]).scope == "pair" and (
        isinstance(baseline.teacher_correct, Undefined)
        or isinstance(current.teacher_correct, Undefined)
        or tuple(baseline.teacher_correct) != tuple(current.teacher_correct)
    ):
        return _without(
            parts, "not_comparable", "the teacher did not answer as it did in the baseline"
        )
    compared = compare_accuracies(
        np.array(before, dtype=np.bool_),
        np.array(after, dtype=np.bool_),
        tolerance_pct=parts["tolerance_pct"],
        clusters=clusters,
        seed=seed,
    )
    if isinstance(compared, Undefined):
        kind: RegressionVerdict = "not_judged" if any(before) else "not_comparable"
        return _without(parts, kind, compared.reason)
    basis = f"the share of right answers, {len(after)} questions in pairs"
    # A loss above 0 is a fall; 0 - 0, because -0.0 would print as such.
    change, high, low = (0.0 - each for each in (compared.change, compared.low, compared.high))
    return _judged(parts, compared, change, (low, high), basis)


def _exactly(parts: dict[str, Any]) -> RegressionResult:
    if parts["baseline"] is None:
        return _without(parts, "not_comparable", "the baseline has no such figure")
    if parts["current"] is None:
        return _without(parts, "not_judged", "this run has no such figure")
    direction = metric(parts["metric"]).direction
    assert direction != "none", "thresholds hold no tolerance for such a metric"
    found = compare_exactly(parts["baseline"], parts["current"], parts["tolerance_pct"], direction)
    if isinstance(found, Undefined):
        return _without(parts, "not_comparable", found.reason)
    change = found.change if direction == "lower" else 0.0 - found.change
    return _judged(parts, found, change, None, "the figure itself")


def _judged(
    parts: dict[str, Any],
    found: NonInferiority,
    change_pct: float,
    ci95: tuple[float, float] | None,
    basis: str,
) -> RegressionResult:
    reason = None
    if found.verdict == "inconclusive":
        reason = "the interval holds the tolerance"
    return RegressionResult(
        **parts,
        change_pct=change_pct,
        ci95=ci95,
        verdict=found.verdict,
        basis=basis,
        reason=reason,
    )


def _without(
    parts: dict[str, Any],
    verdict: RegressionVerdict,
    reason: str,
    differing: tuple[Difference, ...] = (),
) -> RegressionResult:
    return RegressionResult(**parts, verdict=verdict, reason=reason, differences=differing)
