"""How like the teacher the student answers, whatever the labels say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.showing import FIGURES, REPLAY, show

if TYPE_CHECKING:
    from distill_fixtures.plugin.store import SessionStore

pytestmark = [pytest.mark.fidelity, pytest.mark.benchmark(group=FIGURES, timer=REPLAY)]


def test_agreement(distill_store: SessionStore, benchmark: Any) -> None:
    """The share of questions on which both pick the same option."""
    section = distill_store.pair_section("fidelity")
    show(benchmark, section, only=["agreement", "agreement_teacher_wrong", "kappa"])
    assert 0 <= section.number("agreement") <= 1


def test_flips(distill_store: SessionStore, benchmark: Any) -> None:
    """What the student lost of what the teacher knew, and gained."""
    section = distill_store.pair_section("fidelity")
    show(
        benchmark,
        section,
        only=[
            "negative_flip_rate",
            "positive_flip_rate",
            "relative_negative_flip_rate",
            "mcnemar_p",
        ],
    )
    teacher = distill_store.model_section("teacher", "accuracy").number("accuracy")
    student = distill_store.model_section("student", "accuracy").number("accuracy")
    lost, gained = section.number("negative_flip_rate"), section.number("positive_flip_rate")
    assert lost - gained == pytest.approx(teacher - student)


def test_divergence(distill_store: SessionStore, benchmark: Any) -> None:
    """How far the student's distribution over the options is from the teacher's."""
    section = distill_store.pair_section("fidelity")
    show(benchmark, section, only=["kl_nats", "kl_nats_median", "js_nats"])
    if distill_store.scoring == "generate":
        assert section.reason("kl_nats")
    else:
        assert section.number("kl_nats") >= 0
        assert 0 <= section.number("js_nats") <= 0.6931471805599454


def test_token_divergence(distill_store: SessionStore, benchmark: Any) -> None:
    """How far apart the next-token distributions are, where both have them and share one
    tokenizer."""
    section = distill_store.pair_section("tokens")
    show(benchmark, section)
    if distill_store.tokenizers_differ is False and distill_store.scoring != "classify":
        assert section.number("token_kl_nats") >= 0
    else:
        assert section.reason("token_kl_nats")
