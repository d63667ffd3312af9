"""How long the session's models are timed: by the options, and by what will be judged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from distill_fixtures.judge.criteria import names_of
from distill_fixtures.measure.timing.interleaved import TimingPlan
from distill_fixtures.metrics.resampling import FEWEST_ROUNDS

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.judge.criteria import Criterion, Thresholds

__all__ = ["log_ratio_bounds", "plan_timing"]


def plan_timing(config: RunConfig, thresholds: Thresholds, batch_size: int) -> TimingPlan:
    """The plan of one batch size.

    The criterion of speed rests on batch size 1: there timing goes on while one of its bounds is in
    doubt, and enough rounds for an interval are run in any case.
    """
    judged = batch_size == 1
    criteria = thresholds.criteria_for(*names_of(config.student)) if judged else ()
    return TimingPlan(
        new_tokens=config.new_tokens,
        max_rounds=config.max_rounds,
        max_seconds=config.max_seconds,
        fewest_passes=FEWEST_ROUNDS if judged else 2,
        log_ratio_bounds=log_ratio_bounds(criteria),
        seed=config.seed,
    )


def log_ratio_bounds(criteria: Iterable[Criterion]) -> tuple[float, ...]:
    """The bounds of criteria of speed, on log(t_T / t_S), each once and in order.

    Bounds that no speed can reach, such as 100 % saved, are left out.

    >>> from distill_fixtures.judge.criteria import Criterion
    >>> log_ratio_bounds([Criterion("speed_improvement_pct", good=50.0, poor=0.0)])
    (0.0, 0.6931471805599453)
    """
    speedups = set()
    for criterion in criteria:
        for bound in (criterion.good, criterion.poor):
            if criterion.metric == "speedup":
                speedups.add(bound)
            elif criterion.metric == "speed_improvement_pct" and bound < 100:
                speedups.add(1 / (1 - bound / 100))
    return tuple(sorted(math.log(speedup) for speedup in speedups if speedup > 0))
