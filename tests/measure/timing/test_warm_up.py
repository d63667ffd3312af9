"""Warming up ends when rounds stop getting faster, and in any case."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.measure.timing.interleaved import TimingPlan
from distill_fixtures.measure.timing.warm_up import WarmUp, WarmUpBounds, is_steady, warm_up

PLENTY = WarmUpBounds(fewest=1, most=10, seconds=1e9)


def warmed(times_s: dict[str, list[float]], bounds: WarmUpBounds) -> tuple[WarmUp, str]:
    """How it went, and whose rounds ran in which order."""
    order: list[str] = []
    left: dict[str, Iterator[float]] = {role: iter(each) for role, each in times_s.items()}

    def round_s(role: str) -> float:
        order.append(role)
        return next(left[role])

    return warm_up(list(times_s), round_s, bounds), "".join(order)


def test_each_model_until_it_is_steady() -> None:
    times_s = {"T": [4.0, 2.0, 1.5, 1.44], "S": [1.0, 1.0]}
    found, order = warmed(times_s, PLENTY)
    assert found == WarmUp({"T": 4, "S": 2}, {"T": True, "S": True})
    # In turn, as they will be timed; the one that is steady rests.
    assert order == "TSTSTT"


def test_the_fastest_before_is_the_measure_and_not_the_last() -> None:
    assert is_steady([2.0, 1.0, 1.5])
    assert not is_steady([2.0, 1.0, 1.5, 0.9])
    # 5 % faster is not yet clearly so.
    assert is_steady([1.0, 0.95])
    assert not is_steady([1.0, 0.9499])


@pytest.mark.parametrize(
    ("bounds", "rounds", "steady"),
    [
        (WarmUpBounds(fewest=0, most=0, seconds=1e9), 0, False),
        (WarmUpBounds(fewest=1, most=1, seconds=1e9), 1, False),
        (WarmUpBounds(fewest=1, most=3, seconds=1e9), 3, False),
        # A round of 16 s is long enough; the fewest are run all the same.
        (WarmUpBounds(fewest=1, most=9, seconds=10.0), 1, False),
        (WarmUpBounds(fewest=1, most=9, seconds=17.0), 2, False),
        (WarmUpBounds(fewest=3, most=9, seconds=0.0), 3, False),
        (PLENTY, 6, True),
    ],
)
def test_bounds(bounds: WarmUpBounds, rounds: int, steady: bool) -> None:
    found, _ = warmed({"T": [16.0, 8.0, 4.0, 2.0, 1.0, 1.0]}, bounds)
    assert found == WarmUp({"T": rounds}, {"T": steady})


def test_more_than_the_most_is_impossible() -> None:
    for fewest, most in ((2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="rounds of warm-up"):
            WarmUpBounds(fewest, most, 1.0)


def test_a_plan_without_warm_up_has_none() -> None:
    assert TimingPlan(new_tokens=1, warm_up_rounds=0).warm_up.most == 0
    assert TimingPlan(new_tokens=1, warm_up_rounds=12).warm_up == WarmUpBounds(12, 12, 10.0)


@given(
    st.lists(st.floats(1e-6, 1e3), min_size=10, max_size=10),
    st.integers(0, 5),
    st.integers(0, 5),
    st.floats(0, 1e3),
)
def test_it_always_ends(times_s: list[float], fewest: int, more: int, seconds: float) -> None:
    found, order = warmed({"T": times_s}, WarmUpBounds(fewest, fewest + more, seconds))
    assert fewest <= found.rounds["T"] == len(order) <= fewest + more
    assert found.steady["T"] == is_steady(times_s[: len(order)])


def test_noise_alone_ends_it_soon() -> None:
    """Rounds that scatter by 20 %, on average below three of them; by 1 %, always two."""
    generator = np.random.default_rng(0)
    counts: dict[float, list[int]] = {0.01: [], 0.2: []}
    for scatter, found in counts.items():
        for _ in range(300):
            times_s = np.exp(scatter * generator.standard_normal(10)).tolist()
            found.append(warmed({"T": times_s}, PLENTY)[0].rounds["T"])
    assert set(counts[0.01]) == {2}
    assert np.mean(counts[0.2]) < 3
