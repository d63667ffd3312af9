"""An option's value is never taken for a path to tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.options.table import OPTIONS
from distill_fixtures.plugin.arguments import joined_arguments
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace

PASSED, USAGE_ERROR = 0, 4
FLAGS = [option.flag for option in OPTIONS if not option.switch]


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_before_a_path_is_joined(flag: str, tmp_path: Path) -> None:
    given = ["-q", flag, str(tmp_path), "benchmarks"]
    assert joined_arguments(given) == ["-q", f"{flag}={tmp_path}", "benchmarks"]


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["-q", "benchmarks"],
        ["--data-path=."],
        ["--data-path", "/nowhere/at/all"],
        ["--teacher-model", "demo:teacher"],
        ["--data-path"],
        ["--distill-allow-pickle", "."],
        ["-k", "."],
        ["--rootdir", "."],
    ],
)
def test_what_pytest_reads_rightly_is_left_alone(given: list[str]) -> None:
    assert joined_arguments(given) is None


def test_one_path_has_all_flags_joined() -> None:
    given = ["--teacher-model", "demo:teacher", "--metrics-dir", "/", "--distill-seed", "3"]
    assert joined_arguments(given) == [
        "--teacher-model=demo:teacher",
        "--metrics-dir=/",
        "--distill-seed=3",
    ]


words = st.sampled_from([*FLAGS, "-q", ".", "/", "demo:teacher", "x=y", "--data-path=."])


@given(st.lists(words, max_size=8))
def test_joining_loses_nothing_and_is_done_once(given: list[str]) -> None:
    joined = joined_arguments(given)
    if joined is None:
        return
    assert "".join(joined).replace("=", "") == "".join(given).replace("=", "")
    assert joined_arguments(joined) is None


@pytest.mark.parametrize("joined", [True, False])
def test_the_ini_file_of_the_working_folder_is_found(
    joined: bool, workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    """Data and models in folders of their own, with an ini-file above that is somebody else's."""
    other = tmp_path / "other"
    shutil.copytree(tiny.teacher, other / "teacher")
    (other / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\ndistill_limit = 2\n")
    workspace.add_ini(distill_limit=6)
    options = tiny.options(teacher_model=other / "teacher")
    if not joined:
        options = [word for option in options for word in option.split("=", 1)]
    outcome = workspace.quick(*options, "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    document = workspace.document()
    assert document["dataset"]["questions"] == 6
    assert document["teacher"]["reference"] == str(other / "teacher")
    assert outcome.output.count("test session starts") == 1


def test_a_bad_value_apart_from_its_flag_is_refused_once(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(teacher_model=None), "--teacher-model", "benchmarks")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert outcome.output.count("ERROR: ") == 1
    assert "the folder benchmarks is no model" in outcome.output
