"""Samples per second by batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.showing import FIGURES, REPLAY, show

if TYPE_CHECKING:
    from distill_fixtures.plugin.store import SessionStore
    from distill_fixtures.records import Role

pytestmark = pytest.mark.throughput


@pytest.mark.benchmark(group="throughput: one round of static batches", timer=REPLAY)
def test_throughput(
    distill_role: Role, distill_batch_size: int, distill_store: SessionStore, benchmark: Any
) -> None:
    """All samples in batches of one size, padding included."""
    rounds = distill_store.rounds(distill_batch_size)[distill_role]
    section = distill_store.known_model_section(distill_role, "throughput")
    show(benchmark, section, rounds_s=[each.seconds for each in rounds])
    figures = section.slices("by_batch_size")[str(distill_batch_size)]
    assert figures["latency_p50_s"] > 0
    if distill_store.scoring != "classify":
        assert min(figures["ttft_s"], figures["prefill_tokens_per_s"], figures["tokens_per_s"]) > 0
    rate = section.by_key("throughput_samples_per_s")[str(distill_batch_size)]
    samples = sum(each.samples for each in rounds)
    assert rate == pytest.approx(samples / sum(each.seconds for each in rounds))


@pytest.mark.benchmark(group=FIGURES, timer=REPLAY)
def test_throughput_gain(
    distill_batch_size: int, distill_store: SessionStore, benchmark: Any
) -> None:
    """How many times more samples the student does in the same time."""
    distill_store.rounds(distill_batch_size)
    section = distill_store.known_pair_section("throughput")
    show(benchmark, section)
    assert section.by_key("throughput_gain")[str(distill_batch_size)] > 0
