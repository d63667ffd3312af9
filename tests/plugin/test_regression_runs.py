"""Whole runs against an earlier run: the first, a file, the newest of the history, bad ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.judge.run_figures import figures_of_document
from distill_fixtures.measure.processes.process_looks import LOOKS, ROUNDS_PER_PROCESS
from tests.plugin.tiny_inputs import Tiny, tiny_llama
from tests.plugin.workspace import Outcome, QuickStarter, Workspace
from tests.tiny_models import save

PASSED, FAILED, USAGE_ERROR = 0, 1, 4
COMPARED = ("inference_time_s", "accuracy", "disk_bytes", "peak_memory_bytes")
TIMES = "[regression.inference_time_s]\ntolerance_pct = 5\n"
ANSWERS = "[regression.accuracy]\ntolerance_pct = 5\n[regression.disk_bytes]\ntolerance_pct = 5\n"


OPEN = {
    "metric": "accuracy",
    "baseline": 0.5,
    "current": 0.5,
    "change_pct": 0.0,
    "ci95": [-9.0, 9.0],
    "tolerance_pct": 5.0,
    "verdict": "inconclusive",
    "basis": "made up",
    "differences": [],
    "reason": "the interval holds the tolerance",
    "message": "made up",
}


def changed(document: dict[str, Any], **parts: dict[str, Any]) -> dict[str, Any]:
    """The document with keys of some of its sections replaced."""
    return document | {name: document[name] | keys for name, keys in parts.items()}


def by_metric(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["metric"]: each for each in document["regression"]}


class FirstRun:
    """The first run with ``--distill-baseline auto``, and its document."""

    def __init__(self, workspace: Workspace, tiny: Tiny) -> None:
        self.workspace = workspace
        self.outcome = workspace.run(*tiny.options(), "-m", "regression", "--distill-baseline=auto")
        self.document = workspace.document()
        self.path = workspace.folder / "first.json"
        self.path.write_text(json.dumps(self.document), encoding="utf-8")


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory, quick_starter: QuickStarter, tiny: Tiny
) -> FirstRun:
    folder = tmp_path_factory.mktemp("regression") / "clone"
    return FirstRun(Workspace(folder, quick_starter), tiny)


@pytest.fixture
def against(
    first: FirstRun, workspace: Workspace, tiny: Tiny
) -> Callable[[dict[str, Any]], Outcome]:
    """A run of accuracy and size alone against some document: quick, as no process is timed."""

    def run(baseline: dict[str, Any], *arguments: str, **options: object) -> Outcome:
        path = workspace.write("baseline.json", json.dumps(baseline))
        workspace.write("thresholds.toml", ANSWERS)
        given = tiny.options(**options)
        return workspace.run(*given, "-m", "regression", f"--distill-baseline={path}", *arguments)

    return run


def test_a_first_run_passes_and_says_so(first: FirstRun) -> None:
    assert first.outcome.returncode == PASSED, first.outcome.output
    assert first.document["regression"] is None
    reason = first.document["reasons"]["regression"]
    assert "holds no earlier run: this is the first" in reason
    assert "no baseline: " in first.outcome.output
    assert first.document["run"]["baseline"] is None
    assert first.document["verdict"]["gate"] == "pass"


def test_a_first_run_measures_what_a_later_one_needs(first: FirstRun) -> None:
    timing = first.document["process_timing"]
    assert timing["new_tokens"] == 4
    assert timing["samples"] == 1
    assert len(timing["processes"]) == LOOKS[0]
    for process in timing["processes"]:
        for role in ("teacher", "student"):
            assert 3 <= len(process[role]["seconds"]) <= ROUNDS_PER_PROCESS
            assert len(process[role]["seconds"]) == len(process["teacher"]["ttft_s"])
    figures = figures_of_document(first.document)
    assert isinstance(figures.student_correct, tuple)
    assert len(figures.student_correct) == 40
    assert first.document["student"]["memory"]["peak_memory_bytes"] > 0


def test_the_same_models_do_not_fail(first: FirstRun, tiny: Tiny) -> None:
    workspace = first.workspace
    outcome = workspace.run(*tiny.options(), "-m", "regression", f"--distill-baseline={first.path}")
    assert outcome.returncode == PASSED, outcome.output
    document = workspace.document()
    found = by_metric(document)
    assert tuple(found) == COMPARED
    assert document["run"]["baseline"]["path"] == str(first.path)
    assert found["accuracy"]["verdict"] == found["disk_bytes"]["verdict"] == "pass"
    assert found["accuracy"]["change_pct"] == found["disk_bytes"]["change_pct"] == 0
    time = found["inference_time_s"]
    assert time["verdict"] in ("pass", "inconclusive")
    assert time["ci95"][0] < time["change_pct"] < time["ci95"][1]
    taken = len(document["process_timing"]["processes"])
    assert taken in LOOKS
    assert f"{LOOKS[0]} and {taken} processes" in time["basis"]
    assert "baseline: " in outcome.output


def test_a_slower_student_fails(
    first: FirstRun, tiny: Tiny, workspace: Workspace, tmp_path: Path
) -> None:
    """With eight times the layers it takes so much longer that other work here hides nothing."""
    deep = save(tiny_llama(hidden=96, layers=16, seed=0), tmp_path / "deep")
    workspace.write("thresholds.toml", TIMES + ANSWERS)
    outcome = workspace.run(
        *tiny.options(student_model=deep),
        *("-m", "regression", f"--distill-baseline={first.path}"),
    )
    assert outcome.returncode == FAILED, outcome.output
    document = workspace.document()
    found = by_metric(document)
    assert found["disk_bytes"]["verdict"] == "fail"
    assert found["inference_time_s"]["change_pct"] > 20
    assert document["verdict"]["gate"] == "fail"
    if document["environment"]["machine_check"]["problems"]:
        # Other work on this machine may leave a time undecided, and the run says so.
        assert found["inference_time_s"]["verdict"] in ("fail", "inconclusive")
        return
    assert found["inference_time_s"]["verdict"] == "fail"
    # Settled at once, so that the second look's processes were not timed.
    assert len(document["process_timing"]["processes"]) == LOOKS[0]
    assert "inference_time_s against the baseline: fail" in outcome.output


def test_another_machine_is_named_and_does_not_fail(
    first: FirstRun, tiny: Tiny, workspace: Workspace
) -> None:
    machine = first.document["environment"]["machine"] | {"cpu": "another"}
    elsewhere = changed(first.document, environment={"machine": machine})
    path = workspace.write("baseline.json", json.dumps(elsewhere))
    workspace.write("thresholds.toml", TIMES + ANSWERS)
    outcome = workspace.run(
        *tiny.options(), "-m", "regression", f"--distill-baseline={path}", "-rs"
    )
    assert outcome.returncode == PASSED, outcome.output
    found = by_metric(workspace.document())
    assert found["accuracy"]["verdict"] == found["disk_bytes"]["verdict"] == "pass"
    assert found["inference_time_s"]["verdict"] == "not_comparable"
    (difference,) = found["inference_time_s"]["differences"]
    assert (difference["what"], difference["baseline"]) == ("processor", "another")
    assert "processor: another in the baseline" in outcome.output


def test_other_questions_leave_sizes(
    first: FirstRun, against: Callable[..., Outcome], workspace: Workspace
) -> None:
    outcome = against(first.document, distill_limit=20)
    assert outcome.returncode == PASSED, outcome.output
    found = by_metric(workspace.document())
    assert found["accuracy"]["verdict"] == "not_comparable"
    assert found["accuracy"]["differences"][0]["what"] == "questions"
    assert found["disk_bytes"]["verdict"] == "pass"
    assert workspace.document()["process_timing"] is None


def test_a_student_that_forgot_fails(
    first: FirstRun, against: Callable[..., Outcome], workspace: Workspace
) -> None:
    accuracy = first.document["student"]["accuracy"] | {"correct_by_question": "1" * 40}
    better = changed(first.document, student={"accuracy": accuracy})
    outcome = against(better)
    assert outcome.returncode == FAILED, outcome.output
    found = by_metric(workspace.document())["accuracy"]
    assert found["verdict"] == "fail"
    assert found["ci95"][1] < -5


def test_thresholds_without_tolerances_or_criteria(tiny: Tiny, workspace: Workspace) -> None:
    workspace.write("thresholds.toml", "[gate]\n")
    outcome = workspace.quick(*tiny.options(), "-k", "test_regression or test_criterion")
    assert outcome.returncode == PASSED, outcome.output
    assert "2 skipped" in outcome.output
    assert not (workspace.folder / "metrics").exists()


def test_without_a_baseline_nothing_is_compared(tiny: Tiny, workspace: Workspace) -> None:
    outcome = workspace.quick(*tiny.options(), "-m", "regression", "-rs")
    assert outcome.returncode == PASSED, outcome.output
    assert not outcome.loaded_heavy
    assert "no baseline: give an earlier run with --distill-baseline" in outcome.output
    document = workspace.document()
    assert document["regression"] is None
    assert "--distill-baseline" in document["reasons"]["regression"]
    assert document["run"]["tests_run"] == document["run"]["tests_selected"] == len(COMPARED)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("{", "is no JSON"),
        ('{"schema_version": 1}', "no document of this version"),
        ('{"schema_version": 5}', "no valid document"),
    ],
)
def test_a_baseline_that_cannot_be_used_ends_the_run(
    tiny: Tiny, workspace: Workspace, content: str | None, words: str
) -> None:
    path = workspace.folder / "baseline.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    outcome = workspace.quick(*tiny.options(), f"--distill-baseline={path}")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert words in outcome.output.lower() or words in outcome.output
    for part in ("got:", "wanted:", "next:", str(path)):
        assert part in outcome.output
    assert not (workspace.folder / "metrics").exists()


@pytest.mark.slow
def test_auto_takes_the_newest_complete_and_passing_run(
    tiny: Tiny, workspace: Workspace, tmp_path: Path
) -> None:
    options = (*tiny.options(), "--distill-baseline=auto")
    workspace.write("thresholds.toml", TIMES + ANSWERS)
    outcome = workspace.run(*options)
    assert outcome.returncode == PASSED, outcome.output
    assert workspace.document()["run"]["partial"] is False
    history = workspace.folder / "metrics" / "history"
    (whole,) = history.iterdir()
    # Later ones that will not do: failed, open against a baseline of its own, without processes.
    failed = json.loads(whole.read_text(encoding="utf-8"))
    failed["verdict"]["gate"] = "fail"
    later = {
        "failed": failed,
        "open": failed | {"verdict": failed["verdict"] | {"gate": "pass"}, "regression": [OPEN]},
        "plain": failed | {"verdict": failed["verdict"] | {"gate": "pass"}, "process_timing": None},
        "unreadable": {},
    }
    for name, document in later.items():
        (history / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    assert workspace.run(*options, "-m", "regression").returncode == PASSED
    document = workspace.document()
    assert document["run"]["baseline"]["path"] == str(whole)
    assert document["run"]["partial"] is True
    # Another student has no baseline here.
    other = tiny.options(student_model=tiny.teacher)
    outcome = workspace.run(*other, "--distill-baseline=auto", "-m", "regression")
    assert outcome.returncode == PASSED, outcome.output
    reason = workspace.document()["reasons"]["regression"]
    for words in ("1 partial", "1 failed", "3 of another student"):
        assert words in reason
    assert "1 unreadable or of another version" in reason
