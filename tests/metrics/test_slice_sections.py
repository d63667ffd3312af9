"""How much the student differs, slice by slice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import beta

from distill_fixtures.metrics.answer_sections import retention_pair
from distill_fixtures.metrics.clusters import ONE_CLUSTER
from distill_fixtures.metrics.sections import PAIR_SECTIONS
from distill_fixtures.metrics.slice_sections import MOST_INTERVALS, slices_pair
from distill_fixtures.records import Answer, Question, Undefined
from tests.metrics.made_up import random_case

BY_SUBDOMAIN = "accuracy_loss_by_subdomain"


def answers(questions: list[Question], right: str) -> list[Answer]:
    """One a question, right where there is a 1."""
    return [Answer(q.id, "x", each == "1") for q, each in zip(questions, right, strict=True)]


def labelled(*subdomains: str | None) -> list[Question]:
    return [Question(f"q{n}", "?", subdomain=each) for n, each in enumerate(subdomains)]


def test_by_hand() -> None:
    questions = labelled("Spin", "Optics", None, "Optics", "Spin", "Optics")
    section = slices_pair(questions, answers(questions, "110111"), answers(questions, "111010"), 0)
    assert set(section.values) == set(PAIR_SECTIONS["slices"])
    assert section.samples == 6
    found = section.slices(BY_SUBDOMAIN)
    assert list(found) == ["Optics", "Spin"]
    assert found["Optics"]["accuracy_loss"] == pytest.approx(-2 / 3)
    assert found["Optics"]["total"] == 3
    assert found["Spin"]["accuracy_loss"] == 0
    low, high = found["Optics"]["ci95"]
    assert -1 < low < -2 / 3 < high < 1
    assert section.slices("accuracy_loss_by_question_type") == {}


def test_each_slice_is_a_run_of_its_questions_alone() -> None:
    questions, teacher, student = random_case(3, count=90)
    kinds = ("Conceptual", "Numerical", None)
    questions = [
        replace(q, question_type=kinds[n % 3], source=f"page {n // 4}")
        for n, q in enumerate(questions)
    ]
    found = slices_pair(questions, teacher, student, 7).slices("accuracy_loss_by_question_type")
    assert list(found) == ["Conceptual", "Numerical"]
    for place, name in enumerate(found):
        alone = retention_pair(questions[place::3], teacher[place::3], student[place::3], 7)
        assert found[name]["accuracy_loss"] == alone.number("accuracy_loss")
        assert found[name]["ci95"] == alone.interval("accuracy_loss")


def test_the_interval_where_only_losses_are_possible() -> None:
    """Against a teacher that is always right it is, nearly, Jeffreys' interval of a share."""
    questions = labelled(*["Optics"] * 40)
    teacher, student = answers(questions, "1" * 40), answers(questions, "1" * 30 + "0" * 10)
    found = slices_pair(questions, teacher, student, 0).slices(BY_SUBDOMAIN)["Optics"]
    wanted = [-float(beta.ppf(p, 10.5, 30.5)) for p in (0.975, 0.025)]
    assert found["ci95"] == pytest.approx(wanted, abs=0.03)


def test_swapping_the_models_turns_the_sign() -> None:
    questions, teacher, student = random_case(5, count=200)
    questions = [replace(q, subdomain="Optics") for q in questions]
    one, other = (
        slices_pair(questions, *pair, 0).slices(BY_SUBDOMAIN)["Optics"]
        for pair in ((teacher, student), (student, teacher))
    )
    assert one["accuracy_loss"] == pytest.approx(-other["accuracy_loss"])
    assert one["ci95"][0] == pytest.approx(-other["ci95"][1], abs=0.01)


def test_one_source_has_no_interval_and_one_question_a_wide_one() -> None:
    questions = labelled("Optics", "Optics", "Spin")
    questions = [replace(q, source="page" if q.subdomain == "Optics" else None) for q in questions]
    found = slices_pair(questions, answers(questions, "111"), answers(questions, "101"), 0)
    assert found.slices(BY_SUBDOMAIN)["Optics"]["ci95"] == ONE_CLUSTER
    low, high = found.slices(BY_SUBDOMAIN)["Spin"]["ci95"]
    assert low < -0.5
    assert high > 0.5


def test_no_more_intervals_than_are_affordable() -> None:
    names = [f"{n:04}" for n in range(MOST_INTERVALS + 2)]
    questions = labelled(*names)
    teacher = answers(questions, "1" * len(names))
    student = answers(questions, "01" + "0" * MOST_INTERVALS)
    found = slices_pair(questions, teacher, student, 0).slices(BY_SUBDOMAIN)
    without = [name for name in names if isinstance(found[name]["ci95"], Undefined)]
    assert without == ["0001", names[-1]]
    assert "200 slices with the largest losses" in found["0001"]["ci95"].reason
