"""Timing several models in interleaved rounds, so that a shared machine's drift hits all alike.

Order of the rounds for teacher T and student S: T S, S T, T S and so on. Each such pass gives one
pair of rounds that ran next to each other; the metrics compare within pairs.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from distill_fixtures.measure.timing.bounds_in_doubt import bounds_in_doubt
from distill_fixtures.measure.timing.clock import time_stamp_cost_s
from distill_fixtures.measure.timing.rounds import full_batches, run_round, select_prompts
from distill_fixtures.measure.timing.threads import PinnedThreads
from distill_fixtures.measure.timing.warm_up import WarmUp, WarmUpBounds, warm_up
from distill_fixtures.models.protocol import Clock, Model, Progress
from distill_fixtures.records import Round, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StoppedBy", "Timing", "TimingPlan", "select_prompts", "time_models"]

StoppedBy = Literal["precision", "rounds", "seconds"]
Rounds = Mapping[str, Sequence[Round]]

# A pair of passes in opposite order is the least that says something about a ratio.
FEWEST_PASSES = 2
# Two-sided 95 % of the normal distribution.
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class TimingPlan:
    """How long models are timed.

    Attributes:
        new_tokens: tokens a sample, exactly.
        warm_up_rounds: the fewest rounds a model that are run first and thrown away; more follow
            until it is steady. 0: no warm-up at all.
        most_warm_up_rounds: the most of them.
        warm_up_seconds: no further one of a model begins once its warm-up has taken this long.
        min_rounds: rounds a model before precision can end the timing.
        max_rounds: rounds a model at most.
        max_seconds: no pass begins later than this after the start, but for the fewest passes;
            warm-up counts.
        fewest_passes: are run however long they take: a figure that will be judged needs an
            interval, and an interval needs five.
        half_width: precision ends the timing once the 95 % interval of every mean log ratio of the
            first model to another is no wider than this to each side: 0.03 is 3 %.
        log_ratio_bounds: bounds on log(t_first / t_other) that will be judged by. While the
            interval that is judged by holds one, precision does not end the timing.
        seed: of that interval's draws.
    """

    new_tokens: int
    warm_up_rounds: int = 1
    most_warm_up_rounds: int = 10
    warm_up_seconds: float = 10.0
    min_rounds: int = 6
    max_rounds: int = 60
    max_seconds: float = 60.0
    half_width: float = 0.03
    fewest_passes: int = 2
    log_ratio_bounds: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.new_tokens, self.max_rounds, self.fewest_passes) < 1:
            raise ValueError(f"new_tokens and the bounds on rounds are at least 1: {self}")

    @property
    def warm_up(self) -> WarmUpBounds:
        most = max(self.warm_up_rounds, self.most_warm_up_rounds) if self.warm_up_rounds else 0
        return WarmUpBounds(self.warm_up_rounds, most, self.warm_up_seconds)


@dataclass(frozen=True, slots=True)
class Timing:
    """Raw rounds of models that were timed together, and how that went.

    Attributes:
        rounds: by role, all of one length; the i-th rounds of all roles ran next to each other.
        batch_size: prompts generated together.
        stopped_by: ``precision``, ``rounds`` or ``seconds``: what of the plan ended it.
        half_width: half the 95 % interval of the mean log ratio at the end, the widest one.
        held_bounds: those of the plan's bounds that the interval still holds.
        threads: CPU threads that torch used, the same from the first round to the last.
        seconds: from the begin to the end, warm-up and all between the rounds included.
        warm_up: the rounds thrown away.
        time_stamp_cost_s: seconds that the computer's clock takes to note one token's time.
    """

    rounds: Mapping[str, tuple[Round, ...]]
    batch_size: int
    stopped_by: StoppedBy
    half_width: float | Undefined
    held_bounds: tuple[float, ...]
    threads: int | Undefined
    seconds: float
    warm_up: WarmUp
    time_stamp_cost_s: float

    @property
    def same_prompt_tokens(self) -> bool:
        """Whether all models read equally many prompt tokens, request by request.

        They do not where their tokenizers differ, or where a window cuts a prompt for one alone.
        """
        read = [[t.prompt_tokens for t in of_role[0].traces] for of_role in self.rounds.values()]
        return all(each == read[0] for each in read)


def time_models(
    models: Mapping[str, Model],
    prompts: Sequence[str],
    plan: TimingPlan,
    clock: Clock,
    *,
    batch_size: int = 1,
    progress: Progress | None = None,
) -> Timing:
    """Time models on the same prompts.

    Args:
        models: by role; the first one is what the others are compared with.
        prompts: all of them once a round. For batches they are repeated from the start until
            the last batch is full, so that every request does the same work.
        progress: called after each round, warm-up included.

    Raises:
        MeasurementError: the number of threads changed meanwhile.
    """
    if not models or not prompts:
        raise ValueError("timing needs at least one model and one prompt")
    requests, threads = full_batches(prompts, batch_size), PinnedThreads()
    cost_s = time_stamp_cost_s(clock)

    def one_round(role: str, order: int) -> Round:
        done = run_round(
            models[role], requests, new_tokens=plan.new_tokens, clock=clock, order=order
        )
        threads.check()
        if progress is not None:
            progress(1)
        return done

    rounds: dict[str, list[Round]] = {role: [] for role in models}
    roles = list(models)
    stopped_by: StoppedBy | None = None
    gc.collect()
    start = clock.now()
    warmed_up = warm_up(roles, lambda role: one_round(role, 0).seconds, plan.warm_up)
    passes = 0
    while stopped_by is None:
        for place, role in enumerate(roles if passes % 2 == 0 else roles[::-1]):
            rounds[role].append(one_round(role, passes * len(roles) + place))
        passes += 1
        stopped_by = _stop(rounds, plan, clock.now() - start)
    return Timing(
        rounds={role: tuple(of_role) for role, of_role in rounds.items()},
        batch_size=batch_size,
        stopped_by=stopped_by,
        half_width=_half_width(rounds),
        held_bounds=_held_bounds(rounds, plan),
        threads=threads.count,
        seconds=clock.now() - start,
        warm_up=warmed_up,
        time_stamp_cost_s=cost_s,
    )


def _stop(rounds: Rounds, plan: TimingPlan, seconds: float) -> StoppedBy | None:
    """The bound that ends the timing now, or None."""
    passes = len(next(iter(rounds.values())))
    if passes >= plan.max_rounds:
        return "rounds"
    if passes >= plan.fewest_passes and seconds >= plan.max_seconds:
        return "seconds"
    half_width = _half_width(rounds)
    if passes < plan.min_rounds or isinstance(half_width, Undefined):
        return None
    if half_width > plan.half_width:
        return None
    # Looked for after each pass, though only an even one can be the last: the draws push the
    # models out of the processor's caches, and so they do that for either model in turn.
    settled = not _held_bounds(rounds, plan) and not _were_held(rounds, plan)
    # After an even number of passes each model came first as often as the other.
    return "precision" if settled and passes % 2 == 0 else None


def _were_held(rounds: Rounds, plan: TimingPlan) -> bool:
    """Whether a bound was held when precision could last have ended the timing.

    Looking again and again, one look in many leaves a bound by chance. So a bound once held must be
    left by two looks in a row.
    """
    earlier = {role: of_role[:-2] for role, of_role in rounds.items()}
    if len(next(iter(earlier.values()))) < plan.min_rounds:
        return False
    return bool(_held_bounds(earlier, plan))


def _held_bounds(rounds: Rounds, plan: TimingPlan) -> tuple[float, ...]:
    """Bounds that the interval of some ratio of the first model to another holds."""
    if len(rounds) < 2:
        return ()
    held = {
        bound
        for ratios in _log_ratios(rounds)
        for bound in bounds_in_doubt(ratios, plan.log_ratio_bounds, seed=plan.seed)
    }
    return tuple(sorted(held))


def _half_width(rounds: Rounds) -> float | Undefined:
    """The widest half interval among the mean log ratios; of one model alone, of its log times."""
    series = _log_ratios(rounds)
    if len(series[0]) < FEWEST_PASSES:
        return Undefined("one round has no spread")
    return max(float(Z_95 * each.std(ddof=1) / math.sqrt(len(each))) for each in series)


def _log_ratios(rounds: Rounds) -> list[NDArray[np.float64]]:
    """Of the first model to each other one, ``[rounds]`` each; of one model alone its log times."""
    first, *others = (np.log([each.seconds for each in of_role]) for of_role in rounds.values())
    return [first - other for other in others] or [first]
