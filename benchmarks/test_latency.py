"""Seconds: to load, per sample, to the first token, per further token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.showing import FIGURES, REPLAY, need, show

if TYPE_CHECKING:
    from distill_fixtures.plugin.store import SessionStore
    from distill_fixtures.records import Role

pytestmark = pytest.mark.latency


@pytest.mark.benchmark(group="latency: load, code imported, files in the page cache", timer=REPLAY)
def test_load_time(distill_role: Role, distill_isolated: SessionStore, benchmark: Any) -> None:
    """From files to the first forward pass, in a fresh process."""
    report = distill_isolated.isolated(distill_role)
    section = distill_isolated.model_section(distill_role, "load")
    show(benchmark, section, rounds_s=report.load_times_s)
    assert min(report.load_times_s) > 0


@pytest.mark.benchmark(group="latency: one round of all samples, batch size 1", timer=REPLAY)
def test_time_per_sample(distill_role: Role, distill_store: SessionStore, benchmark: Any) -> None:
    """End-to-end seconds per sample; rounds are interleaved with the other model's."""
    section = distill_store.model_section(distill_role, "latency")
    rounds = distill_store.rounds(1)[distill_role]
    show(benchmark, section, rounds_s=[each.seconds for each in rounds])
    samples = [trace for each in rounds for trace in each.traces]
    written = 0 if distill_store.scoring == "classify" else distill_store.config.new_tokens
    assert {trace.new_tokens for trace in samples} == {written}
    assert section.number("inference_time_s") > 0
    if written:
        assert section.number("inference_time_s") >= section.number("ttft_s") > 0


@pytest.mark.benchmark(group="latency: time to first token", timer=REPLAY)
def test_time_to_first_token(
    distill_role: Role, distill_store: SessionStore, benchmark: Any
) -> None:
    """Request start to first token, one figure a sample."""
    section = distill_store.model_section(distill_role, "latency")
    need(section, "ttft_s")
    rounds = distill_store.rounds(1)[distill_role]
    times_s = [trace.ttft_s for each in rounds for trace in each.traces]
    shown = ["ttft_s", "prefill_tokens_per_s"]
    show(benchmark, section, only=shown, rounds_s=times_s)
    assert section.number("ttft_s") == pytest.approx(sum(times_s) / len(times_s))


@pytest.mark.benchmark(group="latency: time per further token", timer=REPLAY)
def test_time_per_output_token(
    distill_role: Role, distill_store: SessionStore, benchmark: Any
) -> None:
    """The gap between tokens, one figure a token."""
    section = distill_store.model_section(distill_role, "latency")
    need(section, "ttft_s")
    if distill_store.config.new_tokens == 1:
        assert section.reason("tpot_s")
        pytest.skip("a single new token has no gap: --distill-new-tokens is 1")
    gaps_s = [
        later - earlier
        for each in distill_store.rounds(1)[distill_role]
        for trace in each.traces
        for earlier, later in zip(trace.token_times_s, trace.token_times_s[1:], strict=False)
    ]
    shown = ["tpot_s", "itl_p50_s", "itl_p99_s", "decode_tokens_per_s"]
    show(benchmark, section, only=shown, rounds_s=gaps_s)
    assert section.number("tpot_s") == pytest.approx(sum(gaps_s) / len(gaps_s))


@pytest.mark.benchmark(
    group="latency: one round of all samples, adapter merged into its base", timer=REPLAY
)
def test_merged_adapter(
    distill_adapter_role: Role, distill_store: SessionStore, benchmark: Any
) -> None:
    """An adapter's model against a copy with the adapter merged, in interleaved rounds."""
    section = distill_store.model_section(distill_adapter_role, "merged")
    rounds = distill_store.merged_timing(distill_adapter_role).rounds["merged"]
    show(benchmark, section, rounds_s=[each.seconds for each in rounds])
    figures = section.by_key("merged")
    assert figures["inference_time_s"] >= figures["ttft_s"] > 0
    assert figures["speedup"] > 0


@pytest.mark.benchmark(group=FIGURES, timer=REPLAY)
def test_speed_improvement(distill_store: SessionStore, benchmark: Any) -> None:
    """The share of time saved, from interleaved rounds."""
    distill_store.rounds(1)
    section = distill_store.pair_section("latency")
    show(benchmark, section)
    speedup = section.number("speedup")
    assert section.number("speed_improvement_pct") == pytest.approx(100 * (1 - 1 / speedup))


@pytest.mark.benchmark(group=FIGURES, timer=REPLAY)
def test_load_time_improvement(distill_isolated: SessionStore, benchmark: Any) -> None:
    """The share of load time saved."""
    section = distill_isolated.pair_section("load")
    show(benchmark, section)
    assert section.number("load_time_improvement_pct") < 100
