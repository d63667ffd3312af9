"""Texts that the real model writes, through its chat template."""

from __future__ import annotations

import pytest

from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.records import Question
from distill_fixtures.tasks.prompts import build_prompt

pytestmark = pytest.mark.real_model

NEW_TOKENS = 12


def test_a_batch_writes_what_single_prompts_get(
    real_model: InProcessModel, questions: list[Question]
) -> None:
    prompts = [build_prompt(question, "generate").context for question in questions[:3]]
    assert real_model.uses_chat_template
    together = real_model.generate_text(prompts, max_new_tokens=NEW_TOKENS)
    alone = [real_model.generate_text([text], max_new_tokens=NEW_TOKENS)[0] for text in prompts]
    assert list(together) == alone
    assert all(written.text.strip() for written in together)


def test_the_chat_template_makes_it_answer(real_model: InProcessModel) -> None:
    (written,) = real_model.generate_text(["What is the capital of France?"], max_new_tokens=24)
    assert "Paris" in written.text
    assert "<|im_" not in written.text
    assert not written.truncated
