"""One value a process: the median of the student's time over its teacher's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.metrics.latency import paired_log_ratios, tpot_s, ttft_s
from distill_fixtures.metrics.process_ratios import (
    COMPARED_TIMES,
    RoundTimes,
    log_ratio_of_process,
    round_times,
)
from distill_fixtures.metrics.sections import section_of
from distill_fixtures.records import GenerationTrace, Round, Undefined

TEACHER = [
    Round((GenerationTrace(1, 4, (0.2, 0.3, 0.4)), GenerationTrace(1, 6, (0.4, 0.5, 0.8))), 0),
    Round((GenerationTrace(1, 4, (0.1, 0.3, 0.6)), GenerationTrace(1, 6, (0.3, 0.5, 0.6))), 3),
]
STUDENT = [
    Round((GenerationTrace(1, 4, (0.1, 0.2, 0.3)), GenerationTrace(1, 6, (0.1, 0.2, 0.3))), 1),
    Round((GenerationTrace(1, 4, (0.2, 0.4, 0.6)), GenerationTrace(1, 6, (0.2, 0.4, 0.6))), 2),
]


def test_a_case_by_hand() -> None:
    kept = round_times(TEACHER)
    assert kept.seconds == pytest.approx((1.2, 1.2))
    assert kept.ttft_s == pytest.approx((0.3, 0.2))
    # (0.2 / 2 + 0.4 / 2) / 2 and (0.5 / 2 + 0.3 / 2) / 2
    assert kept.tpot_s == pytest.approx((0.15, 0.2))
    ratio = log_ratio_of_process(kept, round_times(STUDENT), "seconds")
    assert ratio == pytest.approx((math.log(0.6 / 1.2) + math.log(1.2 / 1.2)) / 2)


def test_agrees_with_the_figures_of_latency() -> None:
    """The same rounds through the other path: paired ratios, mean TTFT, mean TPOT."""
    kept = {"t": round_times(TEACHER), "s": round_times(STUDENT)}
    ratio = log_ratio_of_process(kept["t"], kept["s"], "seconds")
    assert ratio == pytest.approx(-float(np.median(paired_log_ratios(TEACHER, STUDENT))))
    for times_s, figure in ((kept["t"].ttft_s, ttft_s), (kept["t"].tpot_s, tpot_s)):
        known = [each for each in times_s if each is not None]
        assert np.mean(known) == pytest.approx(figure(TEACHER))


times = st.floats(1e-6, 1e3)


@given(st.lists(st.tuples(times, times), min_size=1, max_size=9))
def test_swapping_the_models_turns_the_sign(pairs: list[tuple[float, float]]) -> None:
    nothing = (None,) * len(pairs)
    sides = [RoundTimes(seconds, seconds, nothing) for seconds in zip(*pairs, strict=True)]
    there = log_ratio_of_process(sides[0], sides[1], "seconds")
    back = log_ratio_of_process(sides[1], sides[0], "seconds")
    assert not isinstance(there, Undefined)
    assert not isinstance(back, Undefined)
    assert there == pytest.approx(-back, abs=1e-12)


def test_a_single_token_has_no_time_per_token() -> None:
    rounds = [Round((GenerationTrace(1, 4, (0.2,)),), 0)]
    kept = round_times(rounds)
    assert kept.tpot_s == (None,)
    assert isinstance(log_ratio_of_process(kept, kept, "tpot_s"), Undefined)
    assert log_ratio_of_process(kept, kept, "ttft_s") == 0


def test_a_classifier_compares_by_its_seconds_alone() -> None:
    slow, fast = (
        round_times([Round((GenerationTrace(1, 4, (time_s,), writes_tokens=False),), 0)])
        for time_s in (0.4, 0.1)
    )
    assert (slow.seconds, slow.ttft_s, slow.tpot_s) == ((0.4,), (None,), (None,))
    assert log_ratio_of_process(slow, fast, "seconds") == pytest.approx(np.log(0.25))
    for of_round, of_tokens in (("seconds", True), ("ttft_s", False), ("tpot_s", True)):
        found = log_ratio_of_process(slow, fast, of_round, of_tokens=of_tokens)
        assert isinstance(found, Undefined)
        assert "writes no tokens" in found.reason
    assert {name for name, each in COMPARED_TIMES.items() if not each.of_tokens} == {
        "inference_time_s",
        "speedup",
    }


def test_no_time_and_no_rounds() -> None:
    still = RoundTimes((0.0,), (0.0,), (0.0,))
    assert log_ratio_of_process(still, still, "seconds") == Undefined("the clock saw no time pass")
    with pytest.raises(ValueError, match="without rounds"):
        log_ratio_of_process(RoundTimes((), (), ()), RoundTimes((), (), ()), "seconds")
    with pytest.raises(ValueError, match="zip"):
        log_ratio_of_process(RoundTimes((1.0,), (1.0,), (1.0,)), RoundTimes((), (), ()), "seconds")


@pytest.mark.parametrize("name", COMPARED_TIMES)
def test_every_compared_time_is_a_figure_of_latency(name: str) -> None:
    assert section_of(name) == "latency"
    assert hasattr(round_times(TEACHER), COMPARED_TIMES[name].of_round)
