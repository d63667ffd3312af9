"""``--distill-wait-for-training``: everything else is checked first, then the run is waited for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import HEAVY, Workspace, tree

PASSED, USAGE_ERROR = 0, 4
GONE = 2**22 + 1
"""Beyond the highest number that Linux gives a process."""


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    folder = tmp_path / "unfinished"
    folder.mkdir()
    return folder


@pytest.fixture
def finished(tmp_path: Path, tiny: Tiny) -> Path:
    """A run with two checkpoints, of which the first is the best."""
    folder = tmp_path / "finished"
    for step in (10, 20):
        shutil.copytree(tiny.student, folder / f"checkpoint-{step}")
        state = {"global_step": step, "max_steps": 20, "best_model_checkpoint": "x/checkpoint-10"}
        text = json.dumps(state | {"log_history": [{"loss": 1.5}]})
        (folder / f"checkpoint-{step}" / "trainer_state.json").write_text(text, encoding="utf-8")
    return folder


def options(tiny: Tiny, folder: Path, **changed: object) -> list[str]:
    waiting: dict[str, object] = {"student_model": None, "distill_wait_for_training": folder}
    return tiny.options(**(waiting | changed))


def test_the_runs_model_is_the_student(workspace: Workspace, tiny: Tiny, finished: Path) -> None:
    outcome = workspace.quick(*options(tiny, finished, distill_wait_pid=GONE), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    model = str(finished / "checkpoint-20")
    assert f"the student is {model}: checkpoint-20, the newest checkpoint" in outcome.output
    assert "step 20 of 20, loss 1.5" in outcome.output
    document = workspace.document()
    assert document["student"]["reference"] == model
    assert document["run"]["options"]["--student-model"] == model
    assert document["run"]["options"]["--distill-wait-for-training"] == str(finished)
    assert document["control"] is None


def test_the_best_checkpoint_by_ini_keys(workspace: Workspace, tiny: Tiny, finished: Path) -> None:
    keys = {"distill_wait_for_training": finished, "distill_wait_pid": GONE}
    workspace.add_ini(**keys, distill_checkpoint="best", distill_wait_timeout=300)
    outcome = workspace.quick(*tiny.options(student_model=None), "-m", "size", "-q")
    assert outcome.returncode == PASSED, outcome.output
    assert "training in" not in outcome.output, "-q shows nothing of the waiting"
    assert workspace.document()["student"]["reference"] == str(finished / "checkpoint-10")


def test_the_runs_name_stands_for_its_checkpoints_in_thresholds(
    workspace: Workspace, tiny: Tiny, finished: Path
) -> None:
    workspace.write(
        "thresholds.toml",
        "[criteria.size_reduction_pct]\ngood = 50\npoor = 30\n"
        "[student.finished.criteria.size_reduction_pct]\ngood = 1.5\npoor = 1\n",
    )
    outcome = workspace.quick(*options(tiny, finished, distill_wait_pid=GONE), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    (criterion,) = workspace.document()["verdict"]["criteria"]
    assert criterion["good"] == 1.5


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"data_path": "/nowhere.jsonl"}, "/nowhere.jsonl"),
        ({"teacher_model": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"control_model": "demo:nobody"}, "demo:nobody"),
        ({"distill_base_model": "/nowhere/base"}, "/nowhere/base"),
        ({"distill_thresholds": "/nowhere.toml"}, "/nowhere.toml"),
        ({"distill_baseline": "/nowhere.json"}, "/nowhere.json"),
        ({"metrics_dir": "/dev/null/x"}, "/dev/null"),
        ({"distill_limit": 0}, "--distill-limit"),
        ({"distill_new_tokens": 100_000}, "--distill-new-tokens"),
        ({"distill_permutations": 3, "distill_scoring": "cloze"}, "--distill-permutations"),
        ({"distill_wait_timeout": "soon"}, "--distill-wait-timeout"),
        ({"distill_wait_pid": 0}, "--distill-wait-pid"),
        ({"distill_wait_pid": os.getpid()}, "--distill-wait-pid"),
        ({"distill_wait_marker": "/nowhere/done"}, "--distill-wait-marker"),
        ({"distill_checkpoint": "first"}, "--distill-checkpoint"),
        ({"distill_wait_for_training": "/nowhere/run"}, "--distill-wait-for-training"),
        ({"student_model": "demo:student"}, "--student-model and --distill-wait-for-training"),
    ],
)
def test_what_else_is_wrong_is_said_before_waiting(
    changed: dict[str, object], named: str, workspace: Workspace, tiny: Tiny, unfinished: Path
) -> None:
    """The run that would be waited for never ends."""
    before = tree(workspace.folder)
    outcome = workspace.quick(*options(tiny, unfinished, **changed))
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in (named, "got: ", "wanted:", "next: "):
        assert word in outcome.output
    assert "training in" not in outcome.output
    assert tree(workspace.folder) == before
    assert not HEAVY & outcome.modules


@pytest.mark.parametrize(
    ("name", "value"),
    [("distill_wait_pid", 5), ("distill_wait_marker", "done"), ("distill_checkpoint", "best")],
)
def test_options_of_waiting_alone_have_no_effect(
    name: str, value: object, workspace: Workspace, tiny: Tiny
) -> None:
    outcome = workspace.quick(*tiny.options(**{name: value}))
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert "has no effect in this run" in outcome.output


def test_a_time_out_may_stand_in_the_ini_file(workspace: Workspace, tiny: Tiny) -> None:
    workspace.add_ini(distill_wait_timeout=3600)
    assert workspace.quick(*tiny.options(), "-m", "size").returncode == PASSED


def test_looking_does_not_wait(workspace: Workspace, tiny: Tiny, unfinished: Path) -> None:
    outcome = workspace.quick(*options(tiny, unfinished), "--collect-only", "-q")
    assert outcome.returncode == PASSED, outcome.output
    assert "test_size.py::test_size[student]" in outcome.output


def test_tests_without_the_suite_do_not_wait(
    workspace: Workspace, tiny: Tiny, unfinished: Path
) -> None:
    workspace.write("own/test_own.py", "def test_nothing():\n    pass\n")
    outcome = workspace.quick(*options(tiny, unfinished), "own")
    assert outcome.returncode == PASSED, outcome.output


def test_a_time_out_ends_the_run(workspace: Workspace, tiny: Tiny, unfinished: Path) -> None:
    before = tree(workspace.folder)
    outcome = workspace.quick(*options(tiny, unfinished, distill_wait_timeout=0.5))
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in ("was not over in time", "got: ", "wanted:", "next: ", "nothing is in it yet"):
        assert word in outcome.output
    assert tree(workspace.folder) == before
    assert not HEAVY & outcome.modules


def test_a_run_that_died(workspace: Workspace, tiny: Tiny, finished: Path) -> None:
    shutil.rmtree(finished / "checkpoint-20")
    before = tree(workspace.folder)
    outcome = workspace.quick(*options(tiny, finished, distill_wait_pid=GONE))
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in ("ended before it was done", "step 10 of 20", "got: ", "wanted:", "next: "):
        assert word in outcome.output
    assert f"--student-model {finished / 'checkpoint-10'}" in outcome.output
    assert tree(workspace.folder) == before


def test_a_model_that_cannot_be_used_is_said_as_of_any_student(
    workspace: Workspace, tiny: Tiny, finished: Path
) -> None:
    for path in finished.glob("checkpoint-20/tokenizer*"):
        path.unlink()
    outcome = workspace.quick(*options(tiny, finished, distill_wait_pid=GONE), "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert "has no tokenizer" in outcome.output
