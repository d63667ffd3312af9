from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.metrics import latency
from distill_fixtures.records import GenerationTrace, Round, Undefined
from tests.metrics.made_up import make_round

TWO = [make_round((0.5, 0.75, 1.5)), make_round((1.0, 1.5, 2.5), order=1)]

gaps = st.lists(st.floats(1e-6, 10), min_size=4, max_size=4)
rounds = st.lists(
    st.builds(lambda each: make_round(np.cumsum(each).tolist()), gaps), min_size=1, max_size=8
)


def test_worked_by_hand() -> None:
    assert latency.ttft_s(TWO) == 0.75
    assert latency.tpot_s(TWO) == (0.5 + 0.75) / 2
    assert latency.inference_time_s(TWO) == 2.0
    assert latency.tokens_per_s(TWO) == 6 / 4
    assert latency.decode_tokens_per_s(TWO) == 1 / 0.625
    assert latency.prefill_tokens_per_s(TWO) == 20 / 1.5
    assert latency.characters_per_s(2.0, 3.5) == 7.0
    assert latency.inter_token_times_s(TWO).tolist() == [0.25, 0.75, 0.5, 1.0]
    assert latency.end_to_end_times_s(TWO).tolist() == [1.5, 2.5]


def test_throughput_counts_rows_over_summed_seconds() -> None:
    batches = [make_round((0.5, 2.0), (0.5, 1.0), batch_size=8)]
    assert latency.throughput_samples_per_s(batches) == 16 / 3
    assert latency.throughput_gain(4.0, 6.0) == 1.5


def test_one_token_has_no_tpot() -> None:
    single = [make_round((0.5,))]
    assert isinstance(latency.tpot_s(single), Undefined)
    assert isinstance(latency.decode_tokens_per_s(single), Undefined)
    assert latency.ttft_s(single) == latency.inference_time_s(single) == 0.5


def test_a_clock_too_coarse_for_tokens_gives_no_rate() -> None:
    assert isinstance(latency.decode_tokens_per_s([make_round((0.5, 0.5))]), Undefined)


@given(rounds)
def test_first_and_further_tokens_add_up_and_nothing_is_negative(case: list[Round]) -> None:
    ttft, tpot = latency.ttft_s(case), latency.tpot_s(case)
    assert isinstance(ttft, float)
    assert isinstance(tpot, float)
    assert ttft + 3 * tpot == pytest.approx(latency.inference_time_s(case))
    for value in (
        tpot,
        ttft,
        latency.tokens_per_s(case),
        latency.prefill_tokens_per_s(case),
        latency.throughput_samples_per_s(case),
        *latency.inter_token_times_s(case),
    ):
        assert value >= 0


@pytest.mark.parametrize(("percent", "needed"), [(50, 1), (90, 10), (99, 100)])
def test_percentiles_need_enough_samples(percent: int, needed: int) -> None:
    assert latency.percentile_s(np.ones((1, needed)), percent) == 1.0
    # However long timing went on, the same samples come again.
    for rounds in (1, 60):
        few = latency.percentile_s(np.ones((rounds, needed - 1)), percent, of="gaps")
        assert isinstance(few, Undefined)
        assert f"at least {needed} gaps a round" in few.reason


def test_percentiles_interpolate_linearly() -> None:
    times = np.random.default_rng(0).exponential(size=(2, 100))
    cuts = statistics.quantiles(times.ravel().tolist(), n=100, method="inclusive")
    for percent in (50, 90, 99):
        assert latency.percentile_s(times, percent) == pytest.approx(cuts[percent - 1])


@pytest.mark.parametrize(
    "times", [(), (0.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (1.0, float("nan")), (1.0, float("inf"))]
)
def test_impossible_time_stamps_are_refused(times: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="time stamps"):
        latency.inference_time_s([make_round(times)])


def test_per_sample_times_are_for_batch_size_one() -> None:
    with pytest.raises(ValueError, match="batch size 1"):
        latency.inference_time_s([make_round((1.0,), batch_size=2)])


def test_batches_of_several_sizes_have_no_time_in_common() -> None:
    mixed = [make_round((1.0, 2.0), batch_size=2), make_round((1.0, 2.0))]
    for figure in (latency.ttft_s, latency.tpot_s, latency.tokens_per_s):
        with pytest.raises(ValueError, match="several batch sizes"):
            figure(mixed)
    # Samples per second are counted over whatever ran.
    assert latency.throughput_samples_per_s(mixed) == 3 / 4


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="no requests"):
        latency.inference_time_s([])
    with pytest.raises(ValueError, match="no paired rounds"):
        latency.speedup(np.array([]))


def rounds_of(seconds: list[float]) -> list[Round]:
    return [make_round((each / 2, each), order=place) for place, each in enumerate(seconds)]


def test_speedup_by_hand() -> None:
    ratios = latency.paired_log_ratios(rounds_of([2.0, 8.0, 3.0]), rounds_of([1.0, 2.0, 1.0]))
    assert np.exp(ratios) == pytest.approx([2.0, 4.0, 3.0])
    assert latency.speedup(ratios) == pytest.approx(3.0)
    assert latency.speed_improvement_pct(4.0) == 75.0
    assert latency.speed_improvement_pct(0.5) == -100.0
    assert latency.time_saved_s(1.5, 0.5) == 1.0


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=9))
def test_swapping_the_models_inverts_the_speedup(times: list[tuple[float, float]]) -> None:
    teacher, student = rounds_of([t for t, _ in times]), rounds_of([s for _, s in times])
    forward = latency.speedup(latency.paired_log_ratios(teacher, student))
    backward = latency.speedup(latency.paired_log_ratios(student, teacher))
    assert forward * backward == pytest.approx(1)


def test_unlike_rounds_do_not_pair() -> None:
    with pytest.raises(ValueError, match="cannot pair"):
        latency.paired_log_ratios(rounds_of([1.0]), rounds_of([1.0, 2.0]))
    longer = [Round((GenerationTrace(1, 5, (0.5, 1.0, 2.0)),), 0)]
    with pytest.raises(ValueError, match="same samples"):
        latency.paired_log_ratios(rounds_of([1.0]), longer)
