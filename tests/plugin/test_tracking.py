"""A run that is logged to a tracker, which is a fake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fake_mlflow import FAKE, Told
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace

PASSED, FAILED, USAGE_ERROR = 0, 1, 4
STRICT = "[criteria.size_reduction_pct]\ngood = 99.9\npoor = 99.8\n"
FIRST_ON_THE_PATH = "import sys\n\nsys.path.insert(0, 'fake')\n"


@pytest.fixture
def with_mlflow(workspace: Workspace) -> Workspace:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(FAKE, workspace.folder / "fake" / "mlflow", ignore=ignored)
    workspace.write("conftest.py", FIRST_ON_THE_PATH)
    return workspace


def server(folder: Path, behaviour: str = "well") -> Told:
    return Told(folder / f"server.{behaviour}")


def test_a_run_is_logged_as_it_is_written(with_mlflow: Workspace, tiny: Tiny) -> None:
    told = server(with_mlflow.folder.parent)
    options = tiny.options(distill_mlflow=told.uri, distill_mlflow_experiment="mine")
    outcome = with_mlflow.quick(*options, "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert "logged to MLflow: run r1 of experiment mine" in outcome.output
    document = with_mlflow.document()
    logged = told.logged()
    assert logged["student.disk_bytes"] == document["student"]["size"]["disk_bytes"]
    assert logged["distill-mlflow"] == told.uri
    assert "student.accuracy" not in logged, "it was not measured"
    ((_, _, tags, _),) = told.calls("create_run")
    assert tags["distill.partial"] == "true"
    names = [Path(path).name for (path,) in told.calls("log_artifact")]
    assert "distillation_metrics.json" in names
    assert len(set(names)) == len(names), "the history's copy is not logged"
    assert not any(name.startswith("2") for name in names)


def test_from_the_ini_file(with_mlflow: Workspace, tiny: Tiny) -> None:
    told = server(with_mlflow.folder.parent)
    with_mlflow.add_ini(distill_mlflow=told.uri)
    outcome = with_mlflow.quick(*tiny.options(), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert told.calls("create_experiment") == [["distill-bench"]]


def test_nothing_of_it_without_the_option(with_mlflow: Workspace, tiny: Tiny) -> None:
    outcome = with_mlflow.quick(*tiny.options(), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert "mlflow" not in outcome.modules
    assert "mlflow" not in outcome.output.lower()


def test_a_gate_that_fails_is_logged_too(with_mlflow: Workspace, tiny: Tiny) -> None:
    told = server(with_mlflow.folder.parent)
    with_mlflow.write("thresholds.toml", STRICT)
    outcome = with_mlflow.quick(*tiny.options(distill_mlflow=told.uri), "-m", "size")
    assert outcome.returncode == FAILED, outcome.output
    ((_, _, tags, _),) = told.calls("create_run")
    assert tags["distill.gate"] == "fail"


@pytest.mark.parametrize("behaviour", ["down", "deleted"])
def test_what_cannot_be_used_is_found_at_the_beginning(
    behaviour: str, with_mlflow: Workspace, tiny: Tiny
) -> None:
    told = server(with_mlflow.folder.parent, behaviour)
    outcome = with_mlflow.quick(*tiny.options(distill_mlflow=told.uri), "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in ("got: ", "wanted:", "next: "):
        assert word in outcome.output
    assert not (with_mlflow.folder / "metrics").exists()


def test_without_the_package(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write("conftest.py", "import sys\n\nsys.modules['mlflow'] = None\n")
    options = tiny.options(distill_mlflow="http://127.0.0.1:5000")
    outcome = workspace.quick(*options, "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert 'pip install "distill-bench[mlflow]"' in outcome.output
    assert not (workspace.folder / "metrics").exists()


@pytest.mark.parametrize(("thresholds", "code"), [("", PASSED), (STRICT, FAILED)])
def test_a_server_that_goes_meanwhile_changes_no_exit_code(
    thresholds: str, code: int, with_mlflow: Workspace, tiny: Tiny
) -> None:
    told = server(with_mlflow.folder.parent, "gone")
    if thresholds:
        with_mlflow.write("thresholds.toml", thresholds)
    outcome = with_mlflow.quick(*tiny.options(distill_mlflow=told.uri), "-m", "size")
    assert outcome.returncode == code, outcome.output
    assert "NOT LOGGED TO MLFLOW. The result files are written" in outcome.output
    assert "the server has gone" in outcome.output
    assert f"--mlflow {told.uri}" in outcome.output
    assert with_mlflow.document()["student"]["size"]["disk_bytes"] > 0


@pytest.mark.parametrize(
    "uri", ["http://me:hush@127.0.0.1:5000", "postgresql://me:hush@db/x", "http://me:hu/sh@h"]
)
def test_a_password_is_refused_and_repeated_nowhere(
    uri: str, with_mlflow: Workspace, tiny: Tiny
) -> None:
    outcome = with_mlflow.quick(*tiny.options(distill_mlflow=uri), "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert "--distill-mlflow cannot be used" in outcome.output
    assert "MLFLOW_TRACKING_PASSWORD" in outcome.output
    assert "hu" not in outcome.output.replace("thu", "")
    assert not (with_mlflow.folder / "metrics").exists()
