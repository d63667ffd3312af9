"""Whether a figure has become worse than a baseline's by more than a tolerance.

One rule for all: **fail** if the lower bound of the change lies above the tolerance, **pass** if
the upper bound lies below it, else **inconclusive**. A change above 0 is a change for the worse.

Times: ``compare_processes``. Bounds are Welch's on one value a process. Simulated 40,000 times at
5 % tolerance with 5 processes a side: normal noise of 1 % never fails unchanged code, and a 10 %
slowdown is missed twice; noise of 2.5 % never fails it either, and 71 % of the slowdowns are found.
If one process in ten runs 30 % slower of itself, in both runs, false alarms are 11 in 40,000 (a
lone outlier widens the interval more than it moves the mean), but 65 % of the comparisons are
inconclusive, and more processes do not help: 67 % at 12. There the bounds by ranks
(``bounds="ranks"``) gave no alarm and settle 59 % at 5, 84 % at 8 and 98 % at 12 processes. Without
such outliers they settle fewer: 61 % instead of 71 % in the second case. They need 4 processes a
side for one look and 5 for two to six. Which is used must be settled before the data are seen.

Accuracy: ``compare_accuracies``, from answers to the same questions. Sizes: ``compare_exactly``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from distill_fixtures.metrics.intervals import paired_draws, percentile_interval, retention_pct_of
from distill_fixtures.metrics.rank_bounds import rank_bounds
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = [
    "Bounds",
    "NonInferiority",
    "Verdict",
    "compare_accuracies",
    "compare_exactly",
    "compare_processes",
    "processes_still_needed",
]

Verdict = Literal["pass", "fail", "inconclusive"]
Bounds = Literal["welch", "ranks"]

ONE_SIDED_ALPHA = 0.025
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """A change against a baseline, and what it means.

    Attributes:
        change: above 0 is worse; log scale for times, per cent of the baseline elsewhere.
        low, high: each is a one-sided bound of the change, at 1 - alpha / looks.
        verdict: by the bounds and the tolerance.
        standard_error: of the change; 0 for what has no noise.
        degrees_of_freedom: Satterthwaite's for times; units (questions or sources) less one for
            accuracies, whose bounds are no t; 0 for what has no noise.
    """

    change: float
    low: float
    high: float
    verdict: Verdict
    standard_error: float
    degrees_of_freedom: float


def compare_processes(
    baseline: Floats,
    current: Floats,
    *,
    tolerance: float,
    looks: int = 1,
    alpha: float = ONE_SIDED_ALPHA,
    bounds: Bounds = "welch",
) -> NonInferiority | Undefined:
    """Compare processes of two runs, one value each: the change is mean(current) - mean(baseline).

    The value is the median over a process' paired rounds of log(t_S / t_T). Processes and not
    rounds are the units, because a process keeps its memory layout (Welch 1947; Satterthwaite
    1946). Equal values on both sides leave no spread, and the bounds are the change itself.

    Args:
        baseline, current: ``[processes]``.
        tolerance: change that is still tolerable, in the values' unit: log(1.05) for 5 %.
        looks: how many times the data may be looked at with more processes; each bound then takes
            alpha / looks (Bonferroni), so that looking often makes no false alarm likelier.
        alpha: one-sided.
        bounds: "ranks" takes the median of all differences (Hodges and Lehmann 1963) with the
            bounds of the rank test (Mann and Whitney 1947), exact where the runs differ by a shift.

    Undefined with fewer than two processes on a side, or too few for bounds by ranks.

    >>> steady = np.array([0.0, 0.01, 0.02, 0.01, 0.01])
    >>> compare_processes(steady, steady + 0.10, tolerance=0.05).verdict
    'fail'
    >>> compare_processes(steady, steady[:1], tolerance=0.05).reason
    'a comparison needs two processes on each side; there are 5 and 1'
    """
    baseline, current = np.asarray(baseline, dtype=float), np.asarray(current, dtype=float)
    _check(baseline, current, tolerance, looks, alpha)
    sizes = np.array([len(baseline), len(current)])
    if sizes.min() < 2:
        return Undefined(
            f"a comparison needs two processes on each side; there are {sizes[0]} and {sizes[1]}"
        )
    variances = np.array([baseline.var(ddof=1), current.var(ddof=1)]) / sizes
    error = math.sqrt(variances.sum())
    freedom = _satterthwaite(variances, sizes)
    if bounds == "ranks":
        by_ranks = rank_bounds(baseline, current, alpha / looks)
        if isinstance(by_ranks, Undefined):
            return by_ranks
        change, low, high = by_ranks
    else:
        change = float(current.mean() - baseline.mean())
        half = _t_quantile(freedom, 1 - alpha / looks) * error
        low, high = change - half, change + half
    return NonInferiority(change, low, high, _verdict(low, high, tolerance), error, freedom)


def processes_still_needed(
    found: NonInferiority,
    processes: int,
    *,
    tolerance: float,
    looks: int = 1,
    alpha: float = ONE_SIDED_ALPHA,
) -> int | None:
    """How many more processes on each side would settle an inconclusive comparison.

    The least m with m >= n (t SE / distance)^2, less the n there are: where the bound would leave
    the tolerance if change and spread stay as they are, t at the bounds' own level on 2 m - 2
    degrees of freedom. At least 1. None where the change lies on the tolerance: no number would.

    Args:
        processes: on each side (the smaller number).

    >>> half_way = NonInferiority(0.0, -0.1, 0.1, "inconclusive", 0.04, 8.0)
    >>> processes_still_needed(half_way, 5, tolerance=0.05)
    9
    """
    distance = abs(found.change - tolerance)
    if distance <= ROUNDING * max(found.standard_error, abs(tolerance)):
        return None

    def least(freedom: float) -> int:
        t = _t_quantile(freedom, 1 - alpha / looks)
        return math.ceil(processes * (t * found.standard_error / distance) ** 2)

    # From the normal quantile it is a few steps: t adds about two processes.
    needed = max(processes + 1, least(math.inf))
    while needed < least(2 * needed - 2):
        needed += 1
    return needed - processes


def compare_accuracies(
    baseline_correct: Flags,
    current_correct: Flags,
    *,
    tolerance_pct: float,
    clusters: NDArray[np.intp] | None = None,
    seed: int = 0,
) -> NonInferiority | Undefined:
    """Compare a model's accuracy with its baseline's on the same questions.

    The change is 100 (1 - current / baseline): per cent of the baseline's accuracy that is lost.
    Its bounds, one-sided 97.5 % each, are over other questions of the same kind, by draws of the
    joint cells as for retention: a model answers alike each time, so questions are the only chance
    in it. They tell a loss in general from a loss on just these questions.

    Where every question came out as before, there is no loss of which to ask that, and the bounds
    are 0 by definition: an unchanged model passes, with however few questions. (By the draws, 50
    questions would leave it a few per cent either way, and a tolerance below that could never be
    met.)

    Args:
        baseline_correct, current_correct: ``[questions]``, paired.
        tolerance_pct: loss still tolerable.
        clusters: from ``clusters_of``.

    Undefined where the baseline is never right, or all questions share one source.

    >>> before = np.arange(200) % 4 != 0
    >>> compare_accuracies(before, before, tolerance_pct=1.0).verdict
    'pass'
    >>> compare_accuracies(before, before & (np.arange(200) % 3 != 0), tolerance_pct=5.0).verdict
    'fail'
    """
    if not tolerance_pct >= 0:
        raise ValueError(f"a tolerance of {tolerance_pct} % is below 0")
    units = len(baseline_correct) if clusters is None else int(clusters.max()) + 1
    drawn = paired_draws(
        baseline_correct, current_correct, retention_pct_of, clusters=clusters, seed=seed
    )
    if np.array_equal(baseline_correct, current_correct):
        return NonInferiority(0.0, 0.0, 0.0, "pass", 0.0, units - 1.0)
    if not baseline_correct.any():
        return Undefined("the baseline is never right: there is no per cent of 0")
    if isinstance(drawn, Undefined):
        return drawn
    low, high = percentile_interval(100 - drawn)
    return NonInferiority(
        change=100 * (1 - float(current_correct.sum() / baseline_correct.sum())),
        low=low,
        high=high,
        verdict=_verdict(low, high, tolerance_pct),
        standard_error=float(drawn.std()),
        degrees_of_freedom=units - 1.0,
    )


def compare_exactly(
    baseline: float,
    current: float,
    tolerance_pct: float,
    direction: Literal["higher", "lower"],
) -> NonInferiority | Undefined:
    """Compare figures without noise, as sizes: fail if worse by more than the tolerance.

    Args:
        direction: which way is better.

    Undefined unless the baseline is above 0, or both are 0.

    >>> compare_exactly(1000, 1010, 1.0, "lower").verdict
    'pass'
    >>> compare_exactly(1000, 1011, 1.0, "lower").verdict
    'fail'
    """
    if not (math.isfinite(baseline) and math.isfinite(current) and tolerance_pct >= 0):
        raise ValueError(f"{baseline}, {current} and a tolerance of {tolerance_pct} do not compare")
    if baseline <= 0 and baseline != current:
        return Undefined(f"the baseline is {baseline:g}: there is no per cent of it")
    grown = 100 * (current - baseline) / baseline if baseline != current else 0.0
    change = grown if direction == "lower" else -grown
    # 1.05 / 1 - 1 is 5.000000000000004 %.
    verdict: Verdict = "fail" if change > tolerance_pct + ROUNDING else "pass"
    return NonInferiority(change, change, change, verdict, 0.0, 0.0)


def _verdict(low: float, high: float, tolerance: float) -> Verdict:
    if low > tolerance:
        return "fail"
    return "pass" if high < tolerance else "inconclusive"


def _check(baseline: Floats, current: Floats, tolerance: float, looks: int, alpha: float) -> None:
    if baseline.ndim != 1 or current.ndim != 1:
        raise ValueError(f"shapes {baseline.shape} and {current.shape}: one value a process")
    if not (np.isfinite(baseline).all() and np.isfinite(current).all()):
        raise ValueError("a process' value is not finite")
    if looks < 1 or not 0 < alpha < 0.5 or not tolerance >= 0:
        raise ValueError(f"{looks} looks at alpha {alpha} with tolerance {tolerance}")


def _satterthwaite(variances: Floats, sizes: NDArray[np.intp]) -> float:
    """Degrees of freedom of a sum of two estimated variances of means."""
    if variances.sum() == 0:
        return float(sizes.sum() - 2)
    shares = variances / variances.sum()
    return float(1 / np.sum(shares**2 / (sizes - 1)))


def _t_quantile(freedom: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, level))
