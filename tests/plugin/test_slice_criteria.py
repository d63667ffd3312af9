"""Criteria for slices: a wildcard's tests, which slices are judged, and what the JSON says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill_fixtures.judge.criteria import Criterion, Slice
from distill_fixtures.judge.thresholds import read_thresholds
from distill_fixtures.plugin.judging import Judge
from distill_fixtures.plugin.parametrize import criterion_id
from distill_fixtures.plugin.store import SessionStore
from distill_fixtures.records import Answer, Question
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace
from tests.report.made_up_run import MadeUpRun

FAILED, PASSED = 1, 0
OPTIONS = 8

RETENTION = '[criteria.knowledge_retention_pct.subdomain."*"]\ngood = 85\npoor = 70\n'
# Questions, what the teacher gets right of them, and what the student does of those.
FIELDS = {
    "Chemistry": (60, 50, 45),
    "Mathematics": (60, 50, 20),
    "Optics": (50, 40, 26),
    "Spin": (40, 6, 6),
    "Strings": (18, 16, 2),
}


def questions_of(fields: Mapping[str, tuple[int, int, int]]) -> tuple[Question, ...]:
    """Questions with eight options each, the right one always elsewhere."""
    return tuple(
        Question(
            f"{field} {number}",
            f"question {number} of {field}?",
            choices=tuple(f"{number}-{place}" for place in range(OPTIONS)),
            answer=number % OPTIONS,
            subdomain=field,
        )
        for field, (count, _, _) in fields.items()
        for number in range(count)
    )


def answers_of(questions: tuple[Question, ...], right: Mapping[str, int]) -> tuple[Answer, ...]:
    """Answers of which the first of each field are right."""
    told = []
    for question in questions:
        assert question.subdomain is not None
        assert question.answer is not None
        number = int(question.id.rpartition(" ")[2])
        is_right = number < right[question.subdomain]
        pick = question.answer if is_right else (question.answer + 1) % OPTIONS
        scores = tuple(1.0 if place == pick else -1.0 for place in range(OPTIONS))
        told.append(Answer(question.id, pick, is_right, log_likelihoods=scores))
    return tuple(told)


def made_up(fields: Mapping[str, tuple[int, int, int]] = FIELDS) -> MadeUpRun:
    questions = questions_of(fields)
    teacher = answers_of(questions, {name: each[1] for name, each in fields.items()})
    student = answers_of(questions, {name: each[2] for name, each in fields.items()})
    return MadeUpRun(
        scoring="letter",
        control=False,
        question_set=questions,
        told={"teacher": teacher, "student": student},
    )


def store_of(run: MadeUpRun, folder: Path, thresholds: str) -> SessionStore:
    path = folder / "thresholds.toml"
    path.write_text(thresholds, encoding="utf-8")
    store = run.store()
    store.inputs = replace(store.inputs, thresholds=read_thresholds(path))
    return store


def judged(store: SessionStore) -> Judge:
    """A judge that was asked for all."""
    judge = Judge(store, store.inputs.thresholds, ())
    for criterion in judge.criteria:
        judge(criterion)
    return judge


def grades(judge: Judge) -> dict[str, str]:
    return {
        each.criterion.slice.name: each.grade + " ?" * each.borderline
        for each in judge.verdict().criteria
        if each.criterion.slice is not None
    }


def document(store: SessionStore) -> tuple[dict[str, Any], dict[str, Any]]:
    made = made_up().documents_of(store, judged(store))
    assert made.comparison is not None
    return made.metrics, made.comparison


# Which slices are judged.


def test_each_slice_has_its_grade(tmp_path: Path) -> None:
    """Optics is 5 points short, which 50 questions may be by chance; of Spin the teacher knows no
    more than a guesser, and of Strings there are 18 questions."""
    judge = judged(store_of(made_up(), tmp_path, RETENTION))
    assert grades(judge) == {
        "Chemistry": "good",
        "Mathematics": "poor",
        "Optics": "acceptable ?",
        "Spin": "not_applicable",
        "Strings": "not_applicable",
    }
    verdict = judge.verdict()
    assert (verdict.overall, verdict.gate) == ("poor", "fail")
    results = {str(each.criterion.slice): each for each in verdict.criteria}
    assert results["subdomain Strings"].reason == "18 questions; a slice is judged from 30"
    assert results["subdomain Strings"].value == pytest.approx(12.5)
    assert "blind guess" in str(results["subdomain Spin"].reason)
    assert "over 3 slices" in results["subdomain Optics"].message
    assert results["subdomain Optics"].samples == 50


def test_a_small_slice_turns_no_run_red(tmp_path: Path) -> None:
    healthy = {"Chemistry": (60, 50, 48), "Strings": (18, 16, 2)}
    judge = judged(store_of(made_up(healthy), tmp_path, RETENTION))
    assert grades(judge) == {"Chemistry": "good", "Strings": "not_applicable"}
    assert judge.verdict().gate == "pass"


def test_a_slice_that_was_asked_for_by_name_must_be_judged(tmp_path: Path) -> None:
    named = RETENTION + "".join(
        f'[criteria.knowledge_retention_pct.subdomain."{name}"]\ngood = 85\npoor = 70\n'
        for name in ("Strings", "Spin", "Alchemy")
    )
    judge = judged(store_of(made_up(), tmp_path, named))
    found = grades(judge)
    assert {found[name] for name in ("Strings", "Spin", "Alchemy")} == {"not_judged"}
    reasons = {str(each.criterion.slice): each.reason for each in judge.verdict().criteria}
    assert reasons["subdomain Strings"] == "18 questions; a slice is judged from 30"
    assert reasons["subdomain Alchemy"] == "no question has the subdomain 'Alchemy'"
    assert found["Optics"] == "acceptable ?", "what is not judged does not count among the rest"


def test_a_teacher_that_knows_nothing_at_all_is_no_excuse(tmp_path: Path) -> None:
    """Else a gate over slices alone would pass with nothing judged."""
    blind = {"Chemistry": (60, 7, 6), "Optics": (50, 6, 6), "Strings": (18, 2, 2)}
    judge = judged(store_of(made_up(blind), tmp_path, RETENTION))
    assert set(grades(judge).values()) == {"not_judged"}
    assert judge.verdict().gate == "fail"


def test_questions_without_that_kind_of_slice(tmp_path: Path) -> None:
    text = '[criteria.agreement.question_type."*"]\ngood = 0.9\npoor = 0.5\n'
    judge = judged(store_of(made_up(), tmp_path, text))
    (result,) = judge.verdict().criteria
    assert (result.grade, result.reason) == ("not_applicable", "no question has a question_type")
    assert result.criterion.name == "agreement[every question type]"


SLICEABLE = ("accuracy", "agreement", "kappa", "kl_nats", "negative_flip_rate", "brier_score")
RARER = (
    *("correct", "chance_corrected_retention_pct", "performance_efficiency", "efficiency_score"),
    *("distillation_efficacy", "js_nats", "kl_nats_median", "option_nll_nats", "unparsed"),
)


@pytest.mark.parametrize("metric", [*SLICEABLE, *RARER])
def test_every_metric_that_can_be_sliced_has_draws(metric: str, tmp_path: Path) -> None:
    text = f'[criteria.{metric}.subdomain."Chemistry"]\ngood = 0\npoor = 0\n'
    (result,) = judged(store_of(made_up(), tmp_path, text)).verdict().criteria
    assert result.grade in ("good", "acceptable", "poor"), result.message
    assert result.p_value is not None
    assert result.p_value == result.p_value_holm


# One at a time.


def test_a_slice_alone_gets_the_grade_it_gets_among_all(tmp_path: Path) -> None:
    run = made_up()
    whole = judged(store_of(run, tmp_path, RETENTION))
    for criterion in reversed(whole.criteria):
        alone = Judge(store := store_of(run, tmp_path, RETENTION), store.inputs.thresholds, ())
        assert alone(criterion) == whole(criterion)
        others = {each.grade for each in alone.verdict().criteria if each.criterion != criterion}
        assert others == {"not_run"}


def test_other_kinds_and_metrics_are_families_of_their_own(tmp_path: Path) -> None:
    alone = judged(store_of(made_up(), tmp_path, RETENTION))
    more = RETENTION + '[criteria.accuracy.subdomain."*"]\ngood = 0.99\npoor = 0.98\n'
    among = judged(store_of(made_up(), tmp_path, more))
    for criterion in alone.criteria:
        assert among(criterion) == alone(criterion)


# What the JSON says.


def test_the_json_holds_what_the_grades_follow_from(tmp_path: Path) -> None:
    """Values, p-values and grades again, from the raw predictions, by other code."""
    metrics, comparison = document(store_of(made_up(), tmp_path, RETENTION))
    generator = np.random.default_rng(99)
    p_values = {}
    for criterion in metrics["verdict"]["criteria"]:
        name = criterion["slice"].removeprefix("subdomain ")
        some = [each for each in comparison["predictions"] if each["subdomain"] == name]
        assert criterion["samples"] == len(some)
        pairs = [(each["teacher"]["correct"], each["student"]["correct"]) for each in some]
        right_t, right_s = (sum(pair[place] for pair in pairs) for place in (0, 1))
        assert criterion["value"] == pytest.approx(100 * right_s / right_t)
        if criterion["p_value"] is None:
            assert criterion["reason"]
            continue
        cells = [
            pairs.count(each)
            for each in ((True, True), (True, False), (False, True), (False, False))
        ]
        drawn = generator.dirichlet(np.array(cells) + 0.5, size=100_000)
        kept = 100 * (drawn[:, 0] + drawn[:, 2]) / (drawn[:, 0] + drawn[:, 1])
        assert criterion["p_value"] == pytest.approx(np.mean(kept >= 70), abs=0.015)
        p_values[name] = criterion["p_value"]
    ranked = sorted(p_values, key=lambda name: p_values[name])
    holm: dict[str, float] = {}
    for place, name in enumerate(ranked):
        times = (len(ranked) - place) * p_values[name]
        holm[name] = min(1.0, max([times, *holm.values()]))
    for criterion in metrics["verdict"]["criteria"]:
        name = criterion["slice"].removeprefix("subdomain ")
        assert criterion["p_value_holm"] == pytest.approx(holm.get(name))
        if criterion["p_value"] is None:
            continue
        short = criterion["value"] < 70
        poor = short and criterion["p_value_holm"] < 0.05
        assert (criterion["grade"] == "poor") == poor
        assert criterion["borderline"] == (short and not poor)
        assert (criterion["grade"] == "good") == (criterion["value"] > 85)


def test_all_questions_together_have_no_p_value(tmp_path: Path) -> None:
    store = store_of(made_up(), tmp_path, "[criteria.agreement]\ngood = 0.9\npoor = 0.2\n")
    metrics, _ = document(store)
    (criterion,) = metrics["verdict"]["criteria"]
    assert criterion["p_value"] is criterion["p_value_holm"] is criterion["slice"] is None
    assert criterion["grade"] == "acceptable"


# Test ids.


def sliced(name: str) -> Criterion:
    return Criterion("kappa", 0.8, 0.5, Slice("subdomain", name))


def test_ids_are_readable_where_the_name_is() -> None:
    assert criterion_id(sliced("Optics")) == "kappa[subdomain Optics]"
    assert criterion_id(sliced("QFT & Strings, (advanced)")).endswith("Strings, (advanced)]")


ODD = ("a::b", "a__b", "a\nb", "a\tb", "a\0b", "../a", "x" * 500, "x" * 501, "é*", "", "a" * 3, '"')


def test_ids_are_safe_and_differ() -> None:
    ids = [criterion_id(sliced(name)) for name in ODD]
    assert len(set(ids)) == len(ODD)
    for each in ids:
        assert each.isprintable()
        assert len(each) < 150
        assert not set(':*"\\') & set(each)
        assert ".." not in each


# Through pytest.


def write_fields(path: Path, fields: Mapping[str, int]) -> Path:
    records = [
        {
            "id": f"{name} {number}",
            "question": f"What is {number} plus {number}?",
            "choices": [str(2 * number + place) for place in range(OPTIONS)],
            "answer": (3 * number) % OPTIONS,
            "subdomain": name,
        }
        for name, count in fields.items()
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def collected(workspace: Workspace, *arguments: object) -> list[str]:
    outcome = workspace.quick("--collect-only", "-q", "benchmarks/test_criteria.py", *arguments)
    assert outcome.returncode in (PASSED, 5), outcome.output
    assert not outcome.loaded_heavy
    return [line.split("::", 1)[1] for line in outcome.output.splitlines() if "::" in line]


def test_a_wildcard_makes_a_test_for_each_slice(
    workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    workspace.write("thresholds.toml", RETENTION)
    data = write_fields(tmp_path / "fields.jsonl", {"Optics": 3, "a::b": 2, "Spin [1]": 2})
    names = collected(workspace, *tiny.options(data_path=data))
    assert [name.removeprefix("test_criterion[knowledge_retention_pct[") for name in names] == [
        "subdomain Optics]]",
        "subdomain Spin [1]]]",
        names[2].removeprefix("test_criterion[knowledge_retention_pct["),
    ]
    assert "subdomain a__b]~" in names[2]
    limited = collected(workspace, *tiny.options(data_path=data, distill_limit=3))
    assert limited == ["test_criterion[knowledge_retention_pct[subdomain Optics]]"]


def test_questions_that_cannot_be_read_are_an_error_after_collection(
    workspace: Workspace, tiny: Tiny
) -> None:
    workspace.write("thresholds.toml", RETENTION)
    options = tiny.options(data_path="nowhere.jsonl")
    assert collected(workspace, *options) == [
        "test_criterion[knowledge_retention_pct[every subdomain]]"
    ]
    outcome = workspace.quick(*options)
    assert outcome.returncode == 4
    assert "nowhere.jsonl" in outcome.output


def test_one_failing_slice_is_one_failing_test(
    workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    """The tiny models guess; a bound that nobody reaches fails where it is surely missed."""
    workspace.write(
        "thresholds.toml",
        '[criteria.accuracy.subdomain."*"]\ngood = 0.9\npoor = 0.8\n'
        '[criteria.accuracy.subdomain."Optics"]\ngood = 0.9\npoor = 0\n',
    )
    data = write_fields(tmp_path / "fields.jsonl", {"Spin": 35, "Optics": 32, "Strings": 5})
    options = tiny.options(data_path=data)
    outcome = workspace.quick("benchmarks/test_criteria.py", *options, "-rfs")
    assert outcome.returncode == FAILED, outcome.output
    assert "1 failed, 1 passed, 1 skipped" in outcome.output
    assert "FAILED benchmarks/test_criteria.py::test_criterion[accuracy[subdomain Spin]]" in (
        outcome.output
    )
    whole = {each["slice"]: each for each in workspace.document()["verdict"]["criteria"]}
    assert {name: each["grade"] for name, each in whole.items()} == {
        "subdomain Spin": "poor",
        "subdomain Optics": "acceptable",
        "subdomain Strings": "not_applicable",
    }
    alone = "benchmarks/test_criteria.py::test_criterion[accuracy[subdomain Spin]]"
    assert workspace.quick(alone, *options).returncode == FAILED
    parts = {each["slice"]: each for each in workspace.document()["verdict"]["criteria"]}
    assert parts["subdomain Spin"] == whole["subdomain Spin"]
    assert parts["subdomain Optics"]["grade"] == "not_run"
