"""Accuracy for what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.showing import FIGURES, REPLAY, need, show

if TYPE_CHECKING:
    from distill_fixtures.plugin.store import SessionStore

pytestmark = [pytest.mark.efficiency, pytest.mark.benchmark(group=FIGURES, timer=REPLAY)]


def test_efficiency(distill_store: SessionStore, benchmark: Any) -> None:
    """Accuracy per parameter and per megabyte, student over teacher."""
    student = distill_store.model_section("student", "accuracy").number("accuracy")
    section = distill_store.pair_section("efficiency")
    show(benchmark, section)
    need(section, "efficiency_score")
    teacher_size = distill_store.model_section("teacher", "size").number("parameters_total")
    student_size = distill_store.model_section("student", "size").number("parameters_total")
    expected = student / (student_size / teacher_size)
    assert section.number("efficiency_score") == pytest.approx(expected)


def test_efficacy(distill_store: SessionStore, benchmark: Any) -> None:
    """This suite's index of how well the transfer went; never gated by default."""
    section = distill_store.pair_section("efficacy")
    show(benchmark, section)
    efficacy = section.values["distillation_efficacy"]
    assert section.reason("distillation_efficacy") or 0 <= float(efficacy) <= 1
