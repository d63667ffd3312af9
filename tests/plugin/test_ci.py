"""What a run tells GitHub and JUnit."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.judge.grades import not_judged
from distill_fixtures.plugin.ci import (
    add_summary,
    annotate,
    criterion_properties,
    record_suite,
    regression_properties,
)
from distill_fixtures.plugin.judging import Judge
from distill_fixtures.plugin.regressing import Regression
from distill_fixtures.report.markdown import summary_markdown
from tests.judge.judged_runs import thresholds_of
from tests.judge.test_regression_again import AFTER, compared
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace
from tests.report.made_up_run import ROOT, MadeUpRun

STRICT = "[criteria.size_reduction_pct]\ngood = 99.9\npoor = 99.8\n"
ON_GITHUB = {"GITHUB_ACTIONS": "true"}


def test_the_summary_is_appended(tmp_path: Path) -> None:
    document = MadeUpRun().documents().metrics
    path = tmp_path / "summary.md"
    path.write_text("of an earlier command\n", encoding="utf-8")
    assert add_summary(document, {"GITHUB_STEP_SUMMARY": str(path)}) is None
    wanted = "of an earlier command\n" + summary_markdown(document) + "\n"
    assert path.read_text(encoding="utf-8") == wanted
    assert add_summary(document, {}) is None


def test_a_summary_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    document = MadeUpRun().documents().metrics
    fault = add_summary(document, {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert fault is not None
    assert "could not be written" in fault


def judged(folder: Path, text: str) -> tuple[Judge, Regression]:
    store = MadeUpRun().store()
    store.inputs = replace(store.inputs, thresholds=thresholds_of(folder, text))
    judge = Judge(store, store.inputs.thresholds, ())
    for criterion in judge.criteria:
        judge(criterion)
    return judge, Regression(store, store.inputs.thresholds, rootpath=ROOT, selected=())


def test_a_line_for_each_criterion_that_fails(tmp_path: Path) -> None:
    text = STRICT + "[criteria.accuracy]\ngood = 0.1\npoor = 0.05\n"
    judge, regression = judged(tmp_path, text)
    (line,) = annotate(judge, regression, ON_GITHUB)
    assert line.startswith("::error title=size_reduction_pct::size_reduction_pct is poor: 75.0 %25")
    assert annotate(judge, regression, {}) == []
    holding = judged(tmp_path, "[criteria.accuracy]\ngood = 0.1\npoor = 0.05\n")
    assert annotate(*holding, ON_GITHUB) == []


def test_a_criterion_as_properties(tmp_path: Path) -> None:
    judge, _ = judged(tmp_path, "[criteria.accuracy]\ngood = 0.1\npoor = 0.05\n")
    found = dict(criterion_properties(judge("accuracy")))
    assert found["metric"] == "accuracy"
    assert found["grade"] == "good"
    assert (found["good"], found["poor"], found["samples"]) == (0.1, 0.05, 120)
    assert found["stability"] == 1.0
    assert found["borderline"] is False
    assert found["ci95_low"] < found["value"] < found["ci95_high"]  # type: ignore[operator]
    assert "slice" not in found
    assert "message" not in found


def test_what_there_is_not_is_no_property() -> None:
    found = dict(criterion_properties(not_judged(Criterion("accuracy", 0.5, 0.4), "a worker died")))
    assert found == {
        "metric": "accuracy",
        "good": 0.5,
        "poor": 0.4,
        "grade": "not_judged",
        "borderline": False,
        "reason": "a worker died",
    }


def test_a_comparison_as_properties() -> None:
    found = dict(regression_properties(compared("inference_time_s", 5.0, AFTER["much slower"])))
    assert found["verdict"] == "fail"
    assert found["tolerance_pct"] == 5.0
    assert found["ci95_low"] < found["change_pct"] < found["ci95_high"]  # type: ignore[operator]


def test_the_suites_own_properties() -> None:
    told: dict[str, object] = {}
    record_suite(MadeUpRun().documents().metrics, told.__setitem__)
    assert told["distill_teacher"] == "demo:teacher"
    assert told["distill_gate"] == "pass"
    assert told["distill_questions"] == 120


# Through pytest.

IN_CI = """
import os

os.environ["GITHUB_ACTIONS"] = "true"
os.environ["GITHUB_STEP_SUMMARY"] = "summary.md"
"""


def test_a_run_in_ci(workspace: Workspace, tiny: Tiny) -> None:
    """Sizes alone, so that it takes no time; the criterion fails."""
    workspace.write("conftest.py", IN_CI)
    workspace.write("thresholds.toml", STRICT)
    outcome = workspace.quick(*tiny.options(), "-m", "size", "--junitxml=junit.xml")
    assert outcome.returncode == 1, outcome.output
    assert not outcome.loaded_heavy
    commands = [line for line in outcome.output.splitlines() if line.startswith("::")]
    assert len(commands) == 1, outcome.output
    assert commands[0].startswith("::error title=size_reduction_pct::size_reduction_pct is poor")
    summary = (workspace.folder / "summary.md").read_text(encoding="utf-8")
    assert summary == summary_markdown(workspace.document()) + "\n"

    suite = ET.parse(workspace.folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    told = {each.get("name"): each.get("value") for each in suite.iterfind("properties/property")}
    assert told["distill_gate"] == "fail"
    assert told["distill_student"] == str(tiny.student)
    (case,) = [
        each for each in suite.iterfind("testcase") if "test_criterion" in str(each.get("name"))
    ]
    own = {each.get("name"): each.get("value") for each in case.iterfind("properties/property")}
    (criterion,) = workspace.document()["verdict"]["criteria"]
    assert own["grade"] == "poor"
    assert float(str(own["value"])) == criterion["value"]
    assert case.find("failure") is not None
    others = [each for each in suite.iterfind("testcase") if each is not case]
    assert others
    assert all(each.find("properties") is None for each in others)


def test_a_run_elsewhere_says_none_of_it(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write("thresholds.toml", STRICT)
    outcome = workspace.quick(*tiny.options(), "-m", "size", "-p", "no:junitxml")
    assert outcome.returncode == 1, outcome.output
    assert "::error" not in outcome.output
    assert not (workspace.folder / "summary.md").exists()


def test_verbose_tells_intervals(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(), "-m", "size", "-v")
    assert "95 % interval" in outcome.output
    outcome = workspace.quick(*tiny.options(), "-m", "size", "-q")
    assert "verdict: " in outcome.output
    assert "good/poor" not in outcome.output
