"""Requests that the built-in models can be asked."""

from __future__ import annotations

from distill_fixtures.demo import questions_file
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.tasks.prompts import build_prompt
from distill_fixtures.tasks.readers import read_questions

__all__ = ["demo_requests"]


def demo_requests(count: int) -> list[ScoreRequest]:
    """The first so many built-in questions, in cloze scoring."""
    found = read_questions(questions_file(), password="", limit=count, name="demo")
    prompts = [(question.id, build_prompt(question, "cloze")) for question in found.questions]
    return [ScoreRequest(key, prompt.context, prompt.continuations) for key, prompt in prompts]
