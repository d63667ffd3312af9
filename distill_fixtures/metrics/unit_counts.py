"""How often each question is drawn in a bootstrap, and draws of any statistic of that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["WeightStatistic", "chunk_sizes", "draws_by_counts", "unit_counts"]

PICKS_AT_ONCE = 1 << 18
"""Picks held in memory at once: a few MB, which a core's cache holds."""


class WeightStatistic(Protocol):
    """Weights ``[resamples, questions]``, how often each question was drawn, to ``[resamples]``.

    NaN where a resample leaves the value undefined.
    """

    def __call__(self, weights: Floats, /) -> Floats: ...


def draws_by_counts(
    statistic: WeightStatistic,
    generator: np.random.Generator,
    draws: int,
    *,
    questions: int = 0,
    clusters: NDArray[np.intp] | None = None,
) -> Floats:
    """Bootstrap draws of any statistic, ``[draws]``: every unit's count is drawn.

    Args:
        questions: how many there are; not needed with ``clusters``.
        clusters: given, clusters are drawn and not questions.
    """
    units = questions if clusters is None else int(clusters.max()) + 1
    chunks = unit_counts(generator, units, draws)
    drawn = [
        statistic(counts if clusters is None else np.take(counts, clusters, axis=1))
        for counts in chunks
    ]
    return np.concatenate(drawn)


def unit_counts(generator: np.random.Generator, units: int, draws: int) -> Iterator[Floats]:
    """How often each of ``units`` comes among as many picks, in chunks of ``[rows, units]``."""
    for rows in chunk_sizes(draws, max(1, PICKS_AT_ONCE // units)):
        picked = generator.integers(units, size=(rows, units), dtype=np.int32)
        picked += (units * np.arange(rows, dtype=np.int32))[:, None]
        counts = np.bincount(picked.ravel(), minlength=rows * units)
        yield counts.reshape(rows, units).astype(np.float64)


def chunk_sizes(draws: int, most: int) -> Iterator[int]:
    for start in range(0, draws, most):
        yield min(most, draws - start)
