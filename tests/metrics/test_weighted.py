"""Quick draws follow the law of counting how often each question was drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare, ks_2samp

from distill_fixtures.metrics.agreement import kappa_of
from distill_fixtures.metrics.calibration import (
    Calibration,
    calibrate,
    expected_calibration_error_of,
)
from distill_fixtures.metrics.medians import MedianStatistic, median_of
from distill_fixtures.metrics.pairing import pair_answers
from distill_fixtures.metrics.retention import distillation_efficacy_of
from distill_fixtures.metrics.unit_counts import draws_by_counts, unit_counts
from distill_fixtures.metrics.weighted import SumStatistic, mean_of
from tests.metrics.made_up import random_case

Floats = NDArray[np.float64]
Statistic = SumStatistic | MedianStatistic
Make = Callable[[Floats], Statistic]
DRAWS = 5_000


def statistic_of(name: str, questions: int) -> Statistic:
    asked, teacher, student = random_case(0, count=questions)
    fit = calibrate(asked, teacher)
    assert isinstance(fit, Calibration)
    paired = pair_answers(asked, teacher, student)
    figures = np.random.default_rng(1).exponential(size=questions)
    statistics: dict[str, Statistic] = {
        "mean": mean_of(figures),
        "mean of few figures": mean_of(np.round(figures)),
        "mean with zeros": mean_of(np.where(figures < 1, 0, figures)),
        "median": median_of(figures),
        "calibration": expected_calibration_error_of(fit),
        "kappa": kappa_of(paired),
        "efficacy": distillation_efficacy_of(paired, 0.2),
    }
    return statistics[name]


def clusters_among(questions: int, sources: int) -> NDArray[np.intp]:
    drawn = np.random.default_rng(2).integers(sources, size=questions)
    return np.asarray(np.unique(drawn, return_inverse=True)[1], dtype=np.intp)


NAMES = [
    "mean",
    "mean of few figures",
    "mean with zeros",
    "median",
    "calibration",
    "kappa",
    "efficacy",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sources", [None, 40, 300])
@pytest.mark.parametrize("questions", [60, 700])
def test_draws_follow_the_law_of_counts(name: str, questions: int, sources: int | None) -> None:
    """Two samples of 5,000; Kolmogorov and Smirnov's p, 42 times, so 1 in 1,000 is no surprise."""
    statistic = statistic_of(name, questions)
    clusters = None if sources is None else clusters_among(questions, sources)
    quick = statistic.draw(np.random.default_rng(3), DRAWS, clusters)
    counted = draws_by_counts(
        statistic, np.random.default_rng(4), DRAWS, questions=questions, clusters=clusters
    )
    assert quick.shape == counted.shape == (DRAWS,)
    # Rounding tells apart sums that are equal; -9 stands for undefined.
    alike = [np.nan_to_num(each, nan=-9).round(9) for each in (quick, counted)]
    assert ks_2samp(*alike).pvalue > 1e-4


@pytest.mark.parametrize("figures", [[1.0, 2.0, 4.0], [1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 1.0, 5.0]])
@pytest.mark.parametrize("make", [mean_of, median_of])
def test_every_possible_draw_is_as_likely_as_it_should(figures: list[float], make: Make) -> None:
    """All n^n ways to pick n of n, against the draws."""
    values = np.array(figures)
    value_of = np.mean if make is mean_of else np.median
    ways = Counter(
        round(float(value_of(picked)), 9) for picked in product(values, repeat=len(values))
    )
    drawn: Counter[float] = Counter(
        make(values).draw(np.random.default_rng(0), DRAWS, None).round(9).tolist()
    )
    assert set(drawn) <= set(ways)
    expected = np.array([ways[each] for each in ways]) * DRAWS / ways.total()
    assert chisquare([drawn[each] for each in ways], expected).pvalue > 1e-3


@pytest.mark.parametrize("questions", [7, 50, 301])
def test_medians_over_clusters_are_those_of_the_counts(questions: int) -> None:
    """The same picks, so the very same medians; ties and whole clusters on the middle included."""
    statistic = median_of(np.random.default_rng(0).normal(size=questions).round(1))
    clusters = clusters_among(questions, questions // 3)
    quick = statistic.draw(np.random.default_rng(5), 3000, clusters)
    counted = draws_by_counts(statistic, np.random.default_rng(5), 3000, clusters=clusters)
    np.testing.assert_allclose(quick, counted)


def test_counts_sum_to_the_units() -> None:
    chunks = list(unit_counts(np.random.default_rng(0), 30_000, 20))
    assert len(chunks) > 1
    counts = np.concatenate(chunks)
    assert counts.shape == (20, 30_000)
    assert set(counts.sum(axis=1)) == {30_000}
    assert counts.var() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("make", [mean_of, median_of])
def test_one_figure_everywhere_is_drawn_every_time(make: Make) -> None:
    drawn = make(np.full(1000, 0.1)).draw(np.random.default_rng(0), 50, None)
    assert drawn == pytest.approx(0.1)
