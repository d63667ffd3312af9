"""Runs in a real MLflow server; where it is not installed these tests are skipped."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.report.tracked_run import tracked_run
from tests.commands.written_runs import Json, made_documents, write_run
from tests.plugin.tiny_inputs import Tiny, make_tiny
from tests.plugin.workspace import QuickStarter, Workspace, environment
from tests.report.mlflow_server import WHY_NO_SERVER, started_server
from tests.report.test_tracked_run import BEGAN

pytestmark = [
    pytest.mark.skipif(WHY_NO_SERVER is not None, reason=str(WHY_NO_SERVER)),
    pytest.mark.slow,
]

Asked = Callable[..., Json]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started_server(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri


@pytest.fixture(scope="module")
def asked(server: str) -> Asked:
    """Ask the server over its own interface, without MLflow's client."""
    import requests

    def ask(path: str, **body: Any) -> Json:
        address = f"{server}/api/2.0/mlflow/{path}"
        answer = requests.post(address, json=body) if body else requests.get(address)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    return ask


def only_run(asked: Asked, experiment: str) -> Json:
    """The one run of an experiment, its lists as mappings."""
    named = asked(f"experiments/get-by-name?experiment_name={experiment}")["experiment"]
    runs = asked("runs/search", experiment_ids=[named["experiment_id"]])["runs"]
    (run,) = runs
    data = run["data"]
    lists = {name: data.get(name, []) for name in ("metrics", "params", "tags")}
    found = {name: {each["key"]: each["value"] for each in pairs} for name, pairs in lists.items()}
    return {**run["info"], **found}


def artifact(server: str, run: Json, name: str) -> bytes:
    import requests

    answer = requests.get(f"{server}/get-artifact?path={name}&run_uuid={run['run_id']}")
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content


def distill_bench(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distill_fixtures.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=120,
    )


def test_a_document_is_logged_whole(server: str, asked: Asked, tmp_path: Path) -> None:
    document, comparison = made_documents()
    path = write_run(tmp_path, document, comparison)
    path.with_name("report.html").write_text("<p>drawn</p>", encoding="utf-8")
    done = distill_bench("log", path, "--mlflow", server, "--experiment", "documents")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    run = only_run(asked, "documents")
    wanted = tracked_run(document, began=BEGAN, ended=BEGAN)
    assert done.stdout.strip().endswith(f"/runs/{run['run_id']}")
    assert run["metrics"] == pytest.approx(dict(wanted.metrics), rel=1e-15)
    assert run["params"] == dict(wanted.params)
    assert run["tags"].items() >= wanted.tags.items()
    assert run["tags"]["mlflow.note.content"] == wanted.summary
    assert (run["status"], run["run_name"]) == ("FINISHED", wanted.name)
    assert run["start_time"] == wanted.began_ms
    for name in ("distillation_metrics.json", "comparison_results.json", "report.html"):
        assert artifact(server, run, name) == path.with_name(name).read_bytes(), name
    missing = json.loads(artifact(server, run, "missing_figures.json"))
    assert missing == dict(wanted.missing)
    assert artifact(server, run, "summary.md").decode() == wanted.summary


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    starter = QuickStarter()
    yield Workspace(tmp_path / "clone", starter)
    starter.close()


def test_a_run_of_the_suite(server: str, asked: Asked, workspace: Workspace, tiny: Tiny) -> None:
    options = tiny.options(distill_mlflow=server, distill_mlflow_experiment="runs")
    outcome = workspace.run(*options, "-m", "size or accuracy")
    assert outcome.returncode in (0, 1), outcome.output
    assert f"logged to MLflow: {server}/#/experiments/" in outcome.output
    run = only_run(asked, "runs")
    document = workspace.document()
    assert run["tags"]["distill.gate"] == document["verdict"]["gate"]
    assert run["metrics"]["student.accuracy"] == document["student"]["accuracy"]["accuracy"]
    assert "student.ttft_s" not in run["metrics"]
    written = (workspace.folder / "metrics" / "distillation_metrics.json").read_bytes()
    assert artifact(server, run, "distillation_metrics.json") == written
    assert run["status"] == "FINISHED"
    assert "telemetry" not in outcome.output.lower()


def test_names_that_mlflow_would_refuse(server: str, asked: Asked, tmp_path: Path) -> None:
    document, _ = made_documents()
    document["student"]["reference"] = "<script>alert(1)</script>" + "x" * 9000
    document["run"]["options"] |= {"--student-model": "y" * 9000, "no flag: <b>": 1}
    path = write_run(tmp_path, document)
    done = distill_bench("log", path, "--mlflow", server, "--experiment", "hostile")
    assert done.returncode == 0, done.stderr
    assert len(only_run(asked, "hostile")["params"]["student-model"]) == 500


def test_nobody_there(tmp_path: Path) -> None:
    """With the real client: a few seconds, not the minutes that it would try by itself."""
    path = write_run(tmp_path, made_documents()[0])
    done = distill_bench("log", path, "--mlflow", "http://127.0.0.1:9")
    assert done.returncode == 4
    assert done.stderr.startswith("--mlflow leads to no MLflow server")
    assert "Traceback" not in done.stderr
