"""Every option is an ini key too."""

from __future__ import annotations

import shutil

import pytest

from distill_fixtures.options.table import OPTIONS
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace

PASSED, USAGE_ERROR = 0, 4


def ini_of(tiny: Tiny, **changed: object) -> dict[str, object]:
    values: dict[str, object] = {
        "distill_teacher_model": tiny.teacher,
        "distill_student_model": tiny.student,
        "distill_data_path": tiny.questions,
    }
    return values | changed


def test_keys_are_named_after_their_options() -> None:
    keys = {option.flag: option.ini_key for option in OPTIONS}
    assert keys["--teacher-model"] == "distill_teacher_model"
    assert keys["--benchmark-samples"] == "distill_benchmark_samples"
    assert keys["--metrics-dir"] == "distill_metrics_dir"
    assert keys["--distill-limit"] == "distill_limit"
    assert len(set(keys.values())) == len(OPTIONS)
    assert all(key.startswith("distill_") for key in keys.values())


def test_ini_alone(workspace: Workspace, tiny: Tiny) -> None:
    workspace.add_ini(**ini_of(tiny, distill_limit=7, distill_metrics_dir="out"))
    outcome = workspace.quick("-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    document = workspace.document("out")
    assert document["dataset"]["questions"] == 7
    assert document["teacher"]["reference"] == str(tiny.teacher)
    assert not (workspace.folder / "metrics").exists()


def test_the_command_line_beats_ini(workspace: Workspace, tiny: Tiny) -> None:
    workspace.add_ini(**ini_of(tiny, distill_limit=7))
    outcome = workspace.quick("-m", "size", "--distill-limit=3")
    assert outcome.returncode == PASSED, outcome.output
    document = workspace.document()
    assert document["dataset"]["questions"] == 3
    assert document["run"]["options"]["--distill-limit"] == 3


def test_relative_paths_start_where_they_were_written(workspace: Workspace, tiny: Tiny) -> None:
    """In the ini-file: at its folder. On the command line: at the working folder."""
    shutil.copy(tiny.questions, workspace.folder / "data.jsonl")
    keys = ini_of(tiny, distill_data_path="data.jsonl", distill_metrics_dir="from_ini")
    workspace.add_ini(**keys)
    deep = workspace.folder / "deep"
    deep.mkdir()
    top = workspace.folder
    workspace.folder = deep
    try:
        suite = top / "benchmarks"
        first = workspace.quick("-m", "size", suite)
        second = workspace.quick("-m", "size", "--metrics-dir=from_line", suite)
    finally:
        workspace.folder = top
    assert first.returncode == second.returncode == PASSED, first.output + second.output
    assert (top / "from_ini" / "distillation_metrics.json").exists()
    assert (deep / "from_line" / "distillation_metrics.json").exists()
    assert not (deep / "from_ini").exists()
    assert workspace.document("from_ini")["dataset"]["name"] == "data"


def test_ini_decides_the_parameters(workspace: Workspace, tiny: Tiny) -> None:
    workspace.add_ini(**ini_of(tiny, distill_batch_sizes="2,16"))
    outcome = workspace.quick("--collect-only", "-q")
    assert "test_throughput[student-batch16]" in outcome.output
    assert "batch1]" not in outcome.output


@pytest.mark.parametrize(("key", "value"), [("distill_limit", 0), ("distill_new_tokens", "x")])
def test_bad_ini(key: str, value: object, workspace: Workspace, tiny: Tiny) -> None:
    workspace.add_ini(**ini_of(tiny), **{key: value})
    outcome = workspace.quick("-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert repr(str(value)) in outcome.output
    assert "--distill-" in outcome.output


def test_an_unknown_key_is_refused(workspace: Workspace, tiny: Tiny) -> None:
    workspace.add_ini(**ini_of(tiny), distill_limt=3)
    outcome = workspace.quick("-m", "size")
    assert outcome.returncode == USAGE_ERROR
    assert "distill_limt" in outcome.output
