"""What must never cost a user the results of a run, earlier or present."""

from __future__ import annotations

import json

import pytest

from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace, tree

PASSED, FAILED, INTERRUPTED, USAGE_ERROR = 0, 1, 2, 4


@pytest.fixture
def with_earlier_results(workspace: Workspace) -> Workspace:
    workspace.write("metrics/distillation_metrics.json", "earlier")
    workspace.write("metrics/comparison_results.json", "earlier")
    return workspace


@pytest.mark.parametrize(
    "option", ["--fixtures", "--fixtures-per-test", "--setup-plan", "--collect-only"]
)
def test_looking_writes_nothing(option: str, with_earlier_results: Workspace, tiny: Tiny) -> None:
    before = tree(with_earlier_results.folder / "metrics")
    outcome = with_earlier_results.quick(*tiny.options(), option)
    assert outcome.returncode == PASSED, outcome.output
    assert tree(with_earlier_results.folder / "metrics") == before


def test_an_error_of_collection_writes_nothing(with_earlier_results: Workspace, tiny: Tiny) -> None:
    with_earlier_results.write("own/test_broken.py", "import nothing_of_that_name\n")
    before = tree(with_earlier_results.folder / "metrics")
    outcome = with_earlier_results.quick(*tiny.options(), "own", "benchmarks")
    assert outcome.returncode == INTERRUPTED, outcome.output
    assert tree(with_earlier_results.folder / "metrics") == before


def test_warnings_as_errors_do_not_stop_an_odd_question_set(
    workspace: Workspace, tiny: Tiny
) -> None:
    line = {"id": "q", "question": "?", "choices": ["x", "x", "y"], "answer": 2}
    odd = workspace.write("odd.jsonl", json.dumps(line) + "\n")
    outcome = workspace.quick(*tiny.options(), f"--data-path={odd}", "-m", "size", "-W", "error")
    assert outcome.returncode == PASSED, outcome.output
    (sentence,) = workspace.document()["dataset"]["warnings"]
    assert outcome.output.count(sentence) == 1


WRONG_HOOKS = {
    "a key in the wrong place": 'document["size"]["own"] = 1',
    "a key in a section": 'document["run"]["own"] = 1',
    "a value that is no JSON": 'document["own"] = object()',
    "not a number": 'document["own"] = float("nan")',
    "a key taken away": 'del document["verdict"]',
}


@pytest.mark.parametrize("change", WRONG_HOOKS.values(), ids=WRONG_HOOKS.keys())
def test_a_faulty_hook_costs_its_own_changes_alone(
    change: str, workspace: Workspace, tiny: Tiny
) -> None:
    hook = f"def pytest_distill_document(config, document):\n    {change}\n"
    workspace.write("conftest.py", hook)
    outcome = workspace.quick(*tiny.options(), "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for part in ("pytest_distill_document", "got:", "wanted:", "next:"):
        assert part in outcome.output
    document = workspace.document()
    assert "own" not in document
    assert "own" not in document["run"]
    assert document["verdict"]["gate"] == "pass"


def test_skipped_criteria_were_not_asked_for(workspace: Workspace, tiny: Tiny) -> None:
    """pytest-benchmark's --benchmark-only skips every test that is no benchmark."""
    outcome = workspace.quick(*tiny.options(), "--benchmark-only", "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    verdict = workspace.document()["verdict"]
    by_metric = {each["metric"]: each for each in verdict["criteria"]}
    assert by_metric["size_reduction_pct"]["grade"] == "not_run"
    assert "skipped" in by_metric["size_reduction_pct"]["reason"]
    assert verdict["gate"] == "pass"


def test_a_fault_in_drawing_costs_the_page_alone(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write(
        "conftest.py",
        "from distill_fixtures.report.html import page\n\n"
        "def fail(*arguments):\n    raise RuntimeError('no such colour')\n\n"
        "page.draw = fail\n",
    )
    outcome = workspace.quick(*tiny.options(), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert workspace.document()["verdict"]["gate"] == "pass"
    assert not (workspace.folder / "metrics" / "report.html").exists()
    for part in ("could not be drawn", "RuntimeError: no such colour", "distill-bench report"):
        assert part in outcome.output
