from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import bootstrap, norm, t

from distill_fixtures.metrics import resampling
from distill_fixtures.metrics.agreement import kappa_of
from distill_fixtures.metrics.calibration import (
    Calibration,
    calibrate,
    expected_calibration_error,
    expected_calibration_error_of,
)
from distill_fixtures.metrics.intervals import percentile_interval
from distill_fixtures.metrics.medians import median_of
from distill_fixtures.metrics.pairing import pair_answers
from distill_fixtures.metrics.weighted import mean_of
from distill_fixtures.records import Undefined
from tests.metrics.made_up import random_case

Floats = NDArray[np.float64]

weighted = st.lists(
    st.tuples(st.floats(-100, 100), st.integers(0, 4)), min_size=1, max_size=12
).filter(lambda pairs: any(weight for _, weight in pairs))


@given(weighted)
def test_weights_are_repeats(pairs: list[tuple[float, int]]) -> None:
    values, times = np.array([v for v, _ in pairs]), np.array([w for _, w in pairs])
    weights = times[None, :].astype(float)
    repeated = np.repeat(values, times)
    assert mean_of(values)(weights)[0] == pytest.approx(repeated.mean(), abs=1e-9)
    assert median_of(values)(weights)[0] == pytest.approx(np.median(repeated), abs=1e-9)


def test_mean_interval_is_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(0).exponential(size=200)
    expected = bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = resampling.bootstrap_interval(mean_of(values), 200)
    assert found == pytest.approx((expected.low, expected.high), abs=0.01)


def test_median_interval_is_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(0).exponential(size=200)
    expected = bootstrap(
        (values,), np.median, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = resampling.bootstrap_interval(median_of(values), 200)
    assert found == pytest.approx((expected.low, expected.high), abs=0.01)


def test_draws_are_seeded_and_counted() -> None:
    statistic = mean_of(np.arange(30.0))
    first = resampling.bootstrap_draws(statistic, 30, draws=1234)
    again = resampling.bootstrap_draws(statistic, 30, draws=1234)
    other = resampling.bootstrap_draws(statistic, 30, draws=1234, seed=1)
    assert not isinstance(first, Undefined)
    assert first.shape == (1234,)
    assert np.array_equal(first, again)  # type: ignore[arg-type]
    assert not np.array_equal(first, other)  # type: ignore[arg-type]


def test_every_resample_has_as_many_questions() -> None:
    totals = resampling.bootstrap_draws(lambda weights: weights.sum(axis=1), 37, draws=700)
    assert set(totals.tolist()) == {37.0}  # type: ignore[union-attr]


def test_clusters_are_drawn_whole() -> None:
    clusters = np.array([0, 0, 0, 1, 2, 2])

    def together(weights: np.ndarray) -> np.ndarray:
        assert np.array_equal(weights[:, 0], weights[:, 2])
        assert np.array_equal(weights[:, 4], weights[:, 5])
        return np.asarray(weights[:, 0] + weights[:, 3] + weights[:, 4])

    draws = resampling.bootstrap_draws(together, 6, clusters=clusters, draws=600)
    assert set(draws.tolist()) == {3.0}  # type: ignore[union-attr]


def test_clusters_that_answer_alike_widen() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=60), 4)
    statistic = mean_of(values)
    alone = resampling.bootstrap_draws(statistic, 240)
    clustered = resampling.bootstrap_draws(statistic, 240, clusters=np.repeat(np.arange(60), 4))
    assert np.std(clustered) / np.std(alone) == pytest.approx(2.0, rel=0.05)  # type: ignore[arg-type]


def test_too_little_to_resample() -> None:
    statistic = mean_of(np.ones(3))
    assert isinstance(resampling.bootstrap_draws(mean_of(np.ones(1)), 1), Undefined)
    one = resampling.bootstrap_draws(statistic, 3, clusters=np.zeros(3, dtype=np.intp))
    assert isinstance(one, Undefined)
    assert "one source" in one.reason


def test_undefined_resamples() -> None:
    def mostly(weights: np.ndarray) -> np.ndarray:
        return np.where(weights[:, 0] == 0, np.nan, 1.0)

    assert isinstance(resampling.bootstrap_interval(mostly, 50), Undefined)

    def hardly(weights: np.ndarray) -> np.ndarray:
        return np.where(weights[:, 0] > 4, np.nan, 1.0)

    draws = resampling.bootstrap_draws(hardly, 50)
    assert 9_500 < len(draws) < 10_000  # type: ignore[arg-type]
    assert resampling.bootstrap_interval(hardly, 50) == (1.0, 1.0)


def test_kappa_interval_holds_kappa() -> None:
    paired = pair_answers(*random_case(0, count=200))
    statistic = kappa_of(paired)
    value = statistic(np.ones((1, 200)))[0]
    low, high = resampling.bootstrap_interval(statistic, 200)  # type: ignore[misc]
    assert low < value < high
    # Cohen's large-sample standard error, sqrt(po (1 - po) / n) / (1 - pe).
    agreed = paired.same.mean()
    beyond = (1 - agreed) / (1 - value)
    error = np.sqrt(agreed * (1 - agreed) / 200) / beyond
    assert high - low == pytest.approx(2 * norm.ppf(0.975) * error, rel=0.1)


def test_calibration_error_is_centred() -> None:
    questions, answers, _ = random_case(2, count=100)
    fit = calibrate(questions, answers)
    assert isinstance(fit, Calibration)
    statistic, value = expected_calibration_error_of(fit), expected_calibration_error(fit)
    draws = resampling.bootstrap_draws(statistic, 100)
    assert np.mean(draws) > value + 0.01  # type: ignore[arg-type]
    low, high = resampling.bootstrap_interval(statistic, 100, centred=True)  # type: ignore[misc]
    assert 0 <= low < value < high


def speedup_interval(log_ratios: Floats) -> tuple[float, float]:
    drawn = resampling.speedup_draws(log_ratios)
    assert not isinstance(drawn, Undefined)
    return percentile_interval(drawn)


def test_speedup_interval() -> None:
    ratios = np.log(2.5) + 0.1 * np.random.default_rng(0).normal(size=30)
    found = speedup_interval(ratios)
    swapped = speedup_interval(-ratios)
    assert found[0] < np.exp(np.median(ratios)) < found[1]
    assert swapped == pytest.approx((1 / found[1], 1 / found[0]))
    assert np.log(found[1] / found[0]) == pytest.approx(4 * 1.25 * 0.1 / np.sqrt(30), rel=0.5)


def test_speedup_draws_are_those_of_a_plain_bootstrap() -> None:
    """Against drawing whole rounds and taking each draw's median, by another seed."""
    ratios = np.random.default_rng(4).normal(0.3, 0.1, size=12)
    found = resampling.speedup_draws(ratios, draws=100_001)
    plain = resampling.round_draws(
        lambda picked: np.median(ratios[picked], axis=1), 12, seed=9, draws=100_000
    )
    assert not isinstance(found, Undefined)
    assert not isinstance(plain, Undefined)
    assert found.shape == (100_001,)
    shares = [2.5, 10, 25, 50, 75, 90, 97.5]
    assert np.percentile(np.log(found), shares) == pytest.approx(
        np.percentile(plain, shares), abs=0.003
    )


@given(st.permutations([0.1, 0.2, 0.15, 0.4, 0.3, 0.12, 0.33]))
def test_the_order_of_rounds_makes_no_difference(ratios: list[float]) -> None:
    assert speedup_interval(np.array(ratios)) == speedup_interval(np.sort(ratios))


def test_few_rounds_have_no_interval() -> None:
    assert isinstance(resampling.speedup_draws(np.zeros(4)), Undefined)


def test_few_rounds_are_widened() -> None:
    """The plain bootstrap of five rounds gives [min, max]; t / z sqrt(5 / 4) makes it wider."""
    five = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    widen = t.ppf(0.975, 4) / norm.ppf(0.975) * np.sqrt(5 / 4)
    expected = np.exp(-2 * widen), np.exp(2 * widen)
    assert speedup_interval(five) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [5, 7, 10, 20])
def test_the_speedup_interval_covers(rounds: int) -> None:
    generator = np.random.default_rng(rounds)
    held = 0
    for seed in range(1000):
        ratios = np.log(2) + 0.05 * generator.standard_t(3, size=rounds)
        drawn = resampling.speedup_draws(ratios, seed=seed, draws=1000)
        assert not isinstance(drawn, Undefined)
        low, high = percentile_interval(drawn)
        held += low <= 2 <= high
    assert 0.91 <= held / 1000 <= 0.99
