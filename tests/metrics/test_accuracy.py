from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from distill_fixtures.catalog import CATALOG
from distill_fixtures.metrics.accuracy import (
    AccuracySummary,
    accuracy_by,
    accuracy_interval,
    accuracy_norm,
    accuracy_pmi,
    count_accuracy,
    summarize_accuracy,
)
from distill_fixtures.metrics.intervals import wilson
from distill_fixtures.records import Answer, Undefined
from tests.metrics.made_up import make_answers, make_questions, random_case


def test_counts_by_hand() -> None:
    questions = make_questions([0, 1, 2, 3])
    counted = count_accuracy(make_answers(questions, [0, 1, 0, None]))
    assert (counted.accuracy, counted.correct, counted.total) == (0.5, 2, 4)
    assert counted.ci95 == wilson(2, 4)


def test_slices_count_labelled_questions_only() -> None:
    labels = ["Optics", "Optics", None, "Nuclear"]
    questions = [
        replace(q, subdomain=label)
        for q, label in zip(make_questions([0, 0, 0, 0]), labels, strict=True)
    ]
    answers = make_answers(questions, [0, 1, 0, 0])
    slices = accuracy_by("subdomain", questions, answers)
    assert list(slices) == ["Nuclear", "Optics"]
    assert (slices["Optics"].correct, slices["Optics"].total) == (1, 2)
    assert slices["Optics"].ci95 == wilson(1, 2)
    summary = summarize_accuracy(questions, answers, "cloze")
    assert summary.total == 4
    assert summary.by_subdomain == slices
    assert summary.by_question_type == {}


def test_every_field_is_a_metric() -> None:
    for field in fields(AccuracySummary):
        assert CATALOG[field.name].family == "accuracy"


def test_summary_of_scored_answers() -> None:
    questions, answers, _ = random_case(0)
    summary = summarize_accuracy(questions, answers, "letter")
    assert summary.accuracy == sum(a.correct for a in answers) / len(answers)
    assert summary.ci95 == wilson(summary.correct, summary.total)
    assert isinstance(summary.position_shares, dict)
    assert sum(summary.position_shares.values()) == pytest.approx(1)
    assert isinstance(summary.letter_debiased_accuracy, float)
    assert isinstance(summary.overconfidence, float)
    assert isinstance(summary.accuracy_norm, Undefined)
    cloze = summarize_accuracy(questions, answers, "cloze")
    assert isinstance(cloze.letter_debiased_accuracy, Undefined)


def test_generated_answers_are_counted_and_not_calibrated() -> None:
    questions = make_questions([0, 1])
    answers = [
        Answer("0", None, False, text="hm", truncated=True),
        Answer("1", 1, True, text="(B)"),
    ]
    summary = summarize_accuracy(questions, answers, "generate")
    assert (summary.unparsed, summary.truncated, summary.correct) == (1, 1, 1)
    assert isinstance(summary.brier_score, Undefined)
    assert isinstance(summary.expected_calibration_error, Undefined)


def test_accuracy_norm() -> None:
    answers = [
        Answer("0", 0, True, pick_norm=1, correct_norm=False),
        Answer("1", 0, False, pick_norm=1, correct_norm=True),
    ]
    assert accuracy_norm(answers) == 0.5
    assert isinstance(accuracy_norm([Answer("0", 0, True)]), Undefined)
    with pytest.raises(ValueError, match="only 1 of 2"):
        accuracy_norm([answers[0], Answer("1", 0, True)])


def test_accuracy_pmi() -> None:
    answers = [
        Answer("0", 0, True, pick_pmi=1, correct_pmi=False),
        Answer("1", 0, False, pick_pmi=1, correct_pmi=True),
    ]
    assert accuracy_pmi(answers) == 0.5
    assert "--distill-cloze-pmi" in str(accuracy_pmi([Answer("0", 0, True)]))
    assert "cloze" in str(accuracy_pmi([Answer("0", 0, True)], "letter"))
    with pytest.raises(ValueError, match="only 1 of 2"):
        accuracy_pmi([answers[0], Answer("1", 0, True)])


def test_shared_sources_widen_the_interval() -> None:
    answers = [Answer(str(k), 0, k % 20 < 10) for k in range(100)]
    clusters = np.arange(100) // 10
    alone = accuracy_interval(answers, None)
    shared = accuracy_interval(answers, clusters)
    assert alone == wilson(50, 100)
    assert isinstance(alone, tuple)
    assert isinstance(shared, tuple)
    assert shared[0] < alone[0] < alone[1] < shared[1]
    assert isinstance(accuracy_interval(answers, np.zeros(100, dtype=np.intp)), Undefined)


def test_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no answers"):
        count_accuracy([])
    with pytest.raises(ValueError, match="no questions"):
        summarize_accuracy([], [], "cloze")
