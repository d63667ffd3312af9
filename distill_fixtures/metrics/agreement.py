"""Fidelity: whether the student answers as the teacher does, right or wrong.

Source: Stanton et al. 2021, "Does Knowledge Distillation Really Work?", arXiv:2106.05945. All take
``PairedAnswers``, whose arrays have shape ``[questions]``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.f1 import exact_match, macro_f1, token_f1
from distill_fixtures.metrics.missing import Measured
from distill_fixtures.metrics.pairing import UNPARSED, PairedAnswers, check_answers
from distill_fixtures.metrics.weighted import SumStatistic
from distill_fixtures.records import Answer, Question, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Consistency",
    "MacroF1",
    "agreement",
    "agreement_teacher_wrong",
    "consistency",
    "exact_match_vs_reference",
    "exact_mcnemar",
    "kappa",
    "kappa_of",
    "macro_f1_scores",
    "mcnemar_p",
    "mean_token_f1",
    "negative_flip_rate",
    "positive_flip_rate",
    "relative_negative_flip_rate",
]


@dataclass(frozen=True, slots=True)
class Consistency:
    """Questions by who is right and whether the answers are the same; they sum to all."""

    both_right: int
    both_wrong_same: int
    both_wrong_different: int
    teacher_only_right: int
    student_only_right: int


def consistency(paired: PairedAnswers) -> Consistency:
    """Count the five ways in which two answers can stand to each other and to the reference."""
    teacher, student = paired.teacher_correct, paired.student_correct
    wrong = ~teacher & ~student
    counts = (
        teacher & student,
        wrong & paired.same,
        wrong & ~paired.same,
        teacher & ~student,
        student & ~teacher,
    )
    return Consistency(*(int(each.sum()) for each in counts))


def agreement(paired: PairedAnswers) -> float:
    """Share of questions on which both models gave the same answer; also exact_match_rate."""
    return float(paired.same.mean())


def agreement_teacher_wrong(paired: PairedAnswers) -> Measured:
    """Both wrong alike / teacher wrong: the share of the teacher's errors that was inherited."""
    teacher_wrong = int((~paired.teacher_correct).sum())
    if not teacher_wrong:
        return Undefined("the teacher answers everything rightly")
    return consistency(paired).both_wrong_same / teacher_wrong


def kappa(paired: PairedAnswers) -> Measured:
    """Cohen's kappa: agreement beyond what the models' position habits give (Cohen 1960).

    (agreement - expected) / (1 - expected), expected = sum_k share_T(k) share_S(k) over positions.
    Undefined for free text, and where expected agreement is 1.
    """
    if paired.free_text:
        return Undefined("free-text answers have no positions")
    value = float(kappa_of(paired)(np.ones((1, len(paired))))[0])
    if math.isnan(value):
        return Undefined("both models always pick one and the same position")
    return value


def kappa_of(paired: PairedAnswers) -> SumStatistic:
    """Kappa as a statistic of resampling weights; NaN where expected agreement is 1."""
    places = np.arange(1 + max(paired.teacher_positions.max(), paired.student_positions.max()))
    teacher = paired.teacher_positions[:, None] == places
    student = paired.student_positions[:, None] == places
    columns = np.column_stack([np.ones(len(paired)), paired.same, teacher, student])

    def of_sums(sums: Floats) -> Floats:
        total, agreed = sums[:, 0], sums[:, 1] / sums[:, 0]
        products = sums[:, 2 : 2 + len(places)] * sums[:, 2 + len(places) :]
        # Compared as whole counts: 1 - expected need not be an exact 0 in shares.
        beyond = total**2 - products.sum(axis=1)
        defined = beyond > 0
        value: Floats = 1 - (1 - agreed) * total**2 / np.where(defined, beyond, 1.0)
        return np.where(defined, value, np.nan)

    return SumStatistic(columns.astype(np.float64), of_sums)


def negative_flip_rate(paired: PairedAnswers) -> float:
    """Teacher right and student wrong, over all questions (Yan et al. 2021, arXiv:2011.09161)."""
    return float((paired.teacher_correct & ~paired.student_correct).mean())


def positive_flip_rate(paired: PairedAnswers) -> float:
    """Teacher wrong and student right, over all questions."""
    return float((paired.student_correct & ~paired.teacher_correct).mean())


def relative_negative_flip_rate(paired: PairedAnswers) -> Measured:
    """NFR / (acc_T (1 - acc_S)): 1 when the errors are independent."""
    independent = float(paired.teacher_correct.mean() * (~paired.student_correct).mean())
    if independent == 0:
        return Undefined("a teacher never right or a student never wrong leaves nothing to flip")
    return negative_flip_rate(paired) / independent


def mcnemar_p(paired: PairedAnswers) -> float:
    """Exact two-sided McNemar p on the two kinds of flips; 1 without any.

    Whole numbers throughout, so no number of questions underflows it wrongly.
    """
    counts = consistency(paired)
    return exact_mcnemar(counts.teacher_only_right, counts.student_only_right)


def exact_mcnemar(only_one: int, only_other: int) -> float:
    """The same from the two counts of questions that only one of two models answers rightly.

    >>> exact_mcnemar(1, 9)
    0.021484375
    >>> exact_mcnemar(0, 0)
    1.0
    """
    fewer, more = sorted((only_one, only_other))
    flips = fewer + more
    tail = sum(math.comb(flips, k) for k in range(fewer + 1))
    return min(1.0, tail / 2 ** (flips - 1)) if flips else 1.0


@dataclass(frozen=True, slots=True)
class MacroF1:
    """Macro F1 over option positions; see ``f1.macro_f1``."""

    teacher_macro: float
    student_macro: float
    student_vs_teacher_macro: Measured


def macro_f1_scores(questions: Sequence[Question], paired: PairedAnswers) -> MacroF1 | Undefined:
    """Macro F1 of each model against the reference, and of the student against the teacher.

    A pick of a copy of the reference's text counts as the reference's position. Undefined for free
    text; the last also where the teacher's answers are all unparsed.
    """
    if any(question.is_free_text for question in questions):
        return Undefined("free-text answers have no positions")
    reference = [question.answer for question in questions]
    teacher = _placed(reference, paired.teacher_positions, paired.teacher_correct)
    student = _placed(reference, paired.student_positions, paired.student_correct)
    # Where both chose copies of one text, the student's position is taken to be the teacher's.
    alike = [t if same else s for t, s, same in zip(teacher, student, paired.same, strict=True)]
    none = Undefined("the teacher's answers are all unparsed")
    return MacroF1(
        teacher_macro=macro_f1(reference, teacher),
        student_macro=macro_f1(reference, student),
        student_vs_teacher_macro=none if set(teacher) == {None} else macro_f1(teacher, alike),
    )


def _placed(
    reference: Sequence[int | None], positions: NDArray[np.intp], correct: NDArray[np.bool_]
) -> list[int | None]:
    trios = zip(reference, positions.tolist(), correct.tolist(), strict=True)
    return [truth if right else None if p == UNPARSED else p for truth, p, right in trios]


def exact_match_vs_reference(questions: Sequence[Question], answers: Sequence[Answer]) -> float:
    """Share of answers that are the reference: option text, or SQuAD-normalised free text."""
    check_answers(questions, answers)
    hits = [
        answer.pick is not None and exact_match(str(answer.pick), question.answers)
        if question.is_free_text
        else answer.correct
        for question, answer in zip(questions, answers, strict=True)
    ]
    return sum(hits) / len(hits)


def mean_token_f1(questions: Sequence[Question], answers: Sequence[Answer]) -> Measured:
    """Mean token F1 of free-text answers, unparsed 0; undefined for multiple choice."""
    check_answers(questions, answers)
    if not all(question.is_free_text for question in questions):
        return Undefined("token F1 is for free text: letters vanish under its rule")
    scores = [
        0.0 if answer.pick is None else token_f1(str(answer.pick), question.answers)
        for question, answer in zip(questions, answers, strict=True)
    ]
    return sum(scores) / len(scores)
