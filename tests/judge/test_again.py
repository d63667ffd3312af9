"""A run's documents judged again: the same grades by the same thresholds, and right ones by
others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill_fixtures.errors import ResultFileError
from distill_fixtures.judge.again import NEEDS_ANSWERS, UNKNOWN_SLICE, judge_again
from distill_fixtures.judge.same_run import NO_ANSWERS
from distill_fixtures.plugin.export import Documents
from distill_fixtures.records import Undefined
from tests.judge.judged_runs import SLICED, judged_run, records, thresholds_of
from tests.report.made_up_run import ROOT, MadeUpRun

SHIPPED = (ROOT / "thresholds.toml").read_text(encoding="utf-8")

RUNS: dict[str, MadeUpRun] = {
    "plain": MadeUpRun(),
    "letter": MadeUpRun(scoring="letter", permutations=3),
    "written answers": MadeUpRun(scoring="generate"),
    "without control": MadeUpRun(control=False, questions=200),
    "one round": MadeUpRun(rounds=1),
    "a teacher that knows nothing": MadeUpRun(
        skill={"teacher": 0.0, "student": 0.0, "control": 0.0}
    ),
    "few questions": MadeUpRun(questions=40),
    "sizes alone": MadeUpRun(asked=frozenset(("size",)), control=False),
}


def comparison_of(made: Documents) -> Mapping[str, Any] | Undefined:
    return NO_ANSWERS if made.comparison is None else made.comparison


def without_message(record: dict[str, Any]) -> dict[str, Any]:
    """Values and lines about the same: a whole number is a float once it is in the document."""
    return {key: value for key, value in record.items() if key != "message"}


# The same thresholds.


@pytest.mark.parametrize("answers", ["with answers", "without answers"])
@pytest.mark.parametrize("text", [SHIPPED, SLICED], ids=["shipped", "sliced"])
@pytest.mark.parametrize("name", RUNS)
def test_the_same_thresholds_give_the_very_results_of_the_run(
    name: str, text: str, answers: str, tmp_path: Path
) -> None:
    thresholds = thresholds_of(tmp_path, text)
    made = judged_run(RUNS[name], thresholds)
    known = comparison_of(made) if answers == "with answers" else NO_ANSWERS
    again = judge_again(made.metrics, thresholds, known)
    assert records(again.verdict.criteria) == made.metrics["verdict"]["criteria"]
    assert again.verdict.overall == made.metrics["verdict"]["overall"]
    assert again.verdict.gate == made.metrics["verdict"]["gate"]
    assert again.notes == ()


def test_the_runs_are_of_every_grade(tmp_path: Path) -> None:
    """Else the test above would say little."""
    thresholds = thresholds_of(tmp_path, SLICED)
    found = {
        each["grade"]
        for run in RUNS.values()
        for each in judged_run(run, thresholds).metrics["verdict"]["criteria"]
    }
    assert found >= {"good", "acceptable", "poor", "not_judged", "not_applicable"}


def test_what_was_deselected_is_not_run(tmp_path: Path) -> None:
    thresholds = thresholds_of(tmp_path, SLICED)
    made = judged_run(MadeUpRun(), thresholds, unasked=["kappa", "accuracy"])
    again = judge_again(made.metrics, thresholds, comparison_of(made))
    assert records(again.verdict.criteria) == made.metrics["verdict"]["criteria"]
    grades = {each.criterion.metric: each.grade for each in again.verdict.criteria}
    assert grades["kappa"] == grades["accuracy"] == "not_run"


# Other thresholds.

BOUNDS = st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)).map(sorted)


def other_thresholds(draw: Mapping[str, list[float]]) -> str:
    """Bounds around the figures of a made-up run."""
    parts = []
    for metric, (scale, offset, higher) in {
        "knowledge_retention_pct": (30.0, 85.0, True),
        "accuracy": (0.3, 0.6, True),
        "kappa": (0.3, 0.5, True),
        "kl_nats": (1.0, 1.2, False),
        "speed_improvement_pct": (10.0, 75.0, True),
        "performance_efficiency": (2.0, 4.0, True),
        "disk_bytes": (100.0, 250.0, False),
    }.items():
        low, high = (offset + scale * each for each in draw[metric])
        good, poor = (high, low) if higher else (low, high)
        parts.append(f"[criteria.{metric}]\ngood = {good!r}\npoor = {poor!r}\n")
        if metric in ("accuracy", "kappa"):
            parts.append(f'[criteria.{metric}.subdomain."*"]\ngood = {good!r}\npoor = {poor!r}\n')
    return "\n".join(parts)


@pytest.fixture(scope="module")
def shipped_run(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    folder = tmp_path_factory.mktemp("shipped")
    return judged_run(MadeUpRun(), thresholds_of(folder, SHIPPED))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries(
        dict.fromkeys(
            (
                "knowledge_retention_pct",
                "accuracy",
                "kappa",
                "kl_nats",
                "speed_improvement_pct",
                "performance_efficiency",
                "disk_bytes",
            ),
            BOUNDS,
        )
    )
)
def test_other_thresholds_give_what_a_run_by_them_would_have(
    tmp_path_factory: pytest.TempPathFactory,
    shipped_run: Documents,
    bounds: dict[str, list[float]],
) -> None:
    text = other_thresholds(bounds)
    thresholds = thresholds_of(tmp_path_factory.mktemp("other"), text)
    wanted = judged_run(MadeUpRun(), thresholds).metrics["verdict"]
    again = judge_again(shipped_run.metrics, thresholds, comparison_of(shipped_run))
    found = records(again.verdict.criteria)
    assert [without_message(each) for each in found] == [
        without_message(each) for each in wanted["criteria"]
    ]
    assert (again.verdict.overall, again.verdict.gate) == (wanted["overall"], wanted["gate"])
    # Without the answers the same, but for stability and what is told from chance.
    bare = records(judge_again(shipped_run.metrics, thresholds, NO_ANSWERS).verdict.criteria)
    for one, other in zip(bare, found, strict=True):
        if one["slice"] is None:
            assert (one["grade"], one["value"]) == (other["grade"], other["value"])
        else:
            assert one["reason"] == UNKNOWN_SLICE


def test_without_answers_stability_is_said_to_be_lost(
    tmp_path: Path, shipped_run: Documents
) -> None:
    text = "[criteria.knowledge_retention_pct]\ngood = 60\npoor = 50\n"
    again = judge_again(shipped_run.metrics, thresholds_of(tmp_path, text), NO_ANSWERS)
    (result,) = again.verdict.criteria
    assert (result.grade, result.stability) == ("good", None)
    (note,) = again.notes
    assert "stability is not told without the run's comparison_results.json" in note


WILD = '[criteria.accuracy.subdomain."*"]\ngood = 0.9\npoor = 0.6\n'


@pytest.fixture
def sliced(tmp_path: Path) -> Documents:
    return judged_run(MadeUpRun(questions=240), thresholds_of(tmp_path, WILD))


def by_slice(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["slice"]: each for each in found}


def test_a_slice_beyond_other_bounds_needs_no_draws(tmp_path: Path, sliced: Documents) -> None:
    thresholds = thresholds_of(tmp_path, WILD.replace("0.6", "0.1").replace("0.9", "0.2"))
    again = judge_again(sliced.metrics, thresholds, NO_ANSWERS)
    assert {each.grade for each in again.verdict.criteria} == {"good"}
    assert all(each.p_value is None for each in again.verdict.criteria)


def test_a_slice_short_of_other_bounds_is_not_judged_without_answers(
    tmp_path: Path, sliced: Documents
) -> None:
    thresholds = thresholds_of(tmp_path, WILD.replace("0.6", "0.89"))
    short = [each for each in sliced.metrics["verdict"]["criteria"] if each["value"] < 0.89]
    again = judge_again(sliced.metrics, thresholds, NO_ANSWERS)
    unknown = [each for each in again.verdict.criteria if each.reason == NEEDS_ANSWERS]
    assert len(unknown) == len(short) > 0
    assert again.verdict.gate == "fail"
    known = judge_again(sliced.metrics, thresholds, comparison_of(sliced))
    assert "not_judged" not in {each.grade for each in known.verdict.criteria}


def test_another_good_leaves_the_test_against_poor_standing(
    tmp_path: Path, sliced: Documents
) -> None:
    thresholds = thresholds_of(tmp_path, WILD.replace("0.9", "0.7"))
    for known in (NO_ANSWERS, comparison_of(sliced)):
        found = by_slice(records(judge_again(sliced.metrics, thresholds, known).verdict.criteria))
        for name, record in by_slice(sliced.metrics["verdict"]["criteria"]).items():
            assert found[name]["p_value"] == record["p_value"]
            assert found[name]["p_value_holm"] == record["p_value_holm"]


def test_a_slice_left_out_changes_the_correction(tmp_path: Path, sliced: Documents) -> None:
    """Holm's correction is over fewer, so that the run's own p-values do not stand."""
    one = '[criteria.accuracy.subdomain."Optics"]\ngood = 0.9\npoor = 0.6\n'
    thresholds = thresholds_of(tmp_path, one)
    again = judge_again(sliced.metrics, thresholds, comparison_of(sliced))
    (result,) = again.verdict.criteria
    assert result.p_value_holm == result.p_value
    assert again.notes == ()


SMALL = MadeUpRun(questions=60)


def test_a_small_slice_asked_for_by_name_afterwards(tmp_path: Path) -> None:
    made = judged_run(SMALL, thresholds_of(tmp_path, WILD))
    assert {each["grade"] for each in made.metrics["verdict"]["criteria"]} == {"not_applicable"}
    named = thresholds_of(tmp_path, WILD.replace("*", "Optics"))
    for known in (NO_ANSWERS, comparison_of(made)):
        (result,) = judge_again(made.metrics, named, known).verdict.criteria
        assert result.grade == "not_judged"
        assert result.reason == "20 questions; a slice is judged from 30"


def test_a_small_slice_that_is_one_of_many_afterwards(tmp_path: Path) -> None:
    named = thresholds_of(tmp_path, WILD.replace("*", "Optics"))
    made = judged_run(SMALL, named)
    (record,) = made.metrics["verdict"]["criteria"]
    assert record["grade"] == "not_judged"
    again = judge_again(made.metrics, thresholds_of(tmp_path, WILD), comparison_of(made))
    assert {each.grade for each in again.verdict.criteria} == {"not_applicable"}


def test_questions_without_slices(tmp_path: Path) -> None:
    wild = thresholds_of(tmp_path, WILD.replace("subdomain", "question_type"))
    made = judged_run(MadeUpRun(), wild)
    for record in made.metrics["student"]["accuracy"], made.metrics["teacher"]["accuracy"]:
        record["by_question_type"] = {}
    made.metrics["verdict"]["criteria"] = []
    (result,) = judge_again(made.metrics, wild, NO_ANSWERS).verdict.criteria
    assert (result.grade, result.reason) == ("not_applicable", "no question has a question_type")


# What is in the file is not trusted.


def test_a_grade_that_was_edited_is_found_out(shipped_run: Documents, tmp_path: Path) -> None:
    thresholds = thresholds_of(tmp_path, SHIPPED.replace("85.0", "99.0").replace("70.0", "98.0"))
    made = judged_run(MadeUpRun(), thresholds)
    edited = copy.deepcopy(made.metrics)
    retention = edited["verdict"]["criteria"][0]
    assert retention["grade"] == "poor"
    retention["grade"] = "good"
    edited["verdict"] |= {"overall": "good", "gate": "pass"}
    again = judge_again(edited, thresholds, comparison_of(made))
    assert again.verdict.criteria[0].grade == "poor"
    assert again.verdict.gate == "fail"
    (note,) = again.notes
    assert "does not follow from its figures" in note


def test_a_figure_that_nobody_measured_is_not_judged(
    shipped_run: Documents, tmp_path: Path
) -> None:
    made = judged_run(RUNS["sizes alone"], thresholds_of(tmp_path, "[gate]\n"))
    again = judge_again(made.metrics, thresholds_of(tmp_path, SHIPPED), NO_ANSWERS)
    grades = {each.criterion.metric: each.grade for each in again.verdict.criteria}
    assert grades == {
        "knowledge_retention_pct": "not_judged",
        "size_reduction_pct": "good",
        "speed_improvement_pct": "not_judged",
        "performance_efficiency": "not_judged",
    }
    assert again.verdict.gate == "fail"


def test_a_metric_that_the_run_did_not_judge_is_held_to_the_same_rules(tmp_path: Path) -> None:
    """A blind teacher, equal sizes and a noisy machine are told by the document."""
    blind = judged_run(RUNS["a teacher that knows nothing"], thresholds_of(tmp_path, "[gate]\n"))
    document = blind.metrics
    for role in ("teacher", "student"):
        document[role]["size"]["parameters_total"] = 400
    document["environment"]["machine_check"]["problems"] = [
        {
            "key": "steal",
            "severity": "too_noisy",
            "when": "while timing batch size 1",
            "sentence": "the host took the cores",
            "next_step": "go away",
        }
    ]
    again = judge_again(document, thresholds_of(tmp_path, SHIPPED), NO_ANSWERS)
    reasons = {each.criterion.metric: each.reason or "" for each in again.verdict.criteria}
    assert "blind guess" in reasons["knowledge_retention_pct"]
    assert reasons["speed_improvement_pct"] == "the host took the cores"
    assert "same number of parameters" in reasons["performance_efficiency"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("dataset", "scoring"), "divination"),
        (("run", "options", "--distill-seed"), -1),
        (("run", "options", "--distill-seed"), "none"),
        (("run", "options", "--distill-permutations"), True),
    ],
)
def test_a_document_that_does_not_fit_together(
    path: tuple[str, ...], value: object, shipped_run: Documents, tmp_path: Path
) -> None:
    broken = copy.deepcopy(shipped_run.metrics)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ResultFileError, match="do not fit together"):
        judge_again(broken, thresholds_of(tmp_path, SHIPPED), comparison_of(shipped_run))


def test_rounds_that_are_none(shipped_run: Documents, tmp_path: Path) -> None:
    broken = copy.deepcopy(shipped_run.metrics)
    broken["student"]["benchmark"]["samples"][0]["token_times_s"] = []
    text = "[criteria.speedup]\ngood = 2\npoor = 1\n"
    with pytest.raises(ResultFileError, match="do not fit together"):
        judge_again(broken, thresholds_of(tmp_path, text), NO_ANSWERS)
