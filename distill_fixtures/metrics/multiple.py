"""Several tests at once: the tail probability of one, and Holm's correction over all.

Used where each slice of the questions is judged on its own: with 20 slices a 5 % test fails one of
them by chance in two runs of three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["holm", "tail_probability"]


def holm(p_values: Sequence[float], alpha: float = 0.05) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1 and so on; none may fall below one
    before it, none is above 1. Rejecting those at or under ``alpha`` keeps the chance of even one
    wrong rejection under ``alpha``, however the tests depend on each other.

    Args:
        p_values: each in [0, 1]; may be empty.
        alpha: the level that the adjusted values will be held against, above 0 and below 1. It
            does not change them.

    Raises:
        ValueError: a value is no probability, NaN included.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    >>> holm([])
    ()
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}, no level between 0 and 1")
    for p in p_values:
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is no p-value: it is not in [0, 1]")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def tail_probability(
    draws: NDArray[np.float64], bound: float, *, side: Literal["below", "above"]
) -> float:
    """One-sided p-value that a value, known by its draws, is truly on ``side`` of ``bound``.

    The share of draws at or on the other side of the bound, each draw counted as one of n + 1 and
    the value itself as the last: (k + 1) / (n + 1), never 0 (Davison and Hinkley 1997, 4.2).

    Args:
        draws: of the value, ``[draws]``, from ``paired_draws`` or ``bootstrap_draws``.
        bound: in the draws' unit.
        side: the claim: "below" counts the draws at or above the bound.

    Raises:
        ValueError: no draws, or one that is not finite.

    >>> tail_probability(np.array([1.0, 2.0, 3.0]), 3.0, side="below")
    0.5
    >>> tail_probability(np.array([1.0, 2.0, 3.0]), 4.0, side="below")
    0.25
    """
    if not len(draws) or not np.all(np.isfinite(draws)) or math.isnan(bound):
        raise ValueError("a tail probability needs a bound and draws, all of them finite")
    beyond = draws >= bound if side == "below" else draws <= bound
    return (int(np.count_nonzero(beyond)) + 1) / (len(draws) + 1)
