"""Times and rates of batches: by hand, and never negative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.metrics.request_figures import (
    PERCENTILES,
    RoundTimes,
    batch_figures,
    request_figures,
)
from distill_fixtures.metrics.time_sections import latency_model, throughput_model
from distill_fixtures.records import GenerationTrace, Round, Undefined
from tests.metrics.made_up import make_round

RATES = (
    "throughput_samples_per_s",
    "tokens_per_s",
    "decode_tokens_per_s",
    "prefill_tokens_per_s",
)


def test_a_batch_of_eight_by_hand() -> None:
    """Two batches of eight rows, 80 prompt tokens each, three new tokens a row."""
    rounds = [make_round((0.5, 1.0, 2.0), (1.0, 1.5, 2.0), batch_size=8, prompt_tokens=80)] * 2
    assert batch_figures(rounds) == {
        "throughput_samples_per_s": 16 / 4,
        "tokens_per_s": 48 / 4,
        # Rows x (tokens - 1) over the seconds after the first token: 8 x 2 x 2 / (1.5 + 1.0).
        "decode_tokens_per_s": 12.8,
        "prefill_tokens_per_s": 160 / 1.5,
        "ttft_s": 0.75,
        "tpot_s": 0.625,
        "itl_p50_s": 0.5,
        "itl_p99_s": Undefined(
            "the 99th percentile needs at least 100 gaps a round, and there are 4"
        ),
        "latency_p50_s": 2.0,
        "latency_p90_s": Undefined(
            "the 90th percentile needs at least 10 batches a round, and there are 2"
        ),
        "latency_p99_s": Undefined(
            "the 99th percentile needs at least 100 batches a round, and there are 2"
        ),
    }


def test_enough_batches_have_percentiles() -> None:
    times = np.random.default_rng(0).exponential(size=(2, 10, 21)).cumsum(axis=2)
    rounds = [make_round(*each.tolist(), batch_size=4) for each in times]
    figures = batch_figures(rounds)
    assert figures["latency_p90_s"] == pytest.approx(np.percentile(times[..., -1], 90))
    assert figures["itl_p99_s"] == pytest.approx(np.percentile(np.diff(times), 99))
    assert isinstance(figures["latency_p99_s"], Undefined)


def test_at_batch_size_one_they_are_the_latency_section() -> None:
    times = np.random.default_rng(1).exponential(size=(6, 12, 11)).cumsum(axis=2)
    rounds = [make_round(*each.tolist()) for each in times]
    latency, throughput = latency_model(rounds, 4.0, 0), throughput_model({1: rounds})
    of_one = throughput.slices("by_batch_size")["1"]
    assert set(of_one) == {"throughput_samples_per_s"} | set(latency.values) - {
        "inference_time_s",
        "characters_per_token",
        "characters_per_s",
    }
    for name in set(of_one) & set(latency.values):
        assert of_one[name] == latency.values[name], name
    assert of_one["throughput_samples_per_s"] == throughput.values["throughput_samples_per_s"]["1"]


def test_one_token() -> None:
    figures = batch_figures([make_round((0.5,), batch_size=4)])
    for name in ("tpot_s", "decode_tokens_per_s", "itl_p50_s", "itl_p99_s"):
        found = figures[name]
        assert isinstance(found, Undefined)
        assert "single new token" in found.reason
    assert figures["tokens_per_s"] == figures["throughput_samples_per_s"] == 8.0


def test_a_classifier_has_times_of_its_texts_and_none_of_tokens() -> None:
    """Two batches of four texts; a single token of the same times has a first one."""
    rounds = [make_round((0.5,), (1.5,), batch_size=4, writes_tokens=False)] * 2
    no_tokens = Undefined("a classifier writes no tokens: its time is inference_time_s")
    assert batch_figures(rounds) == {
        "throughput_samples_per_s": 4.0,
        "tokens_per_s": no_tokens,
        "decode_tokens_per_s": no_tokens,
        "prefill_tokens_per_s": no_tokens,
        "ttft_s": no_tokens,
        "tpot_s": no_tokens,
        "itl_p50_s": no_tokens,
        "itl_p99_s": no_tokens,
        "latency_p50_s": 1.0,
        "latency_p90_s": Undefined(
            "the 90th percentile needs at least 10 batches a round, and there are 2"
        ),
        "latency_p99_s": Undefined(
            "the 99th percentile needs at least 100 batches a round, and there are 2"
        ),
    }
    single = batch_figures([make_round((0.5,), (1.5,), batch_size=4)] * 2)
    assert single["ttft_s"] == 1.0


def test_a_size_that_was_not_timed_says_why() -> None:
    late = Undefined("the run ended before")
    section = throughput_model({1: [make_round((0.5, 1.0))], 8: late})
    assert section.values["by_batch_size"]["8"] == late
    assert section.slices("by_batch_size")["1"]["ttft_s"] == 0.5
    assert throughput_model({8: late}).reason("by_batch_size") == late.reason


# Any stamps that never run backwards: equal ones, gaps of 1e-12 s and of hours.
first_s = st.floats(1e-9, 1e4)
gap_s = st.one_of(st.just(0.0), st.floats(0, 1e-12), st.floats(0, 1e4))


@st.composite
def any_rounds(draw: st.DrawFn) -> list[Round]:
    rows, tokens = draw(st.integers(1, 64)), draw(st.integers(1, 5))
    requests = draw(st.integers(1, 4))

    def request() -> GenerationTrace:
        stamps = [draw(first_s)]
        for _ in range(tokens - 1):
            stamps.append(stamps[-1] + draw(gap_s))
        return GenerationTrace(rows, draw(st.integers(1, 5000)) * rows, tuple(stamps))

    rounds = draw(st.integers(1, 3))
    return [Round(tuple(request() for _ in range(requests)), place) for place in range(rounds)]


@given(any_rounds())
def test_no_time_and_no_rate_is_negative_whatever_the_stamps(rounds: list[Round]) -> None:
    figures = batch_figures(rounds)
    for name, value in figures.items():
        if isinstance(value, Undefined):
            assert value.reason
            continue
        assert np.isfinite(value), name
        assert value > 0 if name in RATES else value >= 0, name
    ends = [trace.end_to_end_s for each in rounds for trace in each.traces]
    # A mean of equal times is rounded, up or down.
    assert figures["ttft_s"] <= max(ends) * (1 + 1e-12)  # type: ignore[operator]
    # The rate over everything lies between the two of its parts.
    decode, whole = figures["decode_tokens_per_s"], figures["tokens_per_s"]
    if isinstance(decode, float):
        rows, first = rounds[0].traces[0].batch_size, figures["ttft_s"]
        low, high = sorted((decode, rows / first))  # type: ignore[operator]
        assert low * (1 - 1e-9) <= whole <= high * (1 + 1e-9)  # type: ignore[operator]


@given(any_rounds())
def test_percentiles_are_in_order_and_among_the_times(rounds: list[Round]) -> None:
    times = RoundTimes.of(rounds)
    figures = request_figures(rounds, times)
    for name in PERCENTILES:
        value = figures[name]
        if not isinstance(value, Undefined):
            among = times.of_percentile(name)
            assert among.min() * (1 - 1e-12) <= value <= among.max() * (1 + 1e-12)
