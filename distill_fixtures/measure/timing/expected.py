"""How long a timing will go on, told from a few rounds by the rules that end it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from distill_fixtures.measure.timing.interleaved import Z_95, TimingPlan

__all__ = ["ExpectedTiming", "RoundsSeen", "expected_timing"]


@dataclass(frozen=True, slots=True)
class RoundsSeen:
    """What is known of rounds before they are run.

    Attributes:
        seconds: of a round of each model, one a model.
        log_ratio: mean of log(first model's seconds / other's); of one model alone 0.
        spread: standard deviation of that logarithm from round to round.
    """

    seconds: tuple[float, ...]
    log_ratio: float
    spread: float


@dataclass(frozen=True, slots=True)
class ExpectedTiming:
    """What a timing comes to.

    Attributes:
        rounds: of each model, warm-up left out.
        warm_up_rounds: of all models together.
        seconds: all of it.
    """

    rounds: int
    warm_up_rounds: int
    seconds: float


def expected_timing(plan: TimingPlan, seen: RoundsSeen) -> ExpectedTiming:
    """Rounds until one of the plan's bounds ends them, as if every round were like those seen.

    >>> plan = TimingPlan(new_tokens=8, max_rounds=60, max_seconds=60)
    >>> expected_timing(plan, RoundsSeen((2.0, 1.0), log_ratio=0.69, spread=0.01)).rounds
    6
    >>> expected_timing(plan, RoundsSeen((4.0, 2.0), log_ratio=0.69, spread=0.5)).rounds
    8
    """
    warm = [_warm_up_rounds(plan, seconds) for seconds in seen.seconds]
    before = sum(count * each for count, each in zip(warm, seen.seconds, strict=True))
    a_pass = sum(seen.seconds)
    passes = 1
    while not _ends(plan, seen, passes, before + passes * a_pass):
        passes += 1
    return ExpectedTiming(passes, sum(warm), before + passes * a_pass)


def _warm_up_rounds(plan: TimingPlan, round_s: float) -> int:
    """One where it takes long enough; else the second, which is seldom clearly faster."""
    bounds = plan.warm_up
    if not bounds.most or (round_s >= bounds.seconds and bounds.fewest <= 1):
        return min(bounds.most, 1)
    return min(bounds.most, max(2, bounds.fewest))


def _ends(plan: TimingPlan, seen: RoundsSeen, passes: int, seconds: float) -> bool:
    if passes >= plan.max_rounds:
        return True
    if passes >= plan.fewest_passes and seconds >= plan.max_seconds:
        return True
    if passes < plan.min_rounds or passes % 2:
        return False
    half_width = Z_95 * seen.spread / math.sqrt(passes)
    if half_width > plan.half_width:
        return False
    return not any(abs(bound - seen.log_ratio) <= half_width for bound in plan.log_ratio_bounds)
