"""Logging to MLflow, with a fake in its place; ``test_mlflow_server.py`` has the real one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from distill_fixtures.errors import TrackerError
from distill_fixtures.report.mlflow_tracker import MlflowPlace, check_place, log_run
from distill_fixtures.report.tracked_run import TrackedRun, tracked_run
from tests.commands.written_runs import made_documents
from tests.fake_mlflow import Told, fake_installed, none_installed

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def _fake() -> Iterator[None]:
    with fake_installed():
        yield


@pytest.fixture(scope="module")
def run() -> TrackedRun:
    return tracked_run(made_documents()[0], began=NOW, ended=NOW)


def place_of(folder: Path, behaviour: str = "well") -> tuple[MlflowPlace, Told]:
    told = Told(folder / f"server.{behaviour}")
    return MlflowPlace(told.uri, "students"), told


@pytest.mark.usefixtures("_fake")
def test_all_of_a_run_is_logged(tmp_path: Path, run: TrackedRun) -> None:
    place, told = place_of(tmp_path)
    file = tmp_path / "distillation_metrics.json"
    file.write_text("{}", encoding="utf-8")
    address = log_run(place, run, [file])
    assert address == f"run r1 of experiment students in {told.uri}"
    assert told.logged() == dict(run.metrics) | dict(run.params)
    ((experiment, started, tags, name),) = told.calls("create_run")
    assert (experiment, started, name) == ("7", run.began_ms, "demo:student against demo:teacher")
    assert tags == dict(run.tags) | {"mlflow.note.content": run.summary}
    assert told.calls("log_artifact") == [[str(file)]]
    texts = dict(told.calls("log_text"))
    assert json.loads(texts["missing_figures.json"]) == dict(run.missing)
    assert texts["summary.md"] == run.summary
    assert told.calls("set_terminated") == [["FINISHED", run.ended_ms]]


@pytest.mark.usefixtures("_fake")
def test_the_experiment_is_made_once(tmp_path: Path, run: TrackedRun) -> None:
    place, told = place_of(tmp_path)
    check_place(place)
    assert told.calls("create_experiment") == [], "looking changes nothing"
    log_run(place, run, [])
    log_run(place, run, [])
    assert told.calls("create_experiment") == [["students"]]


@pytest.mark.usefixtures("_fake")
def test_mlflow_is_kept_quiet_and_the_environment_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    before = dict(os.environ)
    place, told = place_of(tmp_path)
    check_place(place)
    (settings,) = told.calls("settings")
    assert settings == [{"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_TIMEOUT": "77"}]
    assert dict(os.environ) == before


@pytest.mark.usefixtures("_fake")
def test_a_server_that_is_down(tmp_path: Path, run: TrackedRun) -> None:
    place, _ = place_of(tmp_path, "down")
    for attempt in (lambda: check_place(place), lambda: log_run(place, run, [])):
        with pytest.raises(TrackerError) as caught:
            attempt()
        assert "--distill-mlflow leads to no MLflow server" in caught.value.what
        assert "MlflowException: connection refused" in caught.value.got
        assert place.uri in caught.value.wanted
        assert "MLFLOW_TRACKING_USERNAME" in caught.value.next_step


@pytest.mark.usefixtures("_fake")
def test_a_deleted_experiment(tmp_path: Path) -> None:
    place, _ = place_of(tmp_path, "deleted")
    with pytest.raises(TrackerError, match="'students' was deleted") as caught:
        check_place(place)
    assert "mlflow experiments restore --experiment-id 4" in caught.value.next_step


@pytest.mark.usefixtures("_fake")
def test_half_a_run_is_called_failed(tmp_path: Path, run: TrackedRun) -> None:
    place, told = place_of(tmp_path, "full")
    with pytest.raises(TrackerError) as caught:
        log_run(place, run, [tmp_path / "a file"])
    assert "OSError: no space left" in caught.value.got
    assert told.calls("set_terminated") == [["FAILED", None]]


def test_without_the_package(tmp_path: Path) -> None:
    place, _ = place_of(tmp_path)
    with none_installed(), pytest.raises(TrackerError) as caught:
        check_place(place)
    assert caught.value.what == "--distill-mlflow needs MLflow"
    assert caught.value.next_step.startswith('pip install "distill-bench[mlflow]"')


def test_where_people_look() -> None:
    place = MlflowPlace("https://mlflow.example/base/", "students")
    assert place.run_address("7", "r1") == "https://mlflow.example/base/#/experiments/7/runs/r1"
