"""What must be shipped, and how much model it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.showing import FIGURES, REPLAY, need, show

if TYPE_CHECKING:
    from distill_fixtures.plugin.store import SessionStore
    from distill_fixtures.records import Role

pytestmark = [pytest.mark.size, pytest.mark.benchmark(group=FIGURES, timer=REPLAY)]


def test_size(distill_role: Role, distill_store: SessionStore, benchmark: Any) -> None:
    """Bytes on disk and logical parameters of each model."""
    section = distill_store.model_section(distill_role, "size")
    show(benchmark, section)
    need(section, "disk_bytes", "weights_bytes", "parameters_total", "parameters_non_embedding")
    assert section.number("disk_bytes") >= section.number("weights_bytes") > 0
    assert section.number("parameters_total") >= section.number("parameters_non_embedding") > 0


def test_size_reduction(distill_store: SessionStore, benchmark: Any) -> None:
    """How much smaller the student is."""
    section = distill_store.pair_section("size")
    show(benchmark, section)
    need(section, "compression_ratio")
    ratio = section.number("compression_ratio")
    assert section.number("size_reduction_pct") == pytest.approx(100 * (1 - ratio))
    assert ratio > 0
