"""Questions and answers made up for tests of metrics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distill_fixtures.records import Answer, GenerationTrace, Question, Round

LETTERS = "ABCDEFGH"


def make_questions(references: Sequence[int], options: int = 4) -> list[Question]:
    """Questions with distinct options and these reference positions."""
    return [
        Question(
            str(number),
            "?",
            choices=tuple(f"option {number}-{place}" for place in range(options)),
            answer=reference,
        )
        for number, reference in enumerate(references)
    ]


def make_answers(questions: Sequence[Question], picks: Sequence[int | None]) -> list[Answer]:
    """Answers with these picks, without scores."""
    return [
        Answer(q.id, pick, pick is not None and q.choices[pick] == q.reference_text)
        for q, pick in zip(questions, picks, strict=True)
    ]


def scored_answers(
    questions: Sequence[Question], scores: Sequence[Sequence[float]]
) -> list[Answer]:
    """Answers that pick the option of the highest score."""
    answers = []
    for question, each in zip(questions, scores, strict=True):
        pick = int(np.argmax(each))
        right = question.choices[pick] == question.reference_text
        answers.append(Answer(question.id, pick, right, log_likelihoods=tuple(map(float, each))))
    return answers


def random_case(
    seed: int, count: int = 60, options: int = 5
) -> tuple[list[Question], list[Answer], list[Answer]]:
    """Questions, and two models' scored answers that resemble each other."""
    generator = np.random.default_rng(seed)
    questions = make_questions(generator.integers(options, size=count).tolist(), options)
    shared = generator.normal(size=(count, options))
    for row, question in zip(shared, questions, strict=True):
        row[question.answer] += 1.0
    teacher = shared + 0.5 * generator.normal(size=shared.shape)
    student = shared + generator.normal(size=shared.shape)
    return (
        questions,
        scored_answers(questions, teacher.tolist()),
        scored_answers(questions, student.tolist()),
    )


def make_round(
    *token_times_s: Sequence[float],
    batch_size: int = 1,
    prompt_tokens: int = 10,
    order: int = 0,
    writes_tokens: bool = True,
) -> Round:
    """A round of requests with these time stamps."""
    traces = tuple(
        GenerationTrace(batch_size, prompt_tokens, tuple(times), writes_tokens)
        for times in token_times_s
    )
    return Round(traces, order)
