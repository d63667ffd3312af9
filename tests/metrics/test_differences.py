"""The interval of a difference: Newcombe's own example, a simulation, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.metrics.differences import correlation_of, difference_interval
from distill_fixtures.metrics.intervals import wilson

reaches = st.floats(0, 10)
values = st.floats(-10, 10)


def test_newcombes_example() -> None:
    """56 of 70 against 48 of 80 (Newcombe 1998, unpaired, method 10): 0.0524 to 0.3339."""
    low, high = difference_interval(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))
    assert low == pytest.approx(0.0524, abs=5e-5)
    assert high == pytest.approx(0.3339, abs=5e-5)


def test_by_hand() -> None:
    """Reaches of 3 and 4 make 5."""
    low, high = difference_interval(10.0, (7.0, 13.0), 1.0, (-3.0, 5.0))
    assert (low, high) == (4.0, 14.0)


def test_the_same_answers_leave_nothing_open() -> None:
    low, high = difference_interval(0.5, (0.4, 0.6), 0.5, (0.4, 0.6), correlation=1.0)
    assert (low, high) == (0.0, 0.0)


@given(values, reaches, reaches, values, reaches, reaches, st.floats(-1, 1))
def test_it_holds_the_difference_and_turns_with_it(
    a: float, below_a: float, above_a: float, b: float, below_b: float, above_b: float, r: float
) -> None:
    one, other = (a - below_a, a + above_a), (b - below_b, b + above_b)
    low, high = difference_interval(a, one, b, other, correlation=r)
    assert low <= a - b <= high
    turned = difference_interval(b, other, a, one, correlation=r)
    assert turned == pytest.approx((-high, -low), abs=1e-9)
    independent = difference_interval(a, one, b, other)
    if r >= 0:
        assert independent[0] <= low + 1e-9
        assert independent[1] >= high - 1e-9


def test_correlation_by_hand_and_by_numpy() -> None:
    one = np.array([True, True, True, False, False, False])
    other = np.array([True, True, False, True, False, False])
    assert correlation_of(one, other) == pytest.approx(1 / 3)
    assert correlation_of(one, other) == pytest.approx(float(np.corrcoef(one, other)[0, 1]))
    assert correlation_of(one, ~one) == pytest.approx(-1.0)
    assert correlation_of(np.ones(4, dtype=np.bool_), other[:4]) == 0.0


def test_paired_answers_are_covered() -> None:
    """Two students of which the second is wrong more often: the true difference is in nearly all
    intervals, and far narrower ones than without pairing."""
    generator = np.random.default_rng(0)
    covered, narrower, trials, n = 0, 0, 400, 120
    for _ in range(trials):
        hard = generator.random(n)
        one = hard < 0.7
        other = np.where(generator.random(n) < 0.15, generator.random(n) < 0.5, one)
        truth = 0.7 - (0.85 * 0.7 + 0.15 * 0.5)
        ends = [wilson(int(each.sum()), n) for each in (one, other)]
        shares = [float(each.mean()) for each in (one, other)]
        r = correlation_of(one, other)
        paired = difference_interval(shares[0], ends[0], shares[1], ends[1], correlation=r)
        alone = difference_interval(shares[0], ends[0], shares[1], ends[1])
        covered += paired[0] <= truth <= paired[1]
        narrower += (paired[1] - paired[0]) < 0.7 * (alone[1] - alone[0])
    assert covered / trials > 0.92
    assert narrower / trials > 0.95
