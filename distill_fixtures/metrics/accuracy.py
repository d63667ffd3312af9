"""Right answers counted: in all, by slice, with Wilson's interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from distill_fixtures.metrics.calibration import (
    brier_score,
    calibrate,
    expected_calibration_error,
    option_nll_nats,
    overconfidence,
)
from distill_fixtures.metrics.clusters import design_effect
from distill_fixtures.metrics.guessing import letter_debiased_accuracy, position_shares
from distill_fixtures.metrics.intervals import wilson
from distill_fixtures.metrics.missing import Interval, Measured
from distill_fixtures.metrics.pairing import check_answers, correct_flags
from distill_fixtures.records import Answer, Question, Scoring, Undefined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "AccuracySummary",
    "SliceAccuracy",
    "accuracy_by",
    "accuracy_interval",
    "accuracy_norm",
    "accuracy_pmi",
    "count_accuracy",
    "summarize_accuracy",
]

SEVERAL_ORDERS = Undefined(
    "each option was shown under several letters (--distill-permutations), so its score has no one"
)


@dataclass(frozen=True, slots=True)
class SliceAccuracy:
    """Accuracy of some questions.

    Attributes:
        accuracy: correct / total.
        correct: right answers.
        total: questions, unparsed included; never 0.
        ci95: Wilson's interval of accuracy.
    """

    accuracy: float
    correct: int
    total: int
    ci95: Interval


@dataclass(frozen=True, slots=True)
class AccuracySummary:
    """The ``accuracy`` section of one model; each field is a metric of the catalogue."""

    accuracy: float
    accuracy_norm: Measured
    accuracy_pmi: Measured
    correct: int
    total: int
    ci95: Interval
    letter_debiased_accuracy: Measured
    expected_calibration_error: Measured
    brier_score: Measured
    overconfidence: Measured
    option_nll_nats: Measured
    unparsed: int
    truncated: int
    by_subdomain: dict[str, SliceAccuracy]
    by_question_type: dict[str, SliceAccuracy]
    position_shares: dict[str, float] | Undefined


def count_accuracy(answers: Sequence[Answer]) -> SliceAccuracy:
    """Count right answers, questions taken as independent.

    Raises:
        ValueError: no answers.

    >>> count_accuracy([Answer("1", 0, True), Answer("2", None, False)]).accuracy
    0.5
    """
    if not answers:
        raise ValueError("no answers: the accuracy of nothing does not exist")
    correct, total = sum(answer.correct for answer in answers), len(answers)
    return SliceAccuracy(correct / total, correct, total, wilson(correct, total))


def accuracy_interval(
    answers: Sequence[Answer], clusters: NDArray[np.intp] | None
) -> Interval | Undefined:
    """Wilson's interval with the counts divided by the design effect of ``clusters``.

    Undefined when all questions share one source.
    """
    counted = count_accuracy(answers)
    effect = design_effect(correct_flags(answers).astype(float), clusters)
    if isinstance(effect, Undefined):
        return effect
    return wilson(counted.correct, counted.total, effect=effect)


def accuracy_norm(answers: Sequence[Answer]) -> Measured:
    """Accuracy of the picks by log-likelihood per character; undefined outside cloze.

    >>> accuracy_norm([Answer("1", 0, True, pick_norm=1, correct_norm=False)])
    0.0
    """
    flags = [answer.correct_norm for answer in answers]
    return _share_right(flags, Undefined("only cloze scoring normalises by length"))


def accuracy_pmi(answers: Sequence[Answer], scoring: Scoring = "cloze") -> Measured:
    """Accuracy of the picks by how much the question raises an option's likelihood.

    Domain-conditional pointwise mutual information: log p(o | question) - log p(o | "Answer:").
    Undefined where it was not asked for. Source: Holtzman et al. 2021.

    >>> accuracy_pmi([Answer("1", 0, True, pick_pmi=1, correct_pmi=False)])
    0.0
    """
    missing = "not asked for (--distill-cloze-pmi)"
    if scoring != "cloze":
        missing = "only cloze scoring has likelihoods of the options' own text"
    return _share_right([answer.correct_pmi for answer in answers], Undefined(missing))


def _share_right(flags: Sequence[bool | None], missing: Undefined) -> Measured:
    """Share of true flags; ``missing`` where no answer has one."""
    known = [flag for flag in flags if flag is not None]
    if not known:
        return missing
    if len(known) < len(flags):
        raise ValueError(f"only {len(known)} of {len(flags)} answers have such a pick")
    return sum(known) / len(known)


def accuracy_by(
    label: Literal["subdomain", "question_type"],
    questions: Sequence[Question],
    answers: Sequence[Answer],
) -> dict[str, SliceAccuracy]:
    """Accuracy of each slice, slices by name. Unlabelled questions stand in none.

    >>> qs = [Question("1", "?", subdomain="Optics"), Question("2", "?")]
    >>> answers = [Answer("1", "x", True), Answer("2", "y", False)]
    >>> accuracy_by("subdomain", qs, answers)["Optics"].total
    1
    """
    check_answers(questions, answers)
    slices: dict[str, list[Answer]] = {}
    for question, answer in zip(questions, answers, strict=True):
        name = question.subdomain if label == "subdomain" else question.question_type
        if name is not None:
            slices.setdefault(name, []).append(answer)
    return {name: count_accuracy(slices[name]) for name in sorted(slices)}


def summarize_accuracy(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    scoring: Scoring,
    *,
    permutations: int = 1,
) -> AccuracySummary:
    """Everything that one model's answers say of its accuracy.

    ``ci95`` takes the questions as independent; ``accuracy_interval`` allows for shared sources.

    Args:
        questions: multiple choice or free text, at least one.
        answers: one a question, in order.
        scoring: how they were taken; letter bias exists for ``letter`` only.
        permutations: option orders that each question was asked in. With several, an option's score
            is a mean over letters, from which no letter's own can be taken.

    Raises:
        ValueError, NotFiniteScoreError: as ``check_answers``.
    """
    check_answers(questions, answers)
    counted = count_accuracy(answers)
    fit = calibrate(questions, answers)
    debiased: Measured = Undefined("only letter scoring has letters")
    if permutations > 1:
        debiased = SEVERAL_ORDERS
    elif scoring == "letter":
        debiased = letter_debiased_accuracy(questions, answers)
    return AccuracySummary(
        accuracy=counted.accuracy,
        accuracy_norm=accuracy_norm(answers),
        accuracy_pmi=accuracy_pmi(answers, scoring),
        correct=counted.correct,
        total=counted.total,
        ci95=counted.ci95,
        letter_debiased_accuracy=debiased,
        expected_calibration_error=(
            fit if isinstance(fit, Undefined) else expected_calibration_error(fit)
        ),
        brier_score=fit if isinstance(fit, Undefined) else brier_score(fit),
        overconfidence=fit if isinstance(fit, Undefined) else overconfidence(fit),
        option_nll_nats=fit if isinstance(fit, Undefined) else option_nll_nats(fit),
        unparsed=sum(answer.pick is None for answer in answers),
        truncated=sum(answer.truncated for answer in answers),
        by_subdomain=accuracy_by("subdomain", questions, answers),
        by_question_type=accuracy_by("question_type", questions, answers),
        position_shares=position_shares(questions, answers),
    )
