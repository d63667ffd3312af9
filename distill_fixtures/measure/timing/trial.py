"""A few rounds of models that are to be timed, to tell how long timing them will take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, variance

from distill_fixtures.measure.timing.expected import RoundsSeen
from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
from distill_fixtures.measure.timing.rounds import full_batches
from distill_fixtures.models.protocol import Clock, Model

__all__ = ["USUAL_SPREAD", "predicted_round_s", "try_rounds"]

USUAL_SPREAD = 0.03
"""Of log(t_first / t_other) from round to round on a machine that does little else."""
USUAL_WEIGHT = 2
"""Rounds that the usual spread counts for beside those of the trial. The number of rounds goes with
the square of the spread, and that of three rounds alone is often twice, or half, the real one."""

FEWEST, MOST = 3, 8
SHORT_TOKENS = 4
LONGER_S = 1.0


def try_rounds(
    models: Mapping[str, Model],
    prompts: Sequence[str],
    plan: TimingPlan,
    clock: Clock,
    *,
    batch_size: int,
    budget_s: float,
) -> RoundsSeen:
    """Run whole rounds where some fit into the budget; else time a few tokens of one batch.

    Args:
        models: by role, as they will be timed.
        budget_s: seconds for all of it, roughly.
    """
    predicted = {
        role: predicted_round_s(model, prompts, plan.new_tokens, clock, batch_size)
        for role, model in models.items()
    }
    affordable = int(budget_s / max(sum(predicted.values()), 1e-9)) - 1  # one is warm-up
    if affordable < FEWEST:
        return _seen({role: [each] for role, each in predicted.items()})
    trial = replace(
        plan,
        most_warm_up_rounds=1,
        max_rounds=min(MOST, affordable),
        max_seconds=budget_s,
        log_ratio_bounds=(),
    )
    timing = time_models(models, prompts, trial, clock, batch_size=batch_size)
    return _seen({role: [each.seconds for each in of] for role, of in timing.rounds.items()})


def predicted_round_s(
    model: Model, prompts: Sequence[str], new_tokens: int, clock: Clock, batch_size: int
) -> float:
    """Seconds of a round from a few tokens of its middle batch."""
    requests = full_batches(prompts, batch_size)
    middle, short = requests[len(requests) // 2], min(SHORT_TOKENS, new_tokens)
    first = model.generate_timed(middle, new_tokens=short, clock=clock).token_times_s
    # As many as take about a second: a few tokens scatter.
    enough = int(LONGER_S / max(_step_s(first), 1e-9))
    longer = min(new_tokens, max(short, enough))
    times_s = model.generate_timed(middle, new_tokens=longer, clock=clock).token_times_s
    return len(requests) * (times_s[0] + (new_tokens - 1) * _step_s(times_s))


def _step_s(times_s: Sequence[float]) -> float:
    """Of a token after the first; 0 where there is one time only, as of a classifier."""
    return (times_s[-1] - times_s[0]) / max(1, len(times_s) - 1)


def _seen(seconds: Mapping[str, Sequence[float]]) -> RoundsSeen:
    first, *others = ([math.log(each) for each in of_role] for of_role in seconds.values())
    ratios = [one - other for one, other in zip(first, others[0], strict=True)] if others else first
    return RoundsSeen(
        tuple(fmean(of_role) for of_role in seconds.values()),
        log_ratio=fmean(ratios) if others else 0.0,
        spread=_spread(ratios),
    )


def _spread(ratios: Sequence[float]) -> float:
    """Of the rounds seen, drawn towards the usual one the more, the fewer they are."""
    seen = len(ratios) - 1
    own = variance(ratios) if seen else 0.0
    return math.sqrt((USUAL_WEIGHT * USUAL_SPREAD**2 + seen * own) / (USUAL_WEIGHT + seen))
