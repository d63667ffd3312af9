"""Several students, where something outside the models goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.test_several_students import (
    FAILED,
    INTERRUPTED,
    PASSED,
    board_of,
    names,
    options,
    students_file,
)
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace

SIZES = ("-m", "size")


@pytest.fixture
def two(workspace: Workspace, tiny: Tiny) -> list[str]:
    """Options of a run of two students that takes no model."""
    return options(tiny, students_file(workspace, a=tiny.student, b=tiny.student))


def statuses(workspace: Workspace) -> dict[str, str]:
    return {run["name"]: run["status"] for run in board_of(workspace)["runs"]}


def test_a_folder_that_takes_no_files_is_found_before(workspace: Workspace, two: list[str]) -> None:
    workspace.write("metrics/b", "a file of the user's")
    outcome = workspace.quick(*two, *SIZES)
    assert outcome.returncode == FAILED, outcome.output
    assert "student b is left out: the folder of student b cannot be written" in outcome.output
    board = board_of(workspace)
    assert names(board) == {"a"}
    assert [each["status"] for each in board["not_measured"]] == ["failed"]


NO_PAGES = """
def pytest_collection_finish(session):
    from distill_fixtures.report.html import page

    def draw_report(*documents):
        raise RuntimeError("no ink")

    page.draw_report = draw_report
"""


def test_a_students_page_that_cannot_be_drawn_is_told(workspace: Workspace, two: list[str]) -> None:
    workspace.write("conftest.py", NO_PAGES)
    outcome = workspace.quick(*two, *SIZES)
    assert outcome.returncode == PASSED, outcome.output
    assert outcome.output.count("report.html and its plots could not be drawn") == 2
    assert "RuntimeError: no ink" in outcome.output


CRASHING = """
import pathlib

def pytest_collection_finish(session):
    from distill_fixtures.plugin.judging import Judge

    judge = Judge.__call__

    def crash(self, asked):
        if pathlib.Path("crash").exists():
            raise RuntimeError("not of this package")
        return judge(self, asked)

    Judge.__call__ = crash
"""


def test_a_criterion_that_crashed_is_measured_again(workspace: Workspace, two: list[str]) -> None:
    """Its verdict does not tell of it, so that a note that all is done would hide it."""
    workspace.write("conftest.py", CRASHING)
    crash = workspace.write("crash", "")
    outcome = workspace.quick(*two, "-k", "size_reduction_pct")
    assert outcome.returncode == FAILED, outcome.output
    crash.unlink()
    outcome = workspace.quick(*two, "-k", "size_reduction_pct", "--distill-resume")
    assert outcome.returncode == PASSED, outcome.output
    assert set(statuses(workspace).values()) == {"measured"}


def test_another_baseline_is_compared_with_again(
    workspace: Workspace, two: list[str], tiny: Tiny
) -> None:
    workspace.write("thresholds.toml", "[regression.disk_bytes]\ntolerance_pct = 5\n")
    assert workspace.quick(*tiny.options(metrics_dir="before"), *SIZES).returncode == PASSED
    before = workspace.folder / "before" / "distillation_metrics.json"
    compared = (*two, "-m", "regression", f"--distill-baseline={before}")
    assert workspace.quick(*compared).returncode == PASSED
    assert workspace.quick(*compared, "--distill-resume").returncode == PASSED
    assert statuses(workspace) == {"a": "kept", "b": "kept"}
    document = json.loads(before.read_text(encoding="utf-8"))
    document["student"]["size"]["disk_bytes"] //= 2
    before.write_text(json.dumps(document), encoding="utf-8")
    outcome = workspace.quick(*compared, "--distill-resume")
    assert outcome.returncode == FAILED, outcome.output
    assert statuses(workspace) == {"a": "measured", "b": "measured"}


STOPPED = """
import pathlib
import pytest

def pytest_collection_finish(session):
    from distill_fixtures.plugin.measuring import Measuring

    def process_timing(self, settled):
        pathlib.Path("timed").touch()
        raise AssertionError("timed after the end")

    Measuring.process_timing = process_timing

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    raise KeyboardInterrupt
"""


@pytest.mark.parametrize("many", [False, True])
def test_an_interrupted_run_times_nothing_for_its_document(
    many: bool, workspace: Workspace, two: list[str], tiny: Tiny
) -> None:
    workspace.write("conftest.py", STOPPED)
    given = two if many else tiny.options()
    outcome = workspace.quick(*given, "-m", "regression", "--distill-baseline=auto")
    assert outcome.returncode == INTERRUPTED, outcome.output
    assert not (workspace.folder / "timed").exists()
    document = workspace.document("metrics/a" if many else "metrics")
    assert document["run"]["interrupted"] is True
    verdicts = {each["verdict"] for each in document["regression"]}
    assert verdicts == {"not_judged"}
    assert document["verdict"]["gate"] == "fail"


def test_a_note_that_tells_nothing_is_none(workspace: Workspace, two: list[str]) -> None:
    assert workspace.quick(*two, *SIZES).returncode == PASSED
    for note in (b"null", b"{", b'{"key": null}', b"\xff", b"[" * 100_000):
        (Path(workspace.folder) / "metrics" / "a" / "finished.json").write_bytes(note)
        assert workspace.quick(*two, *SIZES, "--distill-resume").returncode == PASSED
        assert statuses(workspace) == {"a": "measured", "b": "kept"}
