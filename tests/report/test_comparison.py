"""comparison_results.json."""

from __future__ import annotations

import pytest

from distill_fixtures.records import Answer, Question, Role
from distill_fixtures.report.comparison import Comparison, compare_answers

QUESTIONS = (
    Question("1", "?", choices=("x", "y", "x"), answer=0, subdomain="Optics", source="p1"),
    Question("2", "?", choices=("u", "vv"), answer=1),
)
TEACHER = (
    Answer("1", 0, True, log_likelihoods=(0.0, 0.0, 0.0)),
    Answer("2", 1, True, log_likelihoods=(-1.0, 0.0), truncated=True),
)
STUDENT = (
    Answer("1", 2, True, log_likelihoods=(0.0, 0.0, 1.0)),
    Answer("2", 0, False, log_likelihoods=(0.0, -1.0)),
)


def compared(**more: tuple[Answer, ...]) -> Comparison:
    answers: dict[Role, tuple[Answer, ...]] = {"teacher": TEACHER, "student": STUDENT, **more}  # type: ignore[dict-item]
    return compare_answers(QUESTIONS, answers, schema_version=5, partial=False, interrupted=False)


def test_copies_of_the_right_option_agree() -> None:
    first, second = compared().predictions
    assert first.agree
    assert not second.agree
    assert first.options is not None
    assert first.options.same_as == [0, 1, 0]
    assert second.options is not None
    assert second.options.characters == [1, 2]
    assert first.source == "p1"


def test_probabilities_of_copies_are_merged() -> None:
    assert compared().predictions[0].teacher["probabilities"] == pytest.approx(
        [2 / 3, 1 / 3, 2 / 3]
    )


def test_a_key_is_there_only_where_the_scoring_gives_it() -> None:
    first, second = compared().predictions
    assert set(first.teacher) == {"answer", "correct", "log_likelihoods", "probabilities"}
    assert second.teacher["truncated"] is True
    assert (
        compared().model_dump(mode="json")["predictions"][0]["teacher"].keys()
        == first.teacher.keys()
    )


def test_the_summary() -> None:
    summary = compared().summary
    assert summary.exact_match_rate == 0.5
    assert summary.exact_match_vs_reference == {"teacher": 1.0, "student": 0.5}
    assert summary.consistency.both_right == summary.consistency.teacher_only_right == 1
    assert [*summary.by_subdomain] == ["Optics"]
    assert summary.by_subdomain["Optics"].questions == 1
    assert summary.by_subdomain["Optics"].exact_match_rate == 1.0


def test_the_control_stands_beside_them() -> None:
    without = compared()
    assert without.predictions[0].control is None
    assert without.reasons["predictions.control"] == "no control model answered"
    beside = compared(control=STUDENT)
    assert beside.predictions[0].control == beside.predictions[0].student
    assert "predictions.control" not in beside.reasons
    assert beside.summary.exact_match_vs_reference["control"] == 0.5


def test_answers_to_other_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="not those to the 2 questions"):
        compared(student=STUDENT[::-1])
