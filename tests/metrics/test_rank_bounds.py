from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from distill_fixtures.metrics.rank_bounds import rank_bounds
from distill_fixtures.records import Undefined


def found(baseline: np.ndarray, current: np.ndarray, alpha: float) -> tuple[float, float, float]:
    bounds = rank_bounds(baseline, current, alpha)
    assert not isinstance(bounds, Undefined)
    return bounds


@pytest.mark.parametrize(("first", "second"), [(4, 4), (5, 5), (5, 7), (9, 6), (12, 12)])
@pytest.mark.parametrize("alpha", [0.025, 0.0145])
def test_bounds_are_where_scipys_test_turns(first: int, second: int, alpha: float) -> None:
    """Just under the lower bound the shift is rejected, just above it is not; and mirrored."""
    generator = np.random.default_rng(first + second)
    baseline, current = generator.normal(size=first), generator.normal(size=second) + 3
    _, low, high = found(baseline, current, alpha)
    for bound, side, outwards in ((low, "greater", -1), (high, "less", 1)):
        for step, rejected in ((1e-9, True), (-1e-9, False)):
            shift = bound + outwards * step
            test = mannwhitneyu(current - shift, baseline, alternative=side, method="exact")
            assert (test.pvalue <= alpha) == rejected


def test_by_counting_every_arrangement() -> None:
    """Of the 70 ways to deal 8 ranks to 4 and 4, how many miss a shift of 0 on one side."""
    missed = 0
    for picked in combinations(range(8), 4):
        current = np.array(picked, dtype=float)
        baseline = np.array([rank for rank in range(8) if rank not in picked], dtype=float)
        missed += found(baseline, current, 0.03)[1] > 0
    assert missed == 2
    assert 2 / 70 <= 0.03 < 4 / 70


def test_one_outlier_does_not_move_the_shift_far() -> None:
    baseline = np.array([0.0, 0.01, 0.02, 0.03, 0.04])
    disturbed = baseline + 0.1
    disturbed[2] += 10
    change, low, _ = found(baseline, disturbed, 0.025)
    assert change == pytest.approx(0.1, abs=0.02)
    assert low > 0.05


def test_swapping_turns_the_signs() -> None:
    baseline, current = np.array([1.0, 2.0, 4.0, 8.0, 9.0]), np.array([3.0, 5.0, 7.0, 1.5, 2.5])
    change, low, high = found(baseline, current, 0.025)
    assert found(current, baseline, 0.025) == (-change, -high, -low)


def test_too_few() -> None:
    """Three and three can be dealt in 20 ways: none is rarer than 5 %."""
    three = np.arange(3.0)
    assert isinstance(rank_bounds(three, three, 0.025), Undefined)
    assert not isinstance(rank_bounds(three, three, 0.05), Undefined)
