"""Runs that do not measure everything say so, and judge only what was asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace, tree

PASSED, FAILED, INTERRUPTED, USAGE_ERROR, NOTHING_SELECTED = 0, 1, 2, 4, 5
METRICS_FILES = {"distillation_metrics.json", "comparison_results.json", "report.html"}


def grades(document: dict[str, Any]) -> dict[str, str]:
    return {each["metric"]: each["grade"] for each in document["verdict"]["criteria"]}


def written(workspace: Workspace) -> set[str]:
    """Files of the metrics folder outside its history."""
    folder = workspace.folder / "metrics"
    return {path.name for path in folder.iterdir() if path.is_file()} if folder.exists() else set()


# -m


def test_one_family(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert not outcome.loaded_heavy, "sizes come from the files"
    document = workspace.document()
    assert grades(document) == {
        "knowledge_retention_pct": "not_run",
        "size_reduction_pct": "good",
        "speed_improvement_pct": "not_run",
        "performance_efficiency": "not_run",
    }
    assert document["verdict"]["gate"] == "pass"
    assert document["verdict"]["overall"] == "good"
    run = document["run"]
    assert run["partial"] is True
    assert any("deselected" in reason for reason in run["partial_reasons"])
    assert any("accuracy" in reason and "memory" in reason for reason in run["partial_reasons"])
    assert run["tests_run"] == run["tests_selected"] == 4
    assert "partial run: " in outcome.output


def test_what_was_not_measured_is_null_with_its_reason(workspace: Workspace, tiny: Tiny) -> None:
    workspace.quick(*tiny.options(), "-m", "size")
    document = workspace.document()
    assert document["teacher"]["size"]["disk_bytes"] > 0
    for role in ("teacher", "student"):
        assert document[role]["accuracy"]["accuracy"] is None
        assert document["reasons"][f"{role}.accuracy.accuracy"]
        assert document[role]["memory"]["peak_memory_bytes"] is None
        assert document["reasons"][f"{role}.memory.peak_memory_bytes"]
    assert document["distillation"]["speedup"] is None
    assert document["reasons"]["distillation.speedup"]


def test_an_older_comparison_stays_where_nothing_was_answered(
    workspace: Workspace, tiny: Tiny
) -> None:
    workspace.write("metrics/comparison_results.json", "earlier")
    assert workspace.quick(*tiny.options(), "-m", "size").returncode == PASSED
    assert tree(workspace.folder / "metrics")["comparison_results.json"] == b"earlier"
    assert written(workspace) == METRICS_FILES


def test_what_a_run_replaces_is_still_in_the_history(workspace: Workspace, tiny: Tiny) -> None:
    workspace.quick(*tiny.options(), "-m", "size")
    first = workspace.document()
    workspace.quick(*tiny.options(), "-m", "size")
    archived = [
        workspace.read_json(f"metrics/history/{path.name}")
        for path in (workspace.folder / "metrics" / "history").iterdir()
    ]
    assert len(archived) == 2
    assert first in archived
    assert workspace.document() in archived


@pytest.mark.parametrize("selection", [["-m", "size and latency"], ["-k", "nothing_of_that_name"]])
def test_nothing_selected(selection: list[str], workspace: Workspace, tiny: Tiny) -> None:
    before = tree(workspace.folder)
    outcome = workspace.quick(*tiny.options(), *selection)
    assert outcome.returncode == NOTHING_SELECTED, outcome.output
    assert tree(workspace.folder) == before


# Fewer questions


def test_a_limit_marks_the_run(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(distill_limit=5), "-m", "size")
    assert outcome.returncode == PASSED
    document = workspace.document()
    assert document["dataset"]["questions"] == 5
    assert "--distill-limit 5" in document["run"]["partial_reasons"]
    assert document["run"]["options"]["--distill-limit"] == 5


def test_a_limit_that_cuts_nothing_is_no_reason(workspace: Workspace, tiny: Tiny) -> None:
    workspace.quick(*tiny.options(distill_limit=40), "-m", "size")
    document = workspace.document()
    assert document["dataset"]["questions"] == 40
    assert not any("limit" in reason for reason in document["run"]["partial_reasons"])


# Criteria


def test_a_failing_criterion_says_why(workspace: Workspace, tiny: Tiny) -> None:
    """Teacher and student changed places: the student is larger."""
    options = tiny.options(teacher_model=tiny.student, student_model=tiny.teacher)
    outcome = workspace.quick(*options, "-m", "size")
    assert outcome.returncode == FAILED
    document = workspace.document()
    (found,) = (
        each for each in document["verdict"]["criteria"] if each["metric"] == "size_reduction_pct"
    )
    assert found["grade"] == "poor"
    assert found["value"] == document["distillation"]["size_reduction_pct"] < 0
    assert document["verdict"]["gate"] == "fail"
    assert document["verdict"]["overall"] == "poor"
    for line in found["message"].splitlines():
        assert line.strip() in outcome.output
    for word in ("good above 50", "poor below 30", str(tiny.student), str(tiny.teacher)):
        assert word in found["message"]


def test_acceptable_fails_only_where_the_gate_says_so(workspace: Workspace, tiny: Tiny) -> None:
    criterion = "[criteria.size_reduction_pct]\ngood = 99.9\npoor = 1\n"
    workspace.write("thresholds.toml", criterion)
    assert workspace.quick(*tiny.options(), "-m", "size").returncode == PASSED
    assert grades(workspace.document()) == {"size_reduction_pct": "acceptable"}
    gate = '[gate]\nfail_on = ["acceptable", "poor"]\n'
    workspace.write("thresholds.toml", criterion + gate)
    assert workspace.quick(*tiny.options(), "-m", "size").returncode == FAILED
    assert workspace.document()["verdict"]["gate"] == "fail"


# Runs that end early


INTERRUPTING = """
import pytest

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "test_size" not in item.nodeid)

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if "test_size" not in item.nodeid:
        raise KeyboardInterrupt
"""


def test_ctrl_c_keeps_what_was_measured(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write("conftest.py", INTERRUPTING)
    outcome = workspace.quick(*tiny.options())
    assert outcome.returncode == INTERRUPTED, outcome.output
    document = workspace.document()
    run = document["run"]
    assert run["interrupted"] is True
    assert run["partial"] is True
    assert run["tests_run"] == 3 < run["tests_selected"]
    assert f"3 of {run['tests_selected']} selected tests ran" in run["partial_reasons"]
    assert document["teacher"]["size"]["disk_bytes"] > 0
    assert document["distillation"]["size_reduction_pct"] > 50
    assert set(grades(document).values()) == {"not_judged"}, "selected, but not reached"
    assert document["verdict"]["gate"] == "fail"
    assert "interrupted: " in outcome.output


def test_nan_in_the_scores_ends_the_run(workspace: Workspace, tiny: Tiny) -> None:
    options = tiny.options(student_model=tiny.broken)
    outcome = workspace.run(*options, "-m", "size or accuracy or retention")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in ("nan", "got: ", "wanted:", "next: "):
        assert word in outcome.output.lower()
    # The longest questions are scored first, and all of them have as bad scores.
    named = re.search(r"'(q\d+)'", outcome.output)
    assert named is not None, outcome.output
    assert "INTERNALERROR" not in outcome.output
    document = workspace.document()
    for content in tree(workspace.folder / "metrics").values():
        assert b"NaN" not in content
        assert b"Infinity" not in content
    assert document["teacher"]["accuracy"]["total"] == 40
    assert document["student"]["accuracy"]["accuracy"] is None
    assert named[1] in document["reasons"]["student.accuracy.accuracy"]
    assert document["run"]["interrupted"] is True
    assert any(named[1] in reason for reason in document["run"]["partial_reasons"])
    assert document["verdict"]["gate"] == "fail"


def test_a_failing_test_of_the_user_does_not_keep_files_from_being_written(
    workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    workspace.write(
        "own/test_own.py",
        "def test_size(distill_store):\n"
        "    assert distill_store.card('teacher').disk_bytes < 0, 'far too large'\n",
    )
    outcome = workspace.quick(*tiny.options(), "own")
    assert outcome.returncode == FAILED
    assert "far too large" in outcome.output
    document = workspace.document()
    assert document["teacher"]["size"]["disk_bytes"] > 0
    assert document["verdict"]["gate"] == "pass", "no criterion was selected"
    assert document["verdict"]["overall"] == "not_judged"
