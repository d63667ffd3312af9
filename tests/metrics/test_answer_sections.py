"""Sections from answers: their values, and intervals against plain resampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from distill_fixtures.metrics import answer_sections, intervals, retention
from distill_fixtures.metrics.accuracy_sections import accuracy_model
from distill_fixtures.metrics.answer_sections import (
    control_pair,
    efficacy_pair,
    fidelity_pair,
    retention_pair,
)
from distill_fixtures.metrics.section import Section
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.records import Answer, Question, Undefined
from tests.metrics.made_up import make_answers, make_questions, random_case

Case = tuple[list[Question], list[Answer], list[Answer]]


def clustered_case(seed: int, copies: int = 4) -> Case:
    """Questions of one source that are answered all alike."""
    questions, teacher, student = random_case(seed, count=60)
    numbers = [number for number in range(60) for _ in range(copies)]
    ids = [f"{number}.{place}" for place, number in enumerate(numbers)]
    return (
        [
            replace(questions[n], id=i, source=f"page {n}")
            for n, i in zip(numbers, ids, strict=True)
        ],
        [replace(teacher[n], question_id=i) for n, i in zip(numbers, ids, strict=True)],
        [replace(student[n], question_id=i) for n, i in zip(numbers, ids, strict=True)],
    )


def resampled(case: Case, value: Callable[..., float], draws: int = 400) -> tuple[float, float]:
    """A plain paired bootstrap over questions."""
    generator = np.random.default_rng(1)
    found = []
    for _ in range(draws):
        picked = generator.integers(len(case[0]), size=len(case[0]))
        found.append(value(*([part[i] for i in picked] for part in case)))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


def test_accuracy_by_hand() -> None:
    questions = make_questions([0, 1, 2, 3])
    section = accuracy_model(questions, make_answers(questions, [0, 1, 0, None]), "generate", 0)
    assert set(section.values) == set(MODEL_SECTIONS["accuracy"])
    assert section.number("accuracy") == 0.5
    assert section.values["correct"] == 2
    assert section.values["unparsed"] == 1
    assert section.pair("ci95") == pytest.approx((0.15, 0.85), abs=0.001)
    assert section.interval("accuracy") == section.pair("ci95")
    assert section.samples == 4
    assert section.reason("brier_score") == "this scoring gives no score for every option"
    assert "brier_score" not in section.intervals


def test_slices_are_plain_records() -> None:
    questions = [replace(q, subdomain="Optics") for q in make_questions([0, 1])]
    section = accuracy_model(questions, make_answers(questions, [0, 0]), "generate", 0)
    optics = section.slices("by_subdomain")["Optics"]
    assert {**optics, "ci95": None} == {"accuracy": 0.5, "correct": 1, "total": 2, "ci95": None}
    assert section.slices("by_question_type") == {}


def test_sources_widen_the_interval_and_leave_ci95() -> None:
    questions, answers, _ = clustered_case(0)
    section = accuracy_model(questions, answers, "cloze", 0)
    alone = [replace(question, source=None) for question in questions]
    independent = accuracy_model(alone, answers, "cloze", 0)
    assert section.pair("ci95") == independent.pair("ci95") == independent.interval("accuracy")
    # Four copies of each question carry a quarter of the information: twice the width.
    ratio = width(section.interval("accuracy")) / width(independent.interval("accuracy"))
    assert ratio == pytest.approx(2.0, rel=0.1)
    for name in ("brier_score", "option_nll_nats"):
        ratio = width(section.interval(name)) / width(independent.interval(name))
        assert ratio == pytest.approx(2.0, rel=0.15), name


def test_what_counts_answers_has_draws() -> None:
    """Jeffreys' posterior of 24 in 40, of shares and of counts."""
    questions = make_questions([0] * 40)
    answers = make_answers(questions, [0] * 24 + [1] * 16)
    draws = accuracy_model(questions, answers, "letter", 0).draws
    for name, scale in (("accuracy", 1), ("correct", 40)):
        wanted = [scale * beta.ppf(share, 24.5, 16.5) for share in (0.05, 0.5, 0.95)]
        found = np.quantile(draws[name], (0.05, 0.5, 0.95))
        assert found == pytest.approx(wanted, abs=0.01 * scale), name
    assert np.median(draws["unparsed"]) < 0.5
    assert "accuracy_norm" not in draws, "letter scoring has no such pick"


def test_sources_widen_draws_too() -> None:
    alone = make_questions([0] * 40)
    shared = [replace(each, source=str(place // 4)) for place, each in enumerate(alone)]
    answers = make_answers(alone, [0] * 24 + [1] * 16)
    spreads = [
        float(accuracy_model(questions, answers, "letter", 0).draws["accuracy"].std())
        for questions in (alone, shared)
    ]
    assert spreads[1] > 1.5 * spreads[0]
    one = [replace(each, source="page") for each in alone]
    assert "accuracy" not in accuracy_model(one, answers, "letter", 0).draws


def test_chance_corrected_draws_are_about_the_value() -> None:
    questions = make_questions([0] * 200)
    teacher = make_answers(questions, [0] * 160 + [1] * 40)
    student = make_answers(questions, [0] * 120 + [1] * 80)
    section = retention_pair(questions, teacher, student, 0)
    drawn = section.draws["chance_corrected_retention_pct"]
    assert np.median(drawn) == pytest.approx(
        section.number("chance_corrected_retention_pct"), abs=1.0
    )
    found = np.quantile(drawn, (0.025, 0.975))
    assert found == pytest.approx(section.interval("chance_corrected_retention_pct"), abs=2.0)


def test_retention_by_hand() -> None:
    questions = make_questions([0] * 40)
    teacher = make_answers(questions, [0] * 32 + [1] * 8)
    student = make_answers(questions, [0] * 24 + [1] * 16)
    section = retention_pair(questions, teacher, student, 0)
    assert set(section.values) == set(PAIR_SECTIONS["retention"])
    assert section.number("knowledge_retention_pct") == pytest.approx(75.0)
    assert section.number("accuracy_retention_pct") == pytest.approx(75.0)
    assert section.number("accuracy_delta") == pytest.approx(0.2)
    assert section.number("accuracy_loss") == pytest.approx(-0.2)
    corrected = 100 * (0.6 - 0.25) / (0.8 - 0.25)
    assert section.number("chance_corrected_retention_pct") == pytest.approx(corrected)
    low, high = section.interval("accuracy_delta")
    assert section.interval("accuracy_loss") == pytest.approx((-high, -low))


def test_retention_intervals_are_those_of_resampling() -> None:
    case = random_case(3, count=300)
    section = retention_pair(*case, 0)

    def kept(questions: object, teacher: list[Answer], student: list[Answer]) -> float:
        return 100 * sum(a.correct for a in student) / sum(a.correct for a in teacher)

    plain = resampled(case, kept)
    assert section.interval("knowledge_retention_pct") == pytest.approx(plain, abs=2.0)
    assert len(section.draws["knowledge_retention_pct"]) == 10_000


def test_a_teacher_that_only_guesses_is_not_judged_by() -> None:
    questions = make_questions([0, 1, 2, 3] * 10)
    guesses = make_answers(questions, [0] * 40)
    section = retention_pair(questions, guesses, guesses, 0)
    assert section.number("knowledge_retention_pct") == 100
    assert "not above the best blind guess" in section.invalid["knowledge_retention_pct"]
    assert section.reason("chance_corrected_retention_pct") == (
        "the teacher's accuracy cannot be told from chance"
    )
    able = retention_pair(questions, make_answers(questions, [0, 1, 2, 3] * 10), guesses, 0)
    assert able.invalid == {}


def test_a_teacher_never_right() -> None:
    questions = make_questions([0] * 10)
    wrong = make_answers(questions, [1] * 10)
    section = retention_pair(questions, wrong, wrong, 0)
    for name in ("knowledge_retention_pct", "accuracy_retention_pct"):
        assert "nothing to retain" in str(section.reason(name))
        assert section.intervals[name] == section.values[name], "no interval of what is not there"
        assert name not in section.draws
    assert section.interval("accuracy_delta")[0] <= 0 <= section.interval("accuracy_delta")[1]


def test_fidelity_of_a_model_to_itself() -> None:
    questions, teacher, _ = random_case(4)
    section = fidelity_pair(questions, teacher, teacher, 0)
    assert set(section.values) == set(PAIR_SECTIONS["fidelity"])
    for name in ("agreement", "agreement_teacher_wrong", "kappa", "mcnemar_p"):
        assert section.number(name) == 1
    for name in ("kl_nats", "kl_nats_median", "js_nats", "negative_flip_rate"):
        assert section.number(name) == pytest.approx(0, abs=1e-15)
        assert section.interval(name)[0] >= 0


def test_fidelity_intervals_are_those_of_resampling() -> None:
    case = random_case(5, count=200)
    section = fidelity_pair(*case, 0)

    def agreed(questions: object, teacher: list[Answer], student: list[Answer]) -> float:
        return float(np.mean([t.pick == s.pick for t, s in zip(teacher, student, strict=True)]))

    plain = resampled(case, agreed)
    assert section.interval("agreement") == pytest.approx(plain, abs=0.012)
    for name, interval in section.intervals.items():
        assert not isinstance(interval, Undefined)
        assert interval[0] <= section.number(name) <= interval[1], name


def test_fidelity_resamples_whole_sources() -> None:
    questions, teacher, student = clustered_case(6)
    together = fidelity_pair(questions, teacher, student, 0)
    alone = fidelity_pair([replace(q, source=None) for q in questions], teacher, student, 0)
    for name in ("agreement", "kappa", "kl_nats", "js_nats", "negative_flip_rate"):
        assert together.values[name] == alone.values[name]
        ratio = width(together.interval(name)) / width(alone.interval(name))
        assert ratio == pytest.approx(2.0, rel=0.2), name


def test_without_scores_there_is_no_divergence() -> None:
    questions = make_questions([0, 1, 2, 3])
    picked = make_answers(questions, [0, 1, 2, 0])
    section = fidelity_pair(questions, picked, picked, 0)
    assert section.reason("kl_nats") == "this scoring gives no score for every option"
    assert "kl_nats" not in section.intervals
    assert section.number("agreement") == 1


def test_control_by_hand() -> None:
    questions = make_questions([0] * 100)
    teacher, student, control = (
        make_answers(questions, [0] * right + [1] * (100 - right)) for right in (90, 70, 50)
    )
    section = control_pair(questions, teacher, student, control, 0)
    assert set(section.values) == set(PAIR_SECTIONS["control"])
    assert section.number("distillation_gain") == pytest.approx(0.5)
    assert section.number("control_difference") == pytest.approx(0.2)
    low, high = section.interval("distillation_gain")
    assert low < 0.5 < high
    none = control_pair(questions, control, student, teacher, 0)
    assert "no gap to close" in str(none.reason("distillation_gain"))
    assert isinstance(none.intervals["distillation_gain"], Undefined)


def test_efficacy_needs_no_retention_section(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(7, count=100)
    corrected = retention_pair(*case, 0).number("chance_corrected_retention_pct") / 100
    kappa = fidelity_pair(*case, 0).number("kappa")

    def refuse(*arguments: object) -> Section:
        raise AssertionError("the whole retention section for one value")

    monkeypatch.setattr(answer_sections, "retention_pair", refuse)
    section = efficacy_pair(*case, 0)
    expected = 2 / (1 / min(1, corrected) + 1 / kappa)
    assert section.number("distillation_efficacy") == pytest.approx(expected)
    low, high = section.interval("distillation_efficacy")
    assert 0 <= low < expected < high <= 1


def test_efficacy_of_always_the_same_letter_is_none() -> None:
    questions = make_questions([0, 1, 2, 3] * 5)
    always = make_answers(questions, [0] * 20)
    section = efficacy_pair(questions, always, always, 0)
    assert section.reason("distillation_efficacy")
    assert section.intervals == {}


def doubtful_teacher() -> Case:
    """Pages of six like answers; the teacher is above chance unless pages are counted."""
    questions = [
        replace(question, source=f"page {n // 6}")
        for n, question in enumerate(make_questions([0, 1, 2, 3] * 15))
    ]
    teacher, student = (
        make_answers(questions, [(n + (n >= right)) % 4 for n in range(60)]) for right in (24, 18)
    )
    return questions, teacher, student


def test_sources_are_counted_wherever_the_teacher_is_looked_at() -> None:
    """Whole pages right or wrong: the value, its interval, judgeability and efficacy agree."""
    questions, teacher, student = doubtful_teacher()
    alone = [replace(question, source=None) for question in questions]
    independent = retention_pair(alone, teacher, student, 0)
    assert independent.number("chance_corrected_retention_pct") == pytest.approx(100 / 3)
    assert independent.invalid == {}
    assert efficacy_pair(alone, teacher, student, 0).reason("distillation_efficacy") is None
    section = retention_pair(questions, teacher, student, 0)
    reason = section.reason("chance_corrected_retention_pct")
    assert reason == "the teacher's accuracy cannot be told from chance"
    assert section.intervals["chance_corrected_retention_pct"] == Undefined(reason)
    assert "not above the best blind guess" in section.invalid["knowledge_retention_pct"]
    efficacy = efficacy_pair(questions, teacher, student, 0)
    assert efficacy.reason("distillation_efficacy") == reason


@pytest.mark.parametrize("seed", range(12))
def test_chance_corrected_retention_and_its_interval_are_there_together(seed: int) -> None:
    generator = np.random.default_rng(seed)
    questions = [
        replace(question, source=f"page {generator.integers(6)}")
        for question in make_questions([0] * 40)
    ]
    share = 0.25 + 0.05 * seed
    teacher = make_answers(questions, [int(x > share) for x in generator.random(40)])
    section = retention_pair(questions, teacher, teacher, 0)
    value = section.values["chance_corrected_retention_pct"]
    interval = section.intervals["chance_corrected_retention_pct"]
    assert isinstance(value, Undefined) == isinstance(interval, Undefined)


def test_the_gain_takes_the_seed_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []
    whole = intervals.paired_interval

    def noted(*flags: object, seed: int, **others: object) -> object:
        seeds.append(seed)
        return whole(*flags, seed=seed, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "paired_interval", noted)
    questions = make_questions([0] * 40)
    teacher, student, control = (
        make_answers(questions, [0] * n + [1] * (40 - n)) for n in (36, 28, 12)
    )
    section = control_pair(questions, teacher, student, control, 7)
    assert section.number("distillation_gain") == pytest.approx(16 / 24)
    assert seeds == [7]


def test_several_option_orders_leave_no_letters_score() -> None:
    questions, answers, _ = random_case(2)
    answers = [replace(answer, shown_picks=(0, 1, 1, 0)) for answer in answers]
    section = accuracy_model(questions, answers, "letter", 0, 8)
    assert "--distill-permutations" in str(section.reason("letter_debiased_accuracy"))
    shares = section.by_key("position_shares")
    assert (shares["A"], shares["B"], sum(shares.values())) == (0.5, 0.5, 1.0)
    one = accuracy_model(questions, answers, "letter", 0, 1)
    assert section.number("accuracy") == one.number("accuracy")


def test_the_seed_decides_the_draws() -> None:
    case = random_case(8)
    first, again, other = (retention_pair(*case, seed) for seed in (0, 0, 1))
    assert first.intervals == again.intervals
    assert first.intervals != other.intervals
    assert first.values == other.values
