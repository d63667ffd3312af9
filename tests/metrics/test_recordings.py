"""Sections from whatever was recorded so far."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distill_fixtures.metrics.recordings import (
    ModelRecordings,
    Recordings,
    model_section,
    pair_section,
)
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.records import Round, TokenComparison, Undefined
from tests.fakes import make_card
from tests.metrics.made_up import make_round, random_case

UNASKED = "no test that measures it was run"


def recorded() -> Recordings:
    questions, teacher, student = random_case(0, count=30)
    labelled = [
        replace(q, subdomain=("Optics", "Spin")[n % 2], question_type="Numerical")
        for n, q in enumerate(questions)
    ]
    rounds: dict[int, tuple[Round, ...]] = {1: (make_round((0.1, 0.2)),) * 6}
    return Recordings(
        questions=tuple(labelled),
        scoring="cloze",
        seed=0,
        models={
            "teacher": ModelRecordings(make_card(), tuple(teacher), rounds=rounds),
            "student": ModelRecordings(make_card(), tuple(student), rounds=rounds),
        },
    )


NOTHING = Recordings(
    questions=recorded().questions,
    scoring="cloze",
    seed=0,
    models={"teacher": ModelRecordings(), "student": ModelRecordings()},
)


@pytest.mark.parametrize("name", MODEL_SECTIONS)
def test_nothing_recorded_of_a_model(name: str) -> None:
    section = model_section(NOTHING, "teacher", name)
    assert section.values == dict.fromkeys(MODEL_SECTIONS[name], Undefined(UNASKED))


@pytest.mark.parametrize("name", PAIR_SECTIONS)
def test_nothing_recorded_of_the_pair(name: str) -> None:
    section = pair_section(NOTHING, name)
    assert set(section.values) == set(PAIR_SECTIONS[name])
    for value in section.values.values():
        assert isinstance(value, Undefined)
        assert value.reason


@pytest.mark.parametrize(
    "name", [name for name in MODEL_SECTIONS if name not in ("load", "memory")]
)
def test_a_models_sections_are_whole(name: str) -> None:
    assert set(model_section(recorded(), "student", name).values) == set(MODEL_SECTIONS[name])


def test_one_model_missing_says_why() -> None:
    known = recorded()
    dead = Undefined("the worker ended without a result")
    models = {**known.models, "student": replace(known.models["student"], answers=dead)}
    section = pair_section(replace(known, models=models), "retention")
    assert {section.reason(name) for name in section.values} == {dead.reason}
    assert pair_section(known, "retention").number("accuracy_delta") > -1


def test_no_control() -> None:
    section = pair_section(recorded(), "control")
    assert section.reason("distillation_gain") == "there is no control model"


def test_a_control_is_compared() -> None:
    known = recorded()
    models = {**known.models, "control": known.models["student"]}
    section = pair_section(replace(known, models=models), "control")
    assert section.number("control_difference") == 0


def test_tokens() -> None:
    tokens = TokenComparison(Undefined("other tokenizers"), {"teacher": 1.0, "student": 2.0})
    section = pair_section(replace(recorded(), tokens=tokens), "tokens")
    assert section.reason("token_kl_nats") == "other tokenizers"
    assert section.by_key("bits_per_byte") == {"teacher": 1.0, "student": 2.0}


def test_efficiency_takes_the_answers_accuracy() -> None:
    known = recorded()
    accuracy = model_section(known, "student", "accuracy").number("accuracy")
    per_million = pair_section(known, "efficiency").by_key("performance_per_million_params")
    assert per_million["student"] == pytest.approx(accuracy / (400 / 1e6))


def test_a_slice_is_the_same_run_on_fewer_questions() -> None:
    known = recorded()
    part = known.slice("subdomain", "Optics")
    assert [q.subdomain for q in part.questions] == ["Optics"] * 15
    whole = model_section(known, "student", "accuracy").slices("by_subdomain")["Optics"]
    section = model_section(part, "student", "accuracy")
    assert section.number("accuracy") == whole["accuracy"]
    assert section.samples == 15
    assert model_section(part, "student", "latency").values == (
        model_section(known, "student", "latency").values
    )
    assert known.slice("subdomain", "no such").questions == ()


def test_batch_sizes_that_were_not_timed() -> None:
    student = recorded().models["student"]
    assert student.rounds_of(8) == Undefined(UNASKED)
    assert len(student.rounds_of(1)) == 6  # type: ignore[arg-type]
    assert list(student.timed) == [1]  # type: ignore[arg-type]
    slow = replace(student, rounds={}, rounds_missing=Undefined("the run was interrupted"))
    assert slow.timed == Undefined("the run was interrupted")
    dead = replace(student, rounds={1: Undefined("a fault"), 8: student.rounds[1]})
    assert list(dead.timed) == [8]  # type: ignore[arg-type]
    assert replace(dead, rounds={1: Undefined("a fault")}).timed == Undefined("a fault")
    known = replace(recorded(), models={"teacher": student, "student": slow})
    assert model_section(known, "student", "throughput").reason("throughput_samples_per_s") == (
        "the run was interrupted"
    )
    assert pair_section(known, "latency").reason("speedup") == "the run was interrupted"


def test_throughput_is_of_the_batch_sizes_asked_for() -> None:
    known = replace(recorded(), batch_sizes=(1, 8))
    rates = model_section(known, "student", "throughput").values["throughput_samples_per_s"]
    assert list(rates) == ["1", "8"]
    assert rates["8"] == Undefined(UNASKED)
    gains = pair_section(known, "throughput").values["throughput_gain"]
    assert gains == {"1": 1.0, "8": Undefined(UNASKED)}
    other = replace(known, batch_sizes=(8,))
    assert model_section(other, "student", "throughput").reason("throughput_samples_per_s")


def test_option_orders_reach_the_accuracy() -> None:
    section = model_section(replace(recorded(), permutations=4), "student", "accuracy")
    assert "--distill-permutations" in str(section.reason("letter_debiased_accuracy"))
