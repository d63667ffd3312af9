from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from distill_fixtures.metrics.multiple import holm, tail_probability

probabilities = st.lists(st.floats(0, 1), max_size=6)


def closed_testing(p_values: list[float]) -> list[float]:
    """Adjusted p-values of Bonferroni's test closed over all subsets, of which Holm's is a
    shortcut: a hypothesis is rejected if every subset that holds it is."""
    everything = range(len(p_values))
    subsets = [c for size in everything for c in combinations(everything, size + 1)]
    adjusted = [
        max(len(c) * min(p_values[k] for k in c) for c in subsets if index in c)
        for index in everything
    ]
    return [min(1.0, p) for p in adjusted]


def test_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()
    assert holm([0.5, 0.9]) == (1.0, 1.0)


@given(probabilities)
def test_is_closed_testing(p_values: list[float]) -> None:
    assert list(holm(p_values)) == pytest.approx(closed_testing(p_values))


@given(probabilities)
def test_never_below_what_was_given_and_in_the_same_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    ordered = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize("p_values", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_probability(p_values: list[float]) -> None:
    with pytest.raises(ValueError, match="no p-value"):
        holm(p_values)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_bad_level(alpha: float) -> None:
    with pytest.raises(ValueError, match="no level"):
        holm([0.1], alpha)


def test_tail_by_hand() -> None:
    draws = np.array([1.0, 2.0, 3.0, 4.0])
    assert tail_probability(draws, 3.0, side="below") == pytest.approx(3 / 5)
    assert tail_probability(draws, 3.0, side="above") == pytest.approx(4 / 5)
    assert tail_probability(draws, 9.0, side="below") == pytest.approx(1 / 5)


def test_tail_is_the_distributions() -> None:
    draws = np.random.default_rng(0).beta(8, 4, size=20_000)
    below = tail_probability(draws, 0.8, side="below")
    assert below == pytest.approx(beta.sf(0.8, 8, 4), abs=0.01)
    assert tail_probability(draws, 0.8, side="above") == pytest.approx(1 - below, abs=1e-4)


@pytest.mark.parametrize("draws", [[], [1.0, float("nan")]])
def test_tail_of_nothing(draws: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        tail_probability(np.array(draws), 0.0, side="below")
