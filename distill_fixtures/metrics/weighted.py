"""Statistics that are made of sums over the questions drawn, and quick bootstrap draws of them.

10,000 draws over 10,000 questions pick 10^8 of them. Less is drawn here, by the same law: questions
with equal figures are counted together (multinomial), the figures of the rest are summed as they
are picked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.unit_counts import chunk_sizes, unit_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["SumStatistic", "mean_of"]

DRAWS_AT_ONCE = 1000
BYTE = 256

UNITS_PER_STRATUM = 16
"""Above this many units a stratum, drawing the strata first is the quicker way."""


@dataclass(frozen=True, slots=True, eq=False)
class SumStatistic:
    """A statistic that needs only sums of some figures over the questions drawn.

    Attributes:
        columns: the figures, ``[questions, k]``; a column of ones gives the number drawn.
        of_sums: their sums ``[resamples, k]`` to ``[resamples]``.
    """

    columns: Floats
    of_sums: Callable[[Floats], Floats]

    def __call__(self, weights: Floats) -> Floats:
        return self.of_sums(weights @ self.columns)

    def draw(
        self, generator: np.random.Generator, draws: int, clusters: NDArray[np.intp] | None
    ) -> Floats:
        """Bootstrap draws, ``[draws]``, by the law of ``draws_by_counts``."""
        rows = self.columns if clusters is None else _sums_by_cluster(self.columns, clusters)
        patterns = _distinct(rows)
        if len(rows) < UNITS_PER_STRATUM * (patterns.max() + 1):
            patterns = _distinct(rows != 0)
        if len(rows) < UNITS_PER_STRATUM * (patterns.max() + 1):
            chunks = unit_counts(generator, len(rows), draws)
            return np.concatenate([self.of_sums(counts @ rows) for counts in chunks])
        return self.of_sums(_stratified_sums(rows, patterns, generator, draws))


def mean_of(values: Floats) -> SumStatistic:
    """The mean of ``values`` ``[questions]`` as a statistic of resampling weights.

    >>> mean_of(np.array([1.0, 2.0]))(np.array([[1.0, 1.0], [2.0, 0.0]])).tolist()
    [1.5, 1.0]
    """
    columns = np.column_stack([values, np.ones(len(values))])
    return SumStatistic(columns, lambda sums: sums[:, 0] / sums[:, 1])


def _stratified_sums(
    rows: Floats, patterns: NDArray[np.intp], generator: np.random.Generator, draws: int
) -> Floats:
    """Sums of the rows over as many picks as there are rows, ``[draws, k]``.

    First how many picks fall into each stratum, then, in strata whose rows differ, which.
    """
    strata = _strata(rows, patterns)
    shares = np.array([len(each) for each in strata]) / len(rows)
    alike = np.array([np.where((each == each[0]).all(axis=0), each[0], 0) for each in strata])
    differing = [[each[:, k].copy() for k in range(each.shape[1])] for each in strata]
    varied = [np.flatnonzero((each != each[0]).any(axis=0)) for each in strata]
    parts = []
    for size in chunk_sizes(draws, DRAWS_AT_ONCE):
        counts = generator.multinomial(len(rows), shares, size=size)
        sums = counts @ alike
        for columns, names, count in zip(differing, varied, counts.T, strict=True):
            if not names.size or not count.any():
                continue
            picked = _picks(generator, len(columns[0]), int(count.sum()))
            some = np.flatnonzero(count)
            starts = np.cumsum(count[some]) - count[some]
            for k in names:
                sums[some, k] += np.add.reduceat(np.take(columns[k], picked), starts)
        parts.append(sums)
    return np.concatenate(parts)


def _strata(rows: Floats, patterns: NDArray[np.intp]) -> list[Floats]:
    """Rows of one pattern each; where they differ, at most 256, so that a byte picks one."""
    strata = []
    for pattern in range(patterns.max() + 1):
        alike = rows[patterns == pattern]
        step = len(alike) if (alike == alike[0]).all() else BYTE
        strata += [alike[start : start + step] for start in range(0, len(alike), step)]
    return strata


def _picks(generator: np.random.Generator, units: int, picks: int) -> NDArray[np.intp]:
    """Numbers below ``units``, equally likely; random bytes are by far the cheapest."""
    if units == BYTE:
        words = generator.integers(1 << 64, size=picks // 8 + 1, dtype=np.uint64)
        return words.view(np.uint8)[:picks].astype(np.intp)
    return generator.integers(units, size=picks)


def _sums_by_cluster(columns: Floats, clusters: NDArray[np.intp]) -> Floats:
    """``[questions, k]`` to ``[clusters, k]``."""
    sums = [np.bincount(clusters, weights=column) for column in columns.T]
    return np.column_stack(sums)


def _distinct(rows: NDArray[np.generic]) -> NDArray[np.intp]:
    """The number of each row's pattern, from 0, ``[rows]``."""
    _, inverse = np.unique(rows, axis=0, return_inverse=True)
    return np.asarray(inverse, dtype=np.intp).reshape(-1)
