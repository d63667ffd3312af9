"""How often each model is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.showing import FIGURES, REPLAY, show

if TYPE_CHECKING:
    from distill_fixtures.plugin.store import SessionStore
    from distill_fixtures.records import Role

pytestmark = pytest.mark.accuracy


@pytest.mark.benchmark(group="accuracy: one pass over the questions", timer=REPLAY)
def test_accuracy(distill_role: Role, distill_store: SessionStore, benchmark: Any) -> None:
    """All questions, answered once by each model; the time is that of scoring what the score cache
    did not have."""
    section = distill_store.model_section(distill_role, "accuracy")
    report = distill_store.scoring_report(distill_role)
    show(benchmark, section, rounds_s=[report.seconds])
    benchmark.extra_info["questions_scored"] = report.questions_scored
    benchmark.extra_info["questions_from_cache"] = report.questions_from_cache
    assert section.number("total") == len(distill_store.questions)
    low, high = section.pair("ci95")
    assert 0 <= low <= section.number("accuracy") <= high <= 1


@pytest.mark.benchmark(group=FIGURES, timer=REPLAY)
@pytest.mark.parametrize("slices", ["by_subdomain", "by_question_type"])
def test_accuracy_by(
    slices: str, distill_role: Role, distill_store: SessionStore, benchmark: Any
) -> None:
    """Accuracy within each subdomain and question type; the parts add up to the labelled whole."""
    section = distill_store.model_section(distill_role, "accuracy")
    parts = section.slices(slices)
    show(benchmark, section, only=[slices])
    field = slices.removeprefix("by_")
    labelled = [q for q in distill_store.questions.questions if getattr(q, field) is not None]
    assert sum(part["total"] for part in parts.values()) == len(labelled)
    assert sum(part["correct"] for part in parts.values()) <= section.number("correct")
