"""Two models' answers to the same questions, side by side, checked once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.errors import NotFiniteScoreError
from distill_fixtures.metrics.f1 import normalized_text
from distill_fixtures.records import Answer, Question

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "UNPARSED",
    "PairedAnswers",
    "check_answers",
    "correct_flags",
    "flags_from_text",
    "flags_to_text",
    "pair_answers",
    "same_answer",
]

UNPARSED = -1
"""Position of a pick that does not exist."""


@dataclass(frozen=True, slots=True, eq=False)
class PairedAnswers:
    """What agreement is computed from; every array has shape ``[questions]``.

    Attributes:
        same: both models gave the same answer; two unparsed answers are not the same.
        teacher_correct, student_correct: right against the reference.
        teacher_positions, student_positions: zero-based picks, ``UNPARSED`` where there is none;
            all ``UNPARSED`` for free text.
        free_text: no question has options.
    """

    same: NDArray[np.bool_]
    teacher_correct: NDArray[np.bool_]
    student_correct: NDArray[np.bool_]
    teacher_positions: NDArray[np.intp]
    student_positions: NDArray[np.intp]
    free_text: bool

    def __len__(self) -> int:
        return len(self.same)


def check_answers(questions: Sequence[Question], answers: Sequence[Answer]) -> None:
    """Answers must be those to the questions, in order, with finite scores.

    Raises:
        ValueError: no questions, answers to others, or scores that are not one an option.
        NotFiniteScoreError: NaN or infinity in a score; the question is named.
    """
    if not questions:
        raise ValueError("no questions: a metric of nothing does not exist")
    if [q.id for q in questions] != [a.question_id for a in answers]:
        raise ValueError(
            f"the {len(answers)} answers are not those to the {len(questions)} questions, in order"
        )
    for question, answer in zip(questions, answers, strict=True):
        if isinstance(answer.pick, int) and not 0 <= answer.pick < len(question.choices):
            raise ValueError(f"question {question.id!r} has no option {answer.pick}")
        for scores in (
            answer.log_likelihoods,
            answer.log_likelihoods_norm,
            answer.log_likelihoods_pmi,
        ):
            if scores is not None:
                _check_scores(question, scores)


def _check_scores(question: Question, scores: Sequence[float]) -> None:
    if len(scores) != len(question.choices):
        raise ValueError(
            f"question {question.id!r} has {len(question.choices)} options and {len(scores)} scores"
        )
    if not all(map(math.isfinite, scores)):
        raise NotFiniteScoreError(
            f"the scores of question {question.id!r} are not finite",
            got=repr(list(scores)),
            wanted="finite log-likelihoods, one an option",
            next_step="check the model's weights for NaN, or load it in a wider number format",
        )


def correct_flags(answers: Sequence[Answer]) -> NDArray[np.bool_]:
    """Whether each answer is right, shape ``[questions]``."""
    return np.array([answer.correct for answer in answers], dtype=np.bool_)


def flags_to_text(correct: Sequence[bool]) -> str:
    """One character a question: 1 right, 0 wrong.

    >>> flags_to_text([True, False, True])
    '101'
    """
    return "".join("1" if each else "0" for each in correct)


def flags_from_text(text: str) -> tuple[bool, ...]:
    """The reverse of ``flags_to_text``."""
    return tuple(each == "1" for each in text)


def same_answer(question: Question, teacher: Answer, student: Answer) -> bool:
    """Whether both picked the same option text (free text: the same normalised text).

    An unparsed answer is the same as none, not even as another unparsed one.

    >>> q = Question("1", "?", choices=("x", "y", "x"), answer=1)
    >>> same_answer(q, Answer("1", 0, False), Answer("1", 2, False))
    True
    >>> same_answer(q, Answer("1", None, False), Answer("1", None, False))
    False
    """
    texts = [_answer_text(question, answer) for answer in (teacher, student)]
    return texts[0] is not None and texts[0] == texts[1]


def _answer_text(question: Question, answer: Answer) -> str | None:
    if answer.pick is None:
        return None
    if isinstance(answer.pick, int):
        return question.choices[answer.pick]
    # A text of articles or punctuation alone normalises to nothing: compare it as it stands.
    return normalized_text(answer.pick) or answer.pick


def pair_answers(
    questions: Sequence[Question], teacher: Sequence[Answer], student: Sequence[Answer]
) -> PairedAnswers:
    """Put two models' answers side by side. The control may stand in either place.

    Raises:
        ValueError, NotFiniteScoreError: as ``check_answers``.
    """
    check_answers(questions, teacher)
    check_answers(questions, student)
    trios = list(zip(questions, teacher, student, strict=True))
    return PairedAnswers(
        same=np.array([same_answer(*trio) for trio in trios], dtype=np.bool_),
        teacher_correct=correct_flags(teacher),
        student_correct=correct_flags(student),
        teacher_positions=_positions(teacher),
        student_positions=_positions(student),
        free_text=all(question.is_free_text for question in questions),
    )


def _positions(answers: Sequence[Answer]) -> NDArray[np.intp]:
    picks = [answer.pick if isinstance(answer.pick, int) else UNPARSED for answer in answers]
    return np.array(picks, dtype=np.intp)
