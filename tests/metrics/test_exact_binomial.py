from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from distill_fixtures.metrics.exact_binomial import clopper_pearson_lower, clopper_pearson_upper

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.9, 0.95, 0.99]))
def test_is_scipys(count: tuple[int, int], level: float) -> None:
    upper = binomtest(*count, alternative="less").proportion_ci(level, method="exact").high
    lower = binomtest(*count, alternative="greater").proportion_ci(level, method="exact").low
    assert clopper_pearson_upper(*count, level) == pytest.approx(upper, abs=1e-9)
    assert clopper_pearson_lower(*count, level) == pytest.approx(lower, abs=1e-9)


@pytest.mark.parametrize("trials", [1, 59, 299])
def test_ends_are_the_closed_form(trials: int) -> None:
    assert clopper_pearson_upper(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials))
    assert clopper_pearson_lower(trials, trials) == pytest.approx(0.05 ** (1 / trials))
    assert clopper_pearson_upper(trials, trials) == 1
    assert clopper_pearson_lower(0, trials) == 0


def test_the_bound_is_where_the_tail_is_five_per_cent() -> None:
    assert binom.cdf(3, 40, clopper_pearson_upper(3, 40)) == pytest.approx(0.05)
    assert binom.sf(36, 40, clopper_pearson_lower(37, 40)) == pytest.approx(0.05)


@pytest.mark.parametrize(("alarms", "trials"), [(0, 299), (1, 473), (2, 628)])
def test_trials_that_show_at_most_one_per_cent(alarms: int, trials: int) -> None:
    """One trial fewer would not do."""
    assert clopper_pearson_upper(alarms, trials) <= 0.01
    assert clopper_pearson_upper(alarms, trials - 1) > 0.01


@pytest.mark.parametrize(("found", "trials"), [(59, 59), (92, 93)])
def test_trials_that_show_at_least_ninety_five_per_cent(found: int, trials: int) -> None:
    assert clopper_pearson_lower(found, trials) >= 0.95
    assert clopper_pearson_lower(found - 1, trials - 1) < 0.95


@pytest.mark.parametrize("count", [(-1, 3), (4, 3), (0, 0)])
def test_bad_counts(count: tuple[int, int]) -> None:
    for bound in (clopper_pearson_upper, clopper_pearson_lower):
        with pytest.raises(ValueError, match="no proportion"):
            bound(*count)
        with pytest.raises(ValueError, match="level"):
            bound(1, 2, 1.0)
