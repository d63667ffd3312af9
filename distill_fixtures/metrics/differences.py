"""Whether two estimates, each known with its interval, differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.missing import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["correlation_of", "difference_interval"]


def difference_interval(
    first: float,
    first_ci95: Interval,
    second: float,
    second_ci95: Interval,
    *,
    correlation: float = 0.0,
) -> Interval:
    """95 % interval of ``first - second`` from the two estimates' own 95 % intervals.

    Zou and Donner 2008 (MOVER): with l and u the ends of each interval,
    d - sqrt((a - l_a)^2 - 2 r (a - l_a)(u_b - b) + (u_b - b)^2) and, above,
    d + sqrt((u_a - a)^2 - 2 r (u_a - a)(b - l_b) + (b - l_b)^2). For two proportions with Wilson's
    intervals this is Newcombe's (1998), method 10 where they are paired.

    Args:
        first, second: the estimates.
        first_ci95, second_ci95: their intervals; each holds its estimate, or is taken to end there.
        correlation: of the two estimates; 0 takes them as independent, which for figures of the
            same questions makes the interval too wide and never too narrow.

    >>> low, high = difference_interval(0.5, (0.4, 0.6), 0.25, (0.2, 0.3))
    >>> round(low, 3), round(high, 3)
    (0.138, 0.362)
    """
    below_a, above_a = _reach(first, first_ci95)
    below_b, above_b = _reach(second, second_ci95)
    r = max(-1.0, min(1.0, correlation))
    change = first - second
    return change - _joint(below_a, above_b, r), change + _joint(above_a, below_b, r)


def correlation_of(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Correlation (phi) of two students' being right on the same questions; 0 where one has no
    spread.

    Args:
        first, second: ``[questions]``.

    >>> correlation_of(np.array([True, True, False, False]), np.array([True, True, False, False]))
    1.0
    >>> correlation_of(np.array([True, True]), np.array([True, False]))
    0.0
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    spread = math.sqrt(float(a.var()) * float(b.var()))
    if spread == 0:
        return 0.0
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread


def _reach(value: float, interval: Interval) -> tuple[float, float]:
    """How far an interval reaches below and above its estimate."""
    return max(0.0, value - interval[0]), max(0.0, interval[1] - value)


def _joint(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))
