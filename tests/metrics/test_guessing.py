from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distill_fixtures.metrics.guessing import (
    GuessBaseline,
    chance_accuracy,
    guess_baseline,
    letter_debiased_accuracy,
    position_shares,
)
from distill_fixtures.records import Answer, Question, Undefined
from tests.metrics.made_up import make_answers, make_questions, random_case, scored_answers


def test_chance_by_hand() -> None:
    mixed = make_questions([0], options=2) + make_questions([0], options=8)
    assert chance_accuracy(mixed) == (1 / 2 + 1 / 8) / 2


def test_free_text_has_no_chance() -> None:
    questions = [Question(n, "?", answers=(a,)) for n, a in zip("123", "xxy", strict=True)]
    assert isinstance(chance_accuracy(questions), Undefined)
    assert guess_baseline(questions) == GuessBaseline(2 / 3, "always the most frequent reference")
    answers = [Answer(n, "x", True) for n in "123"]
    assert isinstance(position_shares(questions, answers), Undefined)


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ([0, 1, 2, 3], GuessBaseline(0.25, "chance")),
        ([3, 3, 3, 1], GuessBaseline(0.75, "always (D)")),
    ],
)
def test_constant_positions(references: list[int], expected: GuessBaseline) -> None:
    assert guess_baseline(make_questions(references)) == expected


def test_lengths() -> None:
    longest = [
        Question("1", "?", ("a", "bbb", "cc"), 1),
        Question("2", "?", ("aaa", "b", "ccc"), 0),
        Question("3", "?", ("a", "bb", "ccc"), 2),
    ]
    assert guess_baseline(longest) == GuessBaseline(1.0, "always the longest option")
    shortest = [Question("1", "?", ("a", "bbb"), 0), Question("2", "?", ("aaa", "b"), 1)]
    assert guess_baseline(shortest) == GuessBaseline(1.0, "always the shortest option")


def test_a_position_that_is_missing_counts_as_wrong() -> None:
    questions = [*make_questions([2], options=3), Question("x", "?", ("p", "q"), 0)]
    assert guess_baseline(questions).accuracy == 0.5


def test_guess_baseline_is_never_under_chance() -> None:
    for seed in range(20):
        questions, _, _ = random_case(seed, count=15)
        chance = chance_accuracy(questions)
        assert isinstance(chance, float)
        assert guess_baseline(questions).accuracy >= chance


def test_position_shares_leave_out_the_unparsed() -> None:
    questions = make_questions([0, 0, 0, 0], options=3)
    shares = position_shares(questions, make_answers(questions, [1, 1, 0, None]))
    assert shares == {"A": 0.25, "B": 0.5, "C": 0.0}


def test_position_shares_count_each_order_shown() -> None:
    questions = make_questions([0, 0], options=2)
    answers = make_answers(questions, [1, 1])
    answers = [replace(answers[0], shown_picks=(1, 0)), replace(answers[1], shown_picks=(1, 1))]
    assert position_shares(questions, answers) == {"A": 0.25, "B": 0.75}


def test_letter_bias_is_taken_out() -> None:
    questions = make_questions([0, 1, 2, 0, 1, 2], options=3)
    scores = np.zeros((6, 3))
    scores[np.arange(6), [0, 1, 2, 0, 1, 2]] = 1.0
    biased = scored_answers(questions, (scores + np.array([0.0, 0.0, 5.0])).tolist())
    assert sum(answer.correct for answer in biased) == 2
    assert letter_debiased_accuracy(questions, biased) == 1.0


def test_debiasing_against_a_loop() -> None:
    questions, answers, _ = random_case(3)
    logs = []
    for answer in answers:
        scores = np.array(answer.log_likelihoods)
        logs.append(scores - np.log(np.exp(scores).sum()))
    means = [sum(row[k] for row in logs) / len(logs) for k in range(5)]
    right = 0
    for question, row in zip(questions, logs, strict=True):
        moved = [row[k] - means[k] for k in range(5)]
        right += moved.index(max(moved)) == question.answer
    assert letter_debiased_accuracy(questions, answers) == right / len(questions)


def test_debiasing_ignores_a_constant_on_every_score_of_a_question() -> None:
    questions, answers, _ = random_case(4)
    shifted = [
        Answer(a.question_id, a.pick, a.correct, tuple(x - k for x in a.log_likelihoods or ()))
        for k, a in enumerate(answers)
    ]
    assert letter_debiased_accuracy(questions, shifted) == letter_debiased_accuracy(
        questions, answers
    )


def test_debiasing_with_unlike_numbers_of_options() -> None:
    questions = [Question("1", "?", ("x", "y"), 0), Question("2", "?", ("x", "y", "z"), 2)]
    answers = [Answer("1", 0, True, (0.0, -1.0)), Answer("2", 2, True, (-1.0, -1.0, 0.0))]
    # By hand, in nats: x -0.31 and -1.55, mean -0.93; y -1.31 and -1.55, mean -1.43; z -0.55.
    # Question 1: x +0.62, y +0.12. Question 2: x -0.62, y -0.12, z 0.
    assert letter_debiased_accuracy(questions, answers) == 1.0


def test_debiasing_needs_scores() -> None:
    questions = make_questions([0])
    assert isinstance(letter_debiased_accuracy(questions, make_answers(questions, [0])), Undefined)


def test_no_questions_is_an_error() -> None:
    for function in (chance_accuracy, guess_baseline):
        with pytest.raises(ValueError, match="no questions"):
            function([])
