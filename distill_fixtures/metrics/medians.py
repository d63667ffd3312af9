"""The median of a figure over the questions drawn, and quick bootstrap draws of it.

Over questions the median of a draw is an order statistic of uniform numbers; over clusters it is
found through sums of blocks. Neither counts every question.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.unit_counts import unit_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["MedianStatistic", "median_of"]


@dataclass(frozen=True, slots=True, eq=False)
class MedianStatistic:
    """The median of ``values``, ``[questions]``."""

    values: Floats

    def __call__(self, weights: Floats) -> Floats:
        order = np.argsort(self.values)
        ordered = self.values[order]
        reached = np.cumsum(weights[:, order], axis=1)
        half = reached[:, -1:] / 2
        lower = np.argmax(reached >= half, axis=1)
        upper = np.argmax(reached > half, axis=1)
        middle: Floats = (ordered[lower] + ordered[upper]) / 2
        return middle

    def draw(
        self, generator: np.random.Generator, draws: int, clusters: NDArray[np.intp] | None
    ) -> Floats:
        """Bootstrap draws, ``[draws]``, by the law of ``draws_by_counts``.

        Picking n of n at random is taking floor(n U) for n uniform U, and the k-th smallest of
        those is Beta(k, n + 1 - k); of the n - k above it, the smallest is 1 - (1 - u) V^(1/(n-k)).
        """
        if clusters is not None:
            return self._draw_clusters(generator, draws, clusters)
        ordered = np.sort(self.values)
        n = len(ordered)
        middle = (n + 1) // 2
        place = generator.beta(middle, n + 1 - middle, size=draws)
        lower = ordered[_index(place, n)]
        if n % 2:
            return lower
        above = 1 - (1 - place) * generator.random(draws) ** (1 / (n - middle))
        return (lower + ordered[_index(above, n)]) / 2

    def _draw_clusters(
        self, generator: np.random.Generator, draws: int, clusters: NDArray[np.intp]
    ) -> Floats:
        """The draws of ``draws_by_counts``: first the block of values that holds the middle is
        found, by the blocks' sums, then the place in it.
        """
        order = np.argsort(self.values)
        ordered, owner = self.values[order], clusters[order]
        width = math.isqrt(len(order))
        # A cluster more, never drawn, fills the last block.
        units, blocks = int(clusters.max()) + 1, -(-len(order) // width)
        owner = np.append(owner, np.full(blocks * width - len(order), units)).reshape(blocks, width)
        held = np.zeros((units + 1, blocks))
        np.add.at(held, (owner, np.arange(blocks)[:, None]), 1.0)
        drawn = []
        for counts in unit_counts(generator, units, draws):
            reached = np.cumsum(counts @ held[:-1], axis=1)
            half = reached[:, -1:] / 2
            padded = np.pad(counts, ((0, 0), (0, 1)))
            rows = np.arange(len(counts))[:, None]
            middle = np.zeros(len(counts))
            for above in (np.greater_equal, np.greater):
                block = np.argmax(above(reached, half), axis=1)[:, None]
                inside = np.cumsum(padded[rows, owner[block[:, 0]]], axis=1)
                # From the block's end backwards: what lies before it plus what is inside.
                inside += reached[rows, block] - inside[:, -1:]
                place = np.argmax(above(inside, half), axis=1)
                middle += ordered[block[:, 0] * width + place] / 2
            drawn.append(middle)
        return np.concatenate(drawn)


def median_of(values: Floats) -> MedianStatistic:
    """The median of ``values`` ``[questions]`` as a statistic of resampling weights.

    >>> median_of(np.array([3.0, 1.0, 2.0]))(np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])).tolist()
    [2.0, 1.5]
    """
    return MedianStatistic(values)


def _index(place: Floats, n: int) -> NDArray[np.intp]:
    """Which of n equal parts of [0, 1] a place lies in; rounding may put it at 1 itself."""
    return np.minimum((place * n).astype(np.intp), n - 1)
