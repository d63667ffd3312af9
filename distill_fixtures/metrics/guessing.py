"""What can be had without knowledge: chance, constant guesses, and a model's letter bias."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distill_fixtures.metrics.missing import Measured
from distill_fixtures.metrics.pairing import check_answers
from distill_fixtures.records import Answer, Question, Undefined

__all__ = [
    "GuessBaseline",
    "chance_accuracy",
    "guess_baseline",
    "letter_debiased_accuracy",
    "position_shares",
]

FREE_TEXT = Undefined("free-text questions have no options")


@dataclass(frozen=True, slots=True)
class GuessBaseline:
    """The best blind strategy.

    Attributes:
        accuracy: its share of right answers.
        strategy: for people: ``always (D)``.
    """

    accuracy: float
    strategy: str


def chance_accuracy(questions: Sequence[Question]) -> Measured:
    """Mean over questions of 1 / number of options; undefined with free text among them.

    >>> chance_accuracy([Question("1", "?", ("x", "y"), 0), Question("2", "?", tuple("abcd"), 0)])
    0.375
    """
    _check_any(questions)
    if any(question.is_free_text for question in questions):
        return FREE_TEXT
    return float(np.mean([1 / len(question.choices) for question in questions]))


def guess_baseline(questions: Sequence[Question]) -> GuessBaseline:
    """The best of chance, the best constant position, always the longest or shortest option.

    Lengths are in characters; ties take the first. A position that a question lacks is wrong.
    Free text: always the most frequent reference.

    >>> guess_baseline([Question("1", "?", ("x", "yy"), 1), Question("2", "?", ("xx", "y"), 0)])
    GuessBaseline(accuracy=1.0, strategy='always the longest option')
    """
    _check_any(questions)
    n = len(questions)
    chance = chance_accuracy(questions)
    if isinstance(chance, Undefined):
        references = Counter(text for q in questions for text in set(q.answers))
        best = max(references.values(), default=0)
        return GuessBaseline(best / n, "always the most frequent reference")
    guesses = [GuessBaseline(chance, "chance")]
    for place in range(max(len(q.choices) for q in questions)):
        right = sum(_is_right(q, place) for q in questions if place < len(q.choices))
        guesses.append(GuessBaseline(right / n, f"always ({_letter(place)})"))
    for name, choose in (("longest", max), ("shortest", min)):
        lengths = [[len(choice) for choice in q.choices] for q in questions]
        right = sum(
            _is_right(q, each.index(choose(each)))
            for q, each in zip(questions, lengths, strict=True)
        )
        guesses.append(GuessBaseline(right / n, f"always the {name} option"))
    return max(guesses, key=lambda guess: guess.accuracy)


def position_shares(
    questions: Sequence[Question], answers: Sequence[Answer]
) -> dict[str, float] | Undefined:
    """Share of all questions on which each position was picked, by letter.

    Where a question was shown in several orders, each of them counts. The shares sum to 1 less the
    unparsed. Undefined for free text.

    >>> qs = [Question(n, "?", ("x", "y"), 0) for n in "1234"]
    >>> position_shares(qs, [Answer(n, p, False) for n, p in zip("1234", [1, 1, 0, None])])
    {'A': 0.25, 'B': 0.5}
    """
    check_answers(questions, answers)
    places = max(len(question.choices) for question in questions)
    if not places:
        return FREE_TEXT
    picks = [
        pick
        for answer in answers
        for pick in ((answer.pick,) if answer.shown_picks is None else answer.shown_picks)
    ]
    picked = Counter(picks)
    return {_letter(place): picked[place] / len(picks) for place in range(places)}


def letter_debiased_accuracy(questions: Sequence[Question], answers: Sequence[Answer]) -> Measured:
    """Accuracy after subtracting each letter's mean log-probability; for letter scoring.

    Log-probabilities are normalised over a question's letters first; a letter's mean runs over all
    questions that offer it. Ties take the first.

    >>> qs = [Question("1", "?", ("x", "y"), 0), Question("2", "?", ("x", "y"), 1)]
    >>> always_b = [Answer("1", 1, False, (-2.0, -1.0)), Answer("2", 1, True, (-3.0, -1.0))]
    >>> letter_debiased_accuracy(qs, always_b)
    1.0
    """
    check_answers(questions, answers)
    scores = [answer.log_likelihoods for answer in answers]
    if any(each is None for each in scores):
        return Undefined("letter bias needs a score for every option")
    table = np.full((len(scores), max(len(each or ()) for each in scores)), np.nan)
    for row, each in zip(table, scores, strict=True):
        values = np.array(each)
        row[: len(values)] = values - np.logaddexp.reduce(values)
    debiased = table - np.nanmean(table, axis=0)
    picks = np.nanargmax(debiased, axis=1).tolist()
    return sum(_is_right(q, pick) for q, pick in zip(questions, picks, strict=True)) / len(picks)


def _check_any(questions: Sequence[Question]) -> None:
    if not questions:
        raise ValueError("no questions: a metric of nothing does not exist")


def _is_right(question: Question, place: int) -> bool:
    return question.choices[place] == question.reference_text


def _letter(place: int) -> str:
    """A to Z, then 27 and so on."""
    letters = string.ascii_uppercase
    return letters[place] if place < len(letters) else str(place + 1)
