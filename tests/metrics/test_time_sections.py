"""Sections from rounds: values by hand, intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from distill_fixtures.metrics.section import Section
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.metrics.time_sections import (
    latency_model,
    latency_pair,
    throughput_model,
    throughput_pair,
)
from distill_fixtures.records import Round, Undefined
from tests.metrics.made_up import make_round


def noisy_rounds(
    seed: int, rounds: int, *, scale: float = 1.0, drift: float = 0.05, tokens: int = 4
) -> list[Round]:
    """Rounds of two requests; each round is slowed or sped as a whole."""
    generator = np.random.default_rng(seed)
    made = []
    for place in range(rounds):
        factor = scale * np.exp(drift * generator.standard_normal())
        steps_s = factor * 0.01 * (1 + 0.1 * generator.random((2, tokens)))
        made.append(make_round(*np.cumsum(steps_s, axis=1).tolist(), order=place))
    return made


def test_a_classifier() -> None:
    """Its seconds have intervals; what is about tokens has neither value nor interval."""
    generator = np.random.default_rng(3)
    slow, fast = (
        [
            make_round(*((scale * (1 + s),) for s in generator.random(12)), writes_tokens=False)
            for _ in range(8)
        ]
        for scale in (0.4, 0.1)
    )
    section = latency_model(slow, 4.0, 0)
    low, high = section.interval("inference_time_s")
    assert low < section.number("inference_time_s") < high
    low, high = section.interval("latency_p90_s")
    assert low <= section.number("latency_p90_s") <= high
    assert section.number("characters_per_token") == 4.0
    of_tokens = {"ttft_s", "tpot_s", "itl_p50_s", "itl_p99_s", "characters_per_s"}
    of_tokens |= {f"{kind}tokens_per_s" for kind in ("", "decode_", "prefill_")}
    for name in of_tokens:
        assert "writes no tokens" in str(section.reason(name)), name
        assert isinstance(section.intervals.get(name, Undefined("")), Undefined)
    pair = latency_pair(slow, fast, 0)
    assert pair.number("speedup") == pytest.approx(4, rel=0.2)
    assert pair.number("time_saved_s") > 0
    low, high = pair.interval("speed_improvement_pct")
    assert low < 75 < high + 10


def test_values_by_hand() -> None:
    rounds = [make_round((0.5, 1.0, 2.0)), make_round((1.0, 1.5, 2.0))]
    section = latency_model(rounds, 4.0, 0)
    assert section.values == {
        "inference_time_s": 2.0,
        "tokens_per_s": 1.5,
        "decode_tokens_per_s": 1 / 0.625,
        "prefill_tokens_per_s": 20 / 1.5,
        "characters_per_token": 4.0,
        "characters_per_s": 4 / 0.625,
        "ttft_s": 0.75,
        "tpot_s": 0.625,
        "itl_p50_s": 0.5,
        "itl_p99_s": Undefined(
            "the 99th percentile needs at least 100 gaps a round, and there are 2"
        ),
        "latency_p50_s": 2.0,
        "latency_p90_s": Undefined(
            "the 90th percentile needs at least 10 samples a round, and there are 1"
        ),
        "latency_p99_s": Undefined(
            "the 99th percentile needs at least 100 samples a round, and there are 1"
        ),
    }
    assert section.samples == 2
    assert section.intervals["ttft_s"] == Undefined("2 rounds; an interval needs 5")


def test_every_name_and_no_other() -> None:
    rounds = noisy_rounds(0, 6)
    assert set(latency_model(rounds, 4.0, 0).values) == set(MODEL_SECTIONS["latency"])
    assert set(latency_pair(rounds, rounds, 0).values) == set(PAIR_SECTIONS["latency"])
    assert set(throughput_model({1: rounds}).values) == set(MODEL_SECTIONS["throughput"])
    by_batch = {1: rounds}
    assert set(throughput_pair(by_batch, by_batch, 0).values) == set(PAIR_SECTIONS["throughput"])


def test_intervals_hold_their_values() -> None:
    section = latency_model(noisy_rounds(1, 60), 4.0, 0)
    for name, interval in section.intervals.items():
        if not isinstance(section.values[name], Undefined):
            assert not isinstance(interval, Undefined), name
            assert 0 < interval[0] <= section.number(name) <= interval[1], name


def test_a_rates_interval_is_its_times_turned_over() -> None:
    section = latency_model(noisy_rounds(2, 9), 4.0, 0)
    low, high = section.interval("tpot_s")
    assert section.interval("decode_tokens_per_s") == pytest.approx((1 / high, 1 / low))
    assert section.interval("characters_per_s") == pytest.approx((4 / high, 4 / low))
    low, high = section.interval("inference_time_s")
    assert section.interval("tokens_per_s") == pytest.approx((4 / high, 4 / low))


def test_an_interval_of_a_mean_is_students() -> None:
    """Of many like rounds, the widened bootstrap agrees with Student's interval."""
    rounds = noisy_rounds(3, 60, drift=0.02)
    means = np.array([each.seconds / each.samples for each in rounds])
    low, high = latency_model(rounds, 4.0, 0).interval("inference_time_s")
    half = t.ppf(0.975, 59) * means.std(ddof=1) / np.sqrt(60)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_few_rounds_are_widened() -> None:
    """At five rounds by 1.58 over the plain bootstrap, whose spread is that of n, not n - 1."""
    rounds = noisy_rounds(4, 5, drift=0.01)
    logs = np.log([each.seconds / each.samples for each in rounds])
    low, high = latency_model(rounds, 4.0, 0).interval("inference_time_s")
    plain = norm.ppf(0.975) * logs.std() / np.sqrt(5)
    widen = t.ppf(0.975, 4) / norm.ppf(0.975) * np.sqrt(5 / 4)
    assert np.log(high / low) / 2 == pytest.approx(widen * plain, rel=0.15)


def test_the_resampled_percentile_is_numpys() -> None:
    """Sorting once and weighting gives what percentile of the drawn rounds together gives."""
    from distill_fixtures.metrics.time_sections import _log_percentile

    generator = np.random.default_rng(5)
    times_s = generator.lognormal(size=(7, 23))
    picked = generator.integers(7, size=(50, 7))
    for percent in (1, 50, 90, 99, 100):
        expected = [np.log(np.percentile(times_s[each], percent)) for each in picked]
        assert _log_percentile(times_s, percent)(picked) == pytest.approx(expected, abs=1e-12)


def test_one_token() -> None:
    section = latency_model([make_round((0.5,))] * 6, 4.0, 0)
    for name in ("tpot_s", "decode_tokens_per_s", "characters_per_s", "itl_p50_s"):
        assert section.reason(name) == "a single new token has no time per further token" or (
            name == "itl_p50_s"
        )
        assert isinstance(section.intervals[name], Undefined)
    assert section.interval("ttft_s") == pytest.approx((0.5, 0.5))


def test_a_clock_too_coarse_for_gaps() -> None:
    section = latency_model([make_round((0.5, 0.5))] * 6, 4.0, 0)
    assert section.number("tpot_s") == 0
    assert section.reason("decode_tokens_per_s") == "the clock saw no time between tokens"
    assert section.intervals["tpot_s"] == Undefined("the clock saw no time pass")


def test_unknown_characters_leave_the_rest() -> None:
    section = latency_model(noisy_rounds(6, 6), Undefined("not asked"), 0)
    assert section.reason("characters_per_s") == "not asked"
    assert section.number("tokens_per_s") > 0


def test_the_pair_by_hand() -> None:
    teacher = [make_round((1.0, 4.0)), make_round((1.0, 2.0)), make_round((1.0, 3.0))]
    student = [make_round((0.5, 1.0))] * 3
    section = latency_pair(teacher, student, 0)
    assert section.number("speedup") == pytest.approx(3.0)
    assert section.number("speed_improvement_pct") == pytest.approx(100 * 2 / 3)
    assert section.number("time_saved_s") == 2.0
    assert section.samples == 3
    assert all(isinstance(each, Undefined) for each in section.intervals.values())
    assert section.draws == {}


def test_swapping_the_models_inverts_the_speedup() -> None:
    teacher, student = noisy_rounds(7, 20, scale=3.0), noisy_rounds(8, 20)
    there, back = latency_pair(teacher, student, 0), latency_pair(student, teacher, 0)
    assert there.number("speedup") == pytest.approx(1 / back.number("speedup"))
    low, high = there.interval("speedup")
    assert back.interval("speedup") == pytest.approx((1 / high, 1 / low))
    low, high = there.interval("time_saved_s")
    assert back.interval("time_saved_s") == pytest.approx((-high, -low))
    improvement = there.interval("speed_improvement_pct")
    speedups = there.interval("speedup")
    assert improvement == pytest.approx(tuple(100 * (1 - 1 / s) for s in speedups), rel=1e-4)


def test_throughput_by_batch_size() -> None:
    teacher = {1: noisy_rounds(9, 8, scale=2.0), 8: [make_round((1.0,), batch_size=8)] * 8}
    student = {1: noisy_rounds(9, 8), 8: [make_round((0.25,), batch_size=8)] * 8}
    section = throughput_pair(teacher, student, 0)
    assert section.by_key("throughput_gain") == pytest.approx({"1": 2.0, "8": 4.0})
    assert section.interval("throughput_gain.8") == pytest.approx((4.0, 4.0))
    # Drift hits both alike, so the paired ratio is exact.
    assert section.interval("throughput_gain.1") == pytest.approx((2.0, 2.0))
    assert throughput_model(teacher).by_key("throughput_samples_per_s")["8"] == 8.0


def test_a_batch_size_that_was_not_timed_says_why() -> None:
    late = Undefined("the run ended before")
    timed = noisy_rounds(0, 5)
    some: dict[int, list[Round] | Undefined] = {1: timed, 8: late}
    for section, name in (
        (throughput_model(some), "throughput_samples_per_s"),
        (throughput_pair(some, some, 0), "throughput_gain"),
        (throughput_pair({1: timed, 8: timed}, some, 0), "throughput_gain"),
    ):
        assert section.values[name]["8"] == late
        assert section.by_key(name)["1"] > 0
        assert f"{name}.8" not in section.intervals


def test_no_batch_size_was_timed() -> None:
    none = {1: Undefined("nobody asked"), 8: Undefined("the run ended before")}
    assert throughput_model(none).reason("throughput_samples_per_s") == "nobody asked"
    assert throughput_pair(none, none, 0).reason("throughput_gain") == "nobody asked"


def test_more_rounds_make_no_more_samples() -> None:
    """Nine prompts carry no 90th percentile, ten do, however often they were repeated."""
    for prompts, reason in ((9, "at least 10 samples a round, and there are 9"), (10, None)):
        rounds = [make_round(*[(0.5, 1.0)] * prompts)] * 40
        section = latency_model(rounds, 4.0, 0)
        assert (section.reason("latency_p90_s") is None) == (reason is None)
        assert (reason or "") in (section.reason("latency_p90_s") or "")
        assert f"100 gaps a round, and there are {prompts}" in str(section.reason("itl_p99_s"))
        assert isinstance(section.intervals["latency_p99_s"], Undefined)


def speed_sections(seed: int, rounds: int) -> tuple[Section, Section]:
    teacher = noisy_rounds(2 * seed, rounds, scale=2.0)
    student = noisy_rounds(2 * seed + 1, rounds)
    return latency_pair(teacher, student, seed), throughput_pair({1: teacher}, {1: student}, seed)


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [5, 7, 10])
def test_intervals_of_few_rounds_cover(rounds: int) -> None:
    """Mean seconds, seconds saved and throughput's ratio; the true values are known."""
    mean_factor = np.exp(0.05**2 / 2)
    true_s = 0.01 * 1.05 * 4 * mean_factor
    held = dict.fromkeys(("inference_time_s", "time_saved_s", "throughput_gain.1"), 0)
    trials = 200
    for seed in range(trials):
        pair, throughput = speed_sections(seed, rounds)
        model = latency_model(noisy_rounds(10_000 + seed, rounds), 4.0, seed)
        low, high = model.interval("inference_time_s")
        held["inference_time_s"] += low <= true_s <= high
        low, high = pair.interval("time_saved_s")
        held["time_saved_s"] += low <= true_s <= high
        low, high = throughput.interval("throughput_gain.1")
        held["throughput_gain.1"] += low <= 2.0 <= high
    for name, count in held.items():
        assert 0.91 <= count / trials <= 0.99, (name, count / trials)
