"""Which of several models no other one beats: the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["on_front"]


def on_front(gains: Sequence[float], costs: Sequence[float]) -> tuple[bool, ...]:
    """Whether each of several models is on the front of most gain for least cost.

    One is off it where another has at least its gain at no more than its cost, and is better in one
    of the two. Values are taken as they are; noise moves them.

    Args:
        gains: more is better, accuracy say; ``[models]``.
        costs: less is better, seconds or bytes; ``[models]``.

    Raises:
        ValueError: unlike numbers of gains and costs.

    >>> on_front([0.9, 0.8, 0.7], [2.0, 1.0, 1.5])
    (True, True, False)
    >>> on_front([0.5, 0.5], [1.0, 1.0])
    (True, True)
    """
    points = list(zip(gains, costs, strict=True))
    return tuple(
        not any(
            gain >= own_gain and cost <= own_cost and (gain, cost) != (own_gain, own_cost)
            for gain, cost in points
        )
        for own_gain, own_cost in points
    )
