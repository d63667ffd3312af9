"""Whether paired rounds already tell on which side of a bound the speedup lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill_fixtures.metrics.intervals import percentile_interval
from distill_fixtures.metrics.resampling import speedup_draws
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["bounds_in_doubt"]


def bounds_in_doubt(
    log_ratios: NDArray[np.float64], bounds: Sequence[float], *, seed: int = 0
) -> tuple[float, ...]:
    """The bounds that the speedup's interval holds, that is to say the one it is judged by.

    Args:
        log_ratios: log(t_T / t_S) of each pair of rounds, ``[rounds]``.
        bounds: on that logarithm.
        seed: of the interval's draws; with the same one the judge gets the same interval.

    Returns:
        Those held; all of them where the rounds are too few for an interval.

    >>> import numpy as np
    >>> bounds_in_doubt(np.log([2.0, 2.0, 2.0, 2.0, 2.0]), (0.0, math.log(2.0)))
    (0.6931471805599453,)
    """
    if not bounds:
        return ()
    drawn = speedup_draws(log_ratios, seed=seed)
    if isinstance(drawn, Undefined):
        return tuple(bounds)
    low, high = percentile_interval(drawn)
    return tuple(bound for bound in bounds if low <= math.exp(bound) <= high)
