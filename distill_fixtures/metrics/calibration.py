"""How well a model's option probabilities fit its being right.

Option probabilities are the float64 softmax of the scores that made the pick (cloze: summed
log-likelihoods; letter: the letters'), equal texts merged. In cloze they are a probability among
listed strings, mixed up with length, and no confidence in being right. There are none for
``generate``, nor for the length-normalised pick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.pairing import check_answers, correct_flags
from distill_fixtures.metrics.weighted import SumStatistic
from distill_fixtures.records import Answer, Question, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "BINS",
    "NO_SCORES",
    "Calibration",
    "brier_score",
    "calibrate",
    "expected_calibration_error",
    "expected_calibration_error_of",
    "option_log_probabilities",
    "option_nll_nats",
    "option_probabilities",
    "overconfidence",
]

BINS = 15
NO_SCORES = Undefined("this scoring gives no score for every option")


def option_log_probabilities(question: Question, answer: Answer) -> Floats:
    """Log-probability of each distinct option text, nats, shape ``[distinct options]``.

    In the order in which the texts first appear; copies of a text add up.

    Raises:
        ValueError: the answer has no scores.

    >>> q = Question("1", "?", ("x", "y", "x"), 0)
    >>> np.exp(option_log_probabilities(q, Answer("1", 0, True, (0.0, 0.0, 0.0)))).round(3).tolist()
    [0.667, 0.333]
    """
    if answer.log_likelihoods is None:
        raise ValueError(f"question {question.id!r} has no option scores")
    scores = np.array(answer.log_likelihoods, dtype=np.float64)
    scores -= np.logaddexp.reduce(scores)
    distinct = list(dict.fromkeys(question.choices))
    if len(distinct) == len(scores):
        return scores
    texts = np.array([distinct.index(choice) for choice in question.choices])
    return np.array([np.logaddexp.reduce(scores[texts == k]) for k in range(len(distinct))])


def option_probabilities(question: Question, answer: Answer) -> tuple[float, ...]:
    """Probability of each listed option, in file order; copies of a text share one merged value.

    This is what ``comparison_results.json`` shows; with copies it sums to more than 1.

    >>> q = Question("1", "?", ("x", "y"), 0)
    >>> option_probabilities(q, Answer("1", 0, True, (-1.0, -1.0)))
    (0.5, 0.5)
    """
    by_text = dict(
        zip(
            dict.fromkeys(question.choices),
            np.exp(option_log_probabilities(question, answer)).tolist(),
            strict=True,
        )
    )
    return tuple(by_text[choice] for choice in question.choices)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One model's probabilities, reduced to what calibration needs; shape ``[questions]`` each.

    Attributes:
        top: probability of the most probable option text.
        correct: the answer is right.
        reference_nats: -log p(reference).
        brier: sum_j (p_j - y_j)^2 over distinct options.
    """

    top: Floats
    correct: NDArray[np.bool_]
    reference_nats: Floats
    brier: Floats


def calibrate(questions: Sequence[Question], answers: Sequence[Answer]) -> Calibration | Undefined:
    """Reduce scores to what calibration needs; undefined where an answer has none.

    Raises:
        ValueError, NotFiniteScoreError: as ``check_answers``.
    """
    check_answers(questions, answers)
    if any(answer.log_likelihoods is None for answer in answers):
        return NO_SCORES
    top, reference_nats, brier = [], [], []
    for question, answer in zip(questions, answers, strict=True):
        logs = option_log_probabilities(question, answer)
        truth = list(dict.fromkeys(question.choices)).index(question.reference_text)
        miss = np.exp(logs)
        top.append(float(miss.max()))
        reference_nats.append(max(0.0, -float(logs[truth])))
        miss[truth] -= 1
        brier.append(float(miss @ miss))
    return Calibration(
        np.minimum(1.0, top), correct_flags(answers), np.array(reference_nats), np.array(brier)
    )


def expected_calibration_error(calibration: Calibration) -> float:
    """Expected calibration error over 15 equal bins, each open below and closed above.

    sum_b (n_b / n) |share right in b - mean top probability in b| (Guo et al. 2017,
    arXiv:1706.04599). Biased upward for few questions.

    >>> four = np.array([0.9, 0.9, 0.9, 0.9])
    >>> right = np.array([True, True, False, False])
    >>> round(expected_calibration_error(Calibration(four, right, four, four)), 3)
    0.4
    """
    weights = np.ones((1, len(calibration.top)))
    return float(expected_calibration_error_of(calibration)(weights)[0])


def expected_calibration_error_of(calibration: Calibration) -> SumStatistic:
    """The same as a statistic of resampling weights ``[resamples, questions]``."""
    inner_edges = np.arange(1, BINS) / BINS
    bins = np.digitize(calibration.top, inner_edges, right=True)
    # [questions, bins]: each question's surplus of being right, in its own bin.
    surplus = (calibration.correct - calibration.top)[:, None] * (bins[:, None] == np.arange(BINS))

    def of_sums(sums: Floats) -> Floats:
        error: Floats = np.abs(sums[:, 1:]).sum(axis=1) / sums[:, 0]
        return error

    return SumStatistic(np.column_stack([np.ones(len(bins)), surplus]), of_sums)


def brier_score(calibration: Calibration) -> float:
    """Mean of sum_j (p_j - y_j)^2 over distinct options, 0 to 2 (Brier 1950)."""
    return float(calibration.brier.mean())


def overconfidence(calibration: Calibration) -> float:
    """Mean top probability minus accuracy, -1 to 1."""
    return float(calibration.top.mean() - calibration.correct.mean())


def option_nll_nats(calibration: Calibration) -> float:
    """Mean of -log p(reference), nats."""
    return float(calibration.reference_nats.mean())
