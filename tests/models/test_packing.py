"""Which requests go together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.models.packing import batches_by_length, pack

LENGTHS = st.lists(st.integers(1, 60), max_size=40)


def test_by_hand() -> None:
    # 70 leaves 30, in which 30 fits exactly; 60 leaves 40 for the 20.
    assert pack([30, 70, 20, 60], budget=100) == [[1, 0], [3, 2]]


def test_the_tightest_gap_is_filled() -> None:
    # After 90 and 70 there is room for 10 in either: the pass of 90 takes it.
    assert pack([70, 90, 10], budget=100) == [[1, 2], [0]]


def test_one_beyond_the_budget_goes_alone() -> None:
    assert pack([500, 10, 20], budget=100) == [[0], [2, 1]]


def test_nothing() -> None:
    assert pack([], budget=10) == []


@given(LENGTHS, st.integers(1, 100))
def test_passes_hold_each_once_within_the_budget(lengths: list[int], budget: int) -> None:
    passes = pack(lengths, budget)
    assert sorted(index for members in passes for index in members) == list(range(len(lengths)))
    for members in passes:
        assert len(members) == 1 or sum(lengths[index] for index in members) <= budget
    if passes:
        assert lengths[passes[0][0]] == max(lengths)
    assert pack(lengths, budget) == passes


@given(LENGTHS, st.integers(1, 100))
def test_few_passes_are_used(lengths: list[int], budget: int) -> None:
    # Any two passes together are beyond the budget, or one of them would not be there.
    loads = [sum(lengths[index] for index in members) for members in pack(lengths, budget)]
    for place, load in enumerate(loads):
        assert all(load + other > budget for other in loads[place + 1 :])


@pytest.mark.parametrize("batches", [list(batches_by_length([5, 1, 9, 9, 3, 40], 20))])
def test_batches_of_rows(batches: list[list[int]]) -> None:
    assert batches == [[5], [2, 3], [0, 4, 1]]
