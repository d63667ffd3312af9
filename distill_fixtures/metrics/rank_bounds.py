"""A shift between two samples and its bounds, by ranks: no outlier can move it far.

The estimate is Hodges and Lehmann's (1963), the bounds those of the rank test of Mann and Whitney
(1947).
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["rank_bounds"]


def rank_bounds(
    baseline: Floats, current: Floats, alpha: float
) -> tuple[float, float, float] | Undefined:
    """The shift from ``baseline`` to ``current``, and one-sided bounds of it.

    The median of all differences, and the k-th of them from either end. Each bound misses the true
    shift in at most ``alpha`` of samples, whatever the noise, if it is the same on both sides.

    Args:
        baseline, current: ``[processes]``.
        alpha: one-sided, under 1/2.

    Undefined where even the outermost differences miss more often.

    >>> rank_bounds(np.arange(4.0), np.arange(4.0) + 10, 0.025)
    (10.0, 7.0, 13.0)
    """
    differences = np.sort(np.subtract.outer(current, baseline).ravel())
    k = _rank_of_bound(len(baseline), len(current), alpha)
    if k == 0:
        return Undefined(
            f"{len(baseline)} and {len(current)} processes are too few for bounds by ranks"
        )
    return float(np.median(differences)), float(differences[k - 1]), float(differences[-k])


@cache
def _rank_of_bound(first: int, second: int, alpha: float) -> int:
    """The largest k with P(U <= k - 1) <= alpha, U of Mann and Whitney; 0 if there is none.

    The number of arrangements with each U are the coefficients of the Gaussian binomial
    prod_i (1 - x^(second + i)) / (1 - x^i), i to ``first``; whole numbers, so exact.
    """
    most = first * second // 2
    ways = [1] + [0] * most
    for i in range(1, first + 1):
        for u in range(most, second + i - 1, -1):
            ways[u] -= ways[u - second - i]
        for u in range(i, most + 1):
            ways[u] += ways[u - i]
    total, below, k = math.comb(first + second, first), 0, 0
    while k <= most and below + ways[k] <= alpha * total:
        below += ways[k]
        k += 1
    return k
