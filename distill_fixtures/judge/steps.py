"""Steps in a history: whether a figure of one run differs from that of an earlier one.

A step is significant where the 95 % interval of the difference excludes 0:

- figures from answers: from the two runs' own intervals (``metrics.differences``); the accuracy
  of the same student questions in pairs;
- times, between runs that compare alone: by the student's speed over its teacher's, each run its
  own control, whose intervals every run has. Seconds of two days do not compare;
- sizes have no noise: any change is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from distill_fixtures.catalog import metric
from distill_fixtures.judge.comparability import conditions_of_rounds, metric_differences
from distill_fixtures.judge.run_figures import find_figure, find_interval, noise_of
from distill_fixtures.metrics.differences import correlation_of, difference_interval
from distill_fixtures.metrics.missing import Interval
from distill_fixtures.metrics.pairing import flags_from_text
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BY_SPEEDUP", "PastRun", "Step", "step_between", "steps_of", "why_no_steps"]

BY_SPEEDUP = ("inference_time_s", "tokens_per_s", "speedup", "speed_improvement_pct")
"""Times that are a constant over, or a function of, what the speedup compares."""


class PastRun:
    """What of an earlier run its history needs; not the raw rounds, of which there are many.

    Args:
        document: a valid ``distillation_metrics.json``.
        metrics: those that are asked for.
    """

    def __init__(self, document: Mapping[str, Any], metrics: Sequence[str]) -> None:
        self.values: dict[str, float | None] = {}
        self.intervals: dict[str, Interval | None] = {}
        for name in {*metrics, "speedup"}:
            value = find_figure(document, name)[1]
            self.values[name] = None if value is None else float(value)
            self.intervals[name] = find_interval(document, name)
        self.conditions = conditions_of_rounds(document)
        self.noise = noise_of(document)
        self._answers: str | None = document["student"]["accuracy"]["correct_by_question"]

    @cached_property
    def correct(self) -> NDArray[np.bool_] | None:
        """Whether each of the student's answers is right."""
        text = self._answers
        return None if text is None else np.array(flags_from_text(text), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Step:
    """How a figure changed from one run to another.

    Attributes:
        kind: ``better`` and ``worse`` are significant, ``none`` is not; ``changed``: significant,
            of a metric of which neither way is better.
        change: new less old in the metric's unit; of times the change of the speedup, per cent.
        ci95: of the change; None for a size, which has no noise.
    """

    kind: Literal["better", "worse", "changed", "none"]
    change: float
    ci95: Interval | None


def why_no_steps(name: str) -> str | None:
    """Why no step of a metric can be told; None where it can."""
    origin = metric(name).origin
    if origin == "memory":
        return "memory is measured once a run and has no interval"
    if origin == "time" and name not in BY_SPEEDUP:
        return "only what the speedup compares has an interval that holds between days"
    return None


def steps_of(runs: Sequence[PastRun], name: str) -> list[Step | None]:
    """The step to each run from the latest one before it that compares; None where none does."""
    found: list[Step | None] = []
    for place, run in enumerate(runs):
        step = None
        for earlier in reversed(runs[:place]):
            told = step_between(earlier, run, name)
            if not isinstance(told, Undefined):
                step = told
                break
        found.append(step)
    return found


def step_between(before: PastRun, after: PastRun, name: str) -> Step | Undefined:
    """The step of a metric between two runs; undefined where they do not compare by it.

    Args:
        name: a metric among those that both runs were made with.
    """
    unfit = why_no_steps(name)
    if unfit is not None:
        return Undefined(unfit)
    old, new = before.values[name], after.values[name]
    if old is None or new is None:
        return Undefined("one of the runs does not have it")
    differing = metric_differences(name, before.conditions, after.conditions)
    if differing:
        return Undefined(f"the runs were made under other conditions ({differing[0].what})")
    if metric(name).origin == "time":
        return _of_times(before, after, name)
    if metric(name).origin == "size":
        return Step(_kind(name, new - old, new - old), new - old, None)
    intervals = before.intervals[name], after.intervals[name]
    if intervals[0] is None or intervals[1] is None:
        return Undefined("it has no interval")
    correlation = _correlation(before, after) if name == "accuracy" else 0.0
    low, high = difference_interval(new, intervals[1], old, intervals[0], correlation=correlation)
    return Step(_kind(name, low, high), new - old, (low, high))


def _of_times(before: PastRun, after: PastRun, name: str) -> Step | Undefined:
    if before.noise is not None or after.noise is not None:
        return Undefined("a machine was too noisy to judge by")
    logs = [_log_speedup(run) for run in (after, before)]
    known = [each for each in logs if each is not None]
    if len(known) < 2:
        return Undefined("a run has no speedup with an interval")
    (new, new_ci95), (old, old_ci95) = known
    low, high = difference_interval(new, new_ci95, old, old_ci95)
    change, *ends = (100 * math.expm1(min(each, 700.0)) for each in (new - old, low, high))
    return Step(_kind("speedup", low, high), change, (ends[0], ends[1]))


def _log_speedup(run: PastRun) -> tuple[float, Interval] | None:
    value, interval = run.values["speedup"], run.intervals["speedup"]
    if value is None or interval is None or min(value, *interval) <= 0:
        return None
    return math.log(value), (math.log(interval[0]), math.log(interval[1]))


def _correlation(before: PastRun, after: PastRun) -> float:
    old, new = before.correct, after.correct
    if old is None or new is None or len(old) != len(new):
        return 0.0
    return correlation_of(new, old)


def _kind(name: str, low: float, high: float) -> Literal["better", "worse", "changed", "none"]:
    if low <= 0 <= high:
        return "none"
    direction = metric(name).direction
    if direction == "none":
        return "changed"
    return "better" if (low > 0) == (direction == "higher") else "worse"
