"""Rounds before the first that counts, until a model has stopped getting faster.

First rounds are slow: memory is touched for the first time, kernels are chosen for each length,
the processor leaves its resting speed. That only ever makes later rounds faster. So a model is
taken to be warm once a round is not clearly faster than the fastest before it. Held against the
fastest, and not against the round before or the median, noise alone ends it soon: the k-th of
rounds that only scatter is the fastest of all in one case of k, and clearly so yet more rarely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["CLEARLY_FASTER", "WarmUp", "WarmUpBounds", "is_steady", "warm_up"]

CLEARLY_FASTER = 0.05
"""More than the scatter of a quiet machine's rounds, less than what a first round loses."""


@dataclass(frozen=True, slots=True)
class WarmUpBounds:
    """How long a model is warmed up.

    Attributes:
        fewest: rounds in any case.
        most: rounds at most; 0: none at all.
        seconds: no further round of a model begins once its warm-up has taken this long; a round
            that long has warmed up whatever can be.
    """

    fewest: int
    most: int
    seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.fewest <= self.most:
            raise ValueError(f"rounds of warm-up: at least 0, and no more than the most: {self}")


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How warming up went, by role.

    Attributes:
        rounds: how many were run and thrown away.
        steady: whether the last was no longer clearly faster than the fastest before; False too
            where a bound ended it after a single round, which shows nothing.
    """

    rounds: Mapping[str, int]
    steady: Mapping[str, bool]


def warm_up(roles: Sequence[str], round_s: Callable[[str], float], bounds: WarmUpBounds) -> WarmUp:
    """Run rounds, those of different models in turn, until all are steady or at a bound.

    Args:
        roles: whom.
        round_s: runs a round of one of them and says its seconds.
    """
    seconds: dict[str, list[float]] = {role: [] for role in roles}
    while going := [role for role in roles if not _is_over(seconds[role], bounds)]:
        for role in going:
            seconds[role].append(round_s(role))
    return WarmUp(
        rounds={role: len(of_role) for role, of_role in seconds.items()},
        steady={role: is_steady(of_role) for role, of_role in seconds.items()},
    )


def is_steady(rounds_s: Sequence[float]) -> bool:
    """Whether the last round is at most 5 % faster than the fastest before it.

    >>> is_steady([2.0, 1.0]), is_steady([2.0, 1.0, 0.96]), is_steady([1.0])
    (False, True, False)
    """
    if len(rounds_s) < 2:
        return False
    return rounds_s[-1] >= (1 - CLEARLY_FASTER) * min(rounds_s[:-1])


def _is_over(rounds_s: Sequence[float], bounds: WarmUpBounds) -> bool:
    if len(rounds_s) < bounds.fewest:
        return False
    if len(rounds_s) >= bounds.most or (rounds_s and sum(rounds_s) >= bounds.seconds):
        return True
    return is_steady(rounds_s)
