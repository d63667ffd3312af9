from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from distill_fixtures.metrics.intervals import paired_interval, retention_pct_of
from distill_fixtures.metrics.non_inferiority import (
    Bounds,
    NonInferiority,
    compare_accuracies,
    compare_exactly,
    compare_processes,
    processes_still_needed,
)
from distill_fixtures.records import Undefined

TOLERANCE = math.log(1.05)
STEADY = np.array([0.0, 0.01, 0.02, 0.01, 0.01])


def compared(
    baseline: np.ndarray,
    current: np.ndarray,
    tolerance: float = TOLERANCE,
    looks: int = 1,
    bounds: Bounds = "welch",
) -> NonInferiority:
    found = compare_processes(baseline, current, tolerance=tolerance, looks=looks, bounds=bounds)
    assert not isinstance(found, Undefined)
    return found


@pytest.mark.parametrize("looks", [1, 3])
def test_welch_is_scipys(looks: int) -> None:
    generator = np.random.default_rng(0)
    baseline, current = generator.normal(size=5), 3 * generator.normal(size=8)
    test = ttest_ind(current, baseline, equal_var=False)
    interval = test.confidence_interval(1 - 2 * 0.025 / looks)
    found = compared(baseline, current, looks=looks)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.degrees_of_freedom == pytest.approx(test.df)
    assert found.change / found.standard_error == pytest.approx(test.statistic)


@pytest.mark.parametrize("bounds", ["welch", "ranks"])
@pytest.mark.parametrize(
    ("slower", "verdict"),
    [(1.0, "pass"), (0.9, "pass"), (1.05, "inconclusive"), (1.1, "fail"), (1.2, "fail")],
)
def test_verdicts(slower: float, verdict: str, bounds: Bounds) -> None:
    assert compared(STEADY, STEADY + math.log(slower), bounds=bounds).verdict == verdict


def test_looking_again_asks_for_more() -> None:
    once, often = (compared(STEADY, STEADY + 0.062, looks=looks) for looks in (1, 5))
    assert once.change == often.change
    assert often.low < once.low < once.high < often.high
    assert (once.verdict, often.verdict) == ("fail", "inconclusive")


@pytest.mark.parametrize("bounds", ["welch", "ranks"])
def test_without_any_spread_the_bounds_are_the_change(bounds: Bounds) -> None:
    same = np.full(5, 0.1)
    for slower, verdict in ((0.0, "pass"), (0.0625, "inconclusive"), (0.25, "fail")):
        found = compared(np.zeros(5), np.full(5, slower), tolerance=0.0625, bounds=bounds)
        assert found == NonInferiority(slower, slower, slower, verdict, 0.0, 8.0)  # type: ignore[arg-type]
    assert compared(same, same, bounds=bounds).verdict == "pass"


def test_spread_on_one_side_only() -> None:
    found = compared(np.zeros(5), STEADY)
    assert found.degrees_of_freedom == pytest.approx(4)


def test_few_processes() -> None:
    one = compare_processes(STEADY, STEADY[:1], tolerance=TOLERANCE)
    assert isinstance(one, Undefined)
    assert "5 and 1" in one.reason
    assert isinstance(compare_processes(np.array([]), STEADY, tolerance=TOLERANCE), Undefined)
    assert compared(STEADY[[0, 2]], STEADY[[0, 2]]).verdict == "inconclusive"
    few = compare_processes(STEADY[:3], STEADY[:3], tolerance=TOLERANCE, bounds="ranks")
    assert isinstance(few, Undefined)


def test_one_disturbed_process_is_no_alarm() -> None:
    """The mean of five lies 6 % above; its bounds are wide enough to say so."""
    disturbed = STEADY.copy()
    disturbed[1] += 0.3
    after, before = compared(STEADY, disturbed), compared(disturbed, STEADY)
    assert after.change == pytest.approx(0.06)
    assert (after.verdict, before.verdict) == ("inconclusive", "inconclusive")


@given(st.floats(0.01, 10.0))
def test_no_lone_outlier_is_an_alarm(by: float) -> None:
    disturbed = STEADY.copy()
    disturbed[4] += by
    assert compared(STEADY, disturbed).verdict != "fail"


@pytest.mark.parametrize(
    ("baseline", "current", "options"),
    [
        ([[0.0, 1.0]], [0.0, 1.0], {}),
        ([0.0, math.nan], [0.0, 1.0], {}),
        ([0.0, 1.0], [0.0, 1.0], {"looks": 0}),
        ([0.0, 1.0], [0.0, 1.0], {"alpha": 0.5}),
        ([0.0, 1.0], [0.0, 1.0], {"tolerance": -0.1}),
    ],
)
def test_bad_input(baseline: list[float], current: list[float], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"shapes|finite|looks"):
        compare_processes(
            np.array(baseline),
            np.array(current),
            **({"tolerance": 0.05} | options),  # type: ignore[arg-type]
        )


@pytest.mark.slow
@pytest.mark.parametrize("bounds", ["welch", "ranks"])
@pytest.mark.parametrize(
    ("outliers", "settled"),
    [
        (0.0, {"welch": (0.97, 1.0), "ranks": (0.97, 1.0)}),
        (0.1, {"welch": (0.33, 0.39), "ranks": (0.56, 0.63)}),
    ],
)
def test_alarms_and_power_as_said(
    outliers: float, settled: dict[str, tuple[float, float]], bounds: Bounds
) -> None:
    """1 % noise, and 30 % slower processes among them: 10 % slower is found, 0 % is no alarm."""
    generator = np.random.default_rng(1)
    verdicts = {slower: {"pass": 0, "inconclusive": 0, "fail": 0} for slower in (1.0, 1.05, 1.1)}
    trials = 2000
    for slower, seen in verdicts.items():
        values = 0.01 * generator.normal(size=(trials, 2, 5))
        values += math.log(1.3) * (generator.random(values.shape) < outliers)
        for baseline, current in values:
            seen[compared(baseline, current + math.log(slower), bounds=bounds).verdict] += 1
    low, high = settled[bounds]
    assert verdicts[1.0]["fail"] <= 0.002 * trials
    assert low <= verdicts[1.0]["pass"] / trials <= high
    assert low <= verdicts[1.1]["fail"] / trials <= high
    # At the tolerance itself each side may err in 2.5 %; four standard errors on top.
    for wrong in ("pass", "fail"):
        assert verdicts[1.05][wrong] / trials <= 0.025 + 4 * math.sqrt(0.025 / trials)


def test_processes_still_needed_is_where_the_bound_leaves() -> None:
    found = compared(STEADY, STEADY + 0.047)
    assert found.verdict == "inconclusive"
    more = processes_still_needed(found, 5, tolerance=TOLERANCE)
    assert more is not None
    from scipy.stats import t

    def half(processes: int) -> float:
        level = t.ppf(0.975, 2 * processes - 2)
        return float(level * found.standard_error * math.sqrt(5 / processes))

    distance = TOLERANCE - found.change
    assert half(5 + more) <= distance < half(5 + more - 1)
    often = processes_still_needed(found, 5, tolerance=TOLERANCE, looks=4)
    assert often is not None
    assert often > more


def test_on_the_tolerance_no_number_is_enough() -> None:
    on = NonInferiority(0.05, 0.0, 0.1, "inconclusive", 0.02, 8.0)
    assert processes_still_needed(on, 5, tolerance=0.05) is None
    near = NonInferiority(0.0499, 0.0, 0.1, "inconclusive", 0.02, 8.0)
    assert processes_still_needed(near, 5, tolerance=0.05) == pytest.approx(
        5 * (1.96 * 0.02 / 1e-4) ** 2, rel=0.01
    )


def flags(right: int, total: int = 100) -> np.ndarray:
    return np.arange(total) < right


def accuracies(
    baseline: np.ndarray, current: np.ndarray, tolerance_pct: float = 5.0
) -> NonInferiority:
    found = compare_accuracies(baseline, current, tolerance_pct=tolerance_pct)
    assert not isinstance(found, Undefined)
    return found


def test_the_change_of_accuracy_is_retention_from_the_other_end() -> None:
    found = accuracies(flags(80), flags(70))
    low, high = paired_interval(flags(80), flags(70), retention_pct_of)  # type: ignore[misc]
    assert found.change == pytest.approx(12.5)
    assert (found.low, found.high) == pytest.approx((100 - high, 100 - low))
    assert found.degrees_of_freedom == 99
    assert found.verdict == "fail"


@pytest.mark.parametrize("tolerance_pct", [0.0, 1.0])
def test_the_same_answers_pass(tolerance_pct: float) -> None:
    found = accuracies(flags(5, 18), flags(5, 18), tolerance_pct)
    assert found == NonInferiority(0.0, 0.0, 0.0, "pass", 0.0, 17.0)


def test_better_passes_and_little_worse_is_inconclusive() -> None:
    assert accuracies(flags(600, 1000), flags(660, 1000)).verdict == "pass"
    assert accuracies(flags(60), flags(58)).verdict == "inconclusive"


def test_clusters_widen_the_change() -> None:
    baseline, current = np.repeat(flags(40, 50), 4), np.repeat(flags(36, 50), 4)
    clusters = np.repeat(np.arange(50), 4)
    alone = compare_accuracies(baseline, current, tolerance_pct=5.0)
    found = compare_accuracies(baseline, current, tolerance_pct=5.0, clusters=clusters)
    assert isinstance(alone, NonInferiority)
    assert isinstance(found, NonInferiority)
    assert found.standard_error == pytest.approx(2 * alone.standard_error, rel=0.15)
    assert found.degrees_of_freedom == 49
    one = compare_accuracies(
        baseline, current, tolerance_pct=5.0, clusters=np.zeros(200, dtype=np.intp)
    )
    assert isinstance(one, Undefined)


def test_no_accuracy_to_lose() -> None:
    assert isinstance(compare_accuracies(flags(0), flags(3), tolerance_pct=1.0), Undefined)
    with pytest.raises(ValueError, match="do not pair"):
        compare_accuracies(flags(3), flags(3, 50), tolerance_pct=1.0)
    with pytest.raises(ValueError, match="below 0"):
        compare_accuracies(flags(3), flags(3), tolerance_pct=-1.0)


@pytest.mark.parametrize(
    ("baseline", "current", "tolerance_pct", "direction", "change", "verdict"),
    [
        (1000, 1010, 1.0, "lower", 1.0, "pass"),
        (1000, 1011, 1.0, "lower", 1.1, "fail"),
        (1000, 500, 0.0, "lower", -50.0, "pass"),
        (1.0, 1.05, 5.0, "lower", 5.0, "pass"),
        (4.0, 3.0, 10.0, "higher", 25.0, "fail"),
        (4.0, 5.0, 0.0, "higher", -25.0, "pass"),
        (0, 0, 0.0, "lower", 0.0, "pass"),
    ],
)
def test_exact_figures(
    baseline: float,
    current: float,
    tolerance_pct: float,
    direction: str,
    change: float,
    verdict: str,
) -> None:
    found = compare_exactly(baseline, current, tolerance_pct, direction)  # type: ignore[arg-type]
    assert isinstance(found, NonInferiority)
    assert found.change == found.low == found.high == pytest.approx(change)
    assert found.verdict == verdict


def test_no_per_cent_of_nothing() -> None:
    assert isinstance(compare_exactly(0, 5, 1.0, "lower"), Undefined)
    with pytest.raises(ValueError, match="do not compare"):
        compare_exactly(1.0, math.inf, 1.0, "lower")
