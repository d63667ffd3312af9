"""Bootstraps over questions and over paired rounds, and what is read off their draws.

Used for what is no function of the joint cells (kappa, KL, calibration) and for times. Where
questions share a source, whole clusters are resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.clusters import ONE_CLUSTER
from distill_fixtures.metrics.intervals import percentile_interval
from distill_fixtures.metrics.medians import MedianStatistic
from distill_fixtures.metrics.missing import Interval
from distill_fixtures.metrics.unit_counts import WeightStatistic, draws_by_counts
from distill_fixtures.metrics.weighted import SumStatistic
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    RoundStatistic = Callable[[NDArray[np.intp]], Floats]

__all__ = [
    "bootstrap_draws",
    "bootstrap_interval",
    "round_draws",
    "speedup_draws",
]

DRAWS = 10_000
FEWEST_ROUNDS = 5
"""The median's widest interval, [min, max], covers 1 - 2^(1 - n): 93.75 % of the time at 5."""

MOST_UNDEFINED = 0.05


def bootstrap_draws(
    statistic: WeightStatistic,
    questions: int,
    *,
    clusters: NDArray[np.intp] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Floats | Undefined:
    """Bootstrap draws of a statistic over questions, shape ``[draws]``.

    Args:
        statistic: of weights; sums and medians draw no more than they need. Pairing
            needs no care: both models' answers to a question share its weight.
        questions: how many there are.
        clusters: from ``clusters_of``; given, clusters are drawn and not questions.

    Undefined with fewer than two units to draw, or when more than 5 % of the resamples leave the
    statistic undefined; else such draws are left out.

    >>> from distill_fixtures.metrics.weighted import mean_of
    >>> draws = bootstrap_draws(mean_of(np.array([0.0, 1.0] * 50)), 100)
    >>> round(float(draws.std()), 2)
    0.05
    """
    units = questions if clusters is None else int(clusters.max()) + 1
    if units < 2:
        return ONE_CLUSTER if questions > 1 else Undefined("one question has no spread")
    generator = np.random.default_rng(seed)
    if isinstance(statistic, (SumStatistic, MedianStatistic)):
        drawn = statistic.draw(generator, draws, clusters)
    else:
        drawn = draws_by_counts(statistic, generator, draws, questions=questions, clusters=clusters)
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < (1 - MOST_UNDEFINED) * draws:
        return Undefined("too many resamples of the questions leave the value undefined")
    return defined


def bootstrap_interval(
    statistic: WeightStatistic,
    questions: int,
    *,
    clusters: NDArray[np.intp] | None = None,
    seed: int = 0,
    centred: bool = False,
) -> Interval | Undefined:
    """95 % percentile interval of ``bootstrap_draws``.

    Args:
        centred: move the draws so that their mean is the value itself. For statistics that
            resampling biases, as the expected calibration error: noise adds to it, so plain draws
            may all lie above the value. The lower bound then stays at 0 or above.

    >>> from distill_fixtures.metrics.weighted import mean_of
    >>> low, high = bootstrap_interval(mean_of(np.array([0.0, 1.0] * 50)), 100)
    >>> round(low, 1), round(high, 1)
    (0.4, 0.6)
    """
    drawn = bootstrap_draws(statistic, questions, clusters=clusters, seed=seed)
    if isinstance(drawn, Undefined):
        return drawn
    if not centred:
        return percentile_interval(drawn)
    value = float(statistic(np.ones((1, questions)))[0])
    low, high = percentile_interval(drawn - drawn.mean() + value)
    return max(0.0, low), high


def round_draws(
    statistic: RoundStatistic, rounds: int, *, seed: int = 0, draws: int = DRAWS
) -> Floats | Undefined:
    """Bootstrap draws of a statistic over timed rounds, shape ``[draws]``.

    Whole rounds are drawn, because what disturbs a machine lasts longer than one request. Draws of
    few rounds lie too close together: simulated, the plain interval of a median covers 88 % at 7
    rounds. So their distance from the observed value is multiplied by t / z sqrt(n / (n - 1)), t on
    n - 1 degrees of freedom (Hesterberg 2015): 1.58 at 5 rounds, 1.03 at 60.

    Args:
        statistic: of indices of rounds ``[draws, rounds]``, to ``[draws]``. Give logarithms of what
            cannot be negative, so that widening leaves it positive.
        rounds: how many there are.

    Undefined under 5 rounds, which cannot carry a 95 % interval of a median.

    >>> seconds = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> drawn = round_draws(lambda picked: seconds[picked].mean(axis=1), 5)
    >>> round(float(drawn.std() / (np.sqrt(2) / np.sqrt(5))), 1)
    1.6
    """
    if rounds < FEWEST_ROUNDS:
        return _too_few(rounds)
    drawn = statistic(_picked(rounds, seed, draws))
    return _widened(drawn, float(statistic(np.arange(rounds)[None])[0]), rounds)


def speedup_draws(log_ratios: Floats, *, seed: int = 0, draws: int = DRAWS) -> Floats | Undefined:
    """Draws of the speedup, as those of ``round_draws`` with the median, shape ``[draws]``.

    The rounds are drawn in ascending order, and each draw with its mirror image, so that neither
    their order in time nor which model is called the first makes a difference. The places of the
    medians then depend on the number of rounds alone and are kept: timing asks after each round.
    Simulated coverage of the interval is 92 (7 rounds) to 98 % (5 rounds).

    Args:
        log_ratios: log(t_T / t_S) of each pair of rounds, ``[rounds]``.

    >>> percentile_interval(speedup_draws(np.log([2.0, 2.0, 2.0, 2.0, 2.0])))
    (2.0, 2.0)
    >>> speedup_draws(np.log([2.0, 2.0]))
    Undefined(reason='2 rounds; an interval needs 5')
    """
    rounds = len(log_ratios)
    if rounds < FEWEST_ROUNDS:
        return _too_few(rounds)
    ordered = np.sort(log_ratios)
    low, high = _median_places(rounds, seed, draws)
    return np.exp(_widened((ordered[low] + ordered[high]) / 2, float(np.median(ordered)), rounds))


def _too_few(rounds: int) -> Undefined:
    return Undefined(f"{rounds} rounds; an interval needs {FEWEST_ROUNDS}")


def _picked(rounds: int, seed: int, draws: int) -> NDArray[np.intp]:
    """Indices of the rounds of each draw, ``[draws, rounds]``."""
    return np.random.default_rng(seed).integers(rounds, size=(draws, rounds))


@lru_cache(maxsize=64)
def _median_places(rounds: int, seed: int, draws: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which two of the ordered rounds a draw's median lies half-way between, each ``[draws]``.

    Each draw has its mirror image among them (one in the middle, where they are odd).
    """
    middle = [(rounds - 1) // 2, rounds // 2]
    half = np.partition(_picked(rounds, seed, draws // 2), middle, axis=1)[:, middle]
    single = np.array([middle] * (draws % 2), dtype=np.intp).reshape(-1, 2)
    places = np.concatenate([half, rounds - 1 - half[:, ::-1], single])
    return places[:, 0].copy(), places[:, 1].copy()


def _widened(drawn: Floats, observed: float, rounds: int) -> Floats:
    """Draws moved away from the observed value, as ``round_draws`` says."""
    from scipy.special import stdtrit

    z = NormalDist().inv_cdf(0.975)
    widen = float(stdtrit(rounds - 1, 0.975)) / z * math.sqrt(rounds / (rounds - 1))
    widened: Floats = observed + widen * (drawn - observed)
    return widened
