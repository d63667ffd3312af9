"""The front: by hand, and against the definition over all pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.metrics.pareto import on_front

numbers = st.integers(0, 5).map(float)
points = st.lists(st.tuples(numbers, numbers), max_size=8)


def test_by_hand() -> None:
    gains, costs = [0.9, 0.8, 0.7, 0.9], [2.0, 1.0, 1.5, 3.0]
    assert on_front(gains, costs) == (True, True, False, False)


def test_edges() -> None:
    assert on_front([], []) == ()
    assert on_front([0.0], [9.0]) == (True,)
    assert on_front([0.5, 0.5, 0.5], [1.0, 1.0, 1.0]) == (True, True, True)
    with pytest.raises(ValueError, match="argument"):
        on_front([1.0], [])


@given(points)
def test_some_are_ahead_and_each_other_one_is_beaten_by_one_of_them(
    some: list[tuple[float, float]],
) -> None:
    ahead = on_front([gain for gain, _ in some], [cost for _, cost in some])
    assert any(ahead) or not some
    best = [point for point, is_ahead in zip(some, ahead, strict=True) if is_ahead]
    for point, is_ahead in zip(some, ahead, strict=True):
        beaten = any(g >= point[0] and c <= point[1] and (g, c) != point for g, c in best)
        assert beaten != is_ahead


@given(points)
def test_order_makes_no_difference(some: list[tuple[float, float]]) -> None:
    ahead = on_front([gain for gain, _ in some], [cost for _, cost in some])
    turned = on_front([gain for gain, _ in some[::-1]], [cost for _, cost in some[::-1]])
    assert ahead == turned[::-1]
