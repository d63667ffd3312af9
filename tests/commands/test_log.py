"""``distill-bench log``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.written_runs import made_documents, output_of, write_run
from tests.fake_mlflow import Told, fake_installed, none_installed

DONE, UNUSABLE = 0, 4
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with fake_installed():
        yield Told(tmp_path / "server.well")


def names(told: Told) -> list[str]:
    return [Path(path).name for (path,) in told.calls("log_artifact")]


def test_a_run_with_all_its_files(tmp_path: Path, told: Told, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", *made_documents())
    for name in ("report.html", "report_accuracy.png"):
        run.with_name(name).write_bytes(b"drawn")
    status, out, err = output_of(capsys, "log", run.parent, "--mlflow", told.uri)
    assert (status, err) == (DONE, "")
    assert out == f"logged to MLflow: run r1 of experiment distill-bench in {told.uri}\n"
    assert names(told) == [
        "distillation_metrics.json",
        "comparison_results.json",
        "report.html",
        "report_accuracy.png",
    ]
    ((_, started, tags, _),) = told.calls("create_run")
    assert started == 1767323045000
    assert tags["distill.verdict"] == "acceptable"
    assert told.calls("set_terminated") == [["FINISHED", started]]


def test_a_document_alone(tmp_path: Path, told: Told, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", made_documents()[0])
    words = ("log", run, "--mlflow", told.uri, "--experiment", "old runs")
    status, out, _ = output_of(capsys, *words)
    assert status == DONE
    assert "without comparison_results.json: " in out
    assert names(told) == ["distillation_metrics.json"]
    assert told.calls("create_experiment") == [["old runs"]]


def test_what_is_of_another_run_is_left_out(tmp_path: Path, told: Told, capsys: Capture) -> None:
    """A page that was drawn before the document was written."""
    run = write_run(tmp_path / "run", *made_documents())
    page = run.with_name("report.html")
    page.write_bytes(b"drawn")
    os.utime(page, (1, 1))
    status, out, _ = output_of(capsys, "log", run, "--mlflow", told.uri)
    assert status == DONE
    assert "without report.html: it is older than distillation_metrics.json" in out
    assert "report.html" not in names(told)


@pytest.mark.parametrize(
    "uri",
    ["http://me:hush@host", "mlruns", "http://", "https://host:0", "http://h:x", "http://h?k"],
)
def test_no_place_to_log_to(uri: str, tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", made_documents()[0])
    status, out, err = output_of(capsys, "log", run, "--mlflow", uri)
    assert (status, out) == (UNUSABLE, "")
    assert err.startswith("--mlflow cannot be used")
    assert "hush" not in err


def test_no_file(tmp_path: Path, told: Told, capsys: Capture) -> None:
    status, _, err = output_of(capsys, "log", tmp_path / "none.json", "--mlflow", told.uri)
    assert status == UNUSABLE
    assert "cannot be read" in err
    document, _ = made_documents()
    document["created_at"] = "yesterday"
    run = write_run(tmp_path / "run", document)
    status, _, err = output_of(capsys, "log", run, "--mlflow", told.uri)
    assert status == UNUSABLE
    assert "does not tell when it was made" in err
    assert told.calls("create_run") == []


def test_a_server_that_is_down(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", made_documents()[0])
    with fake_installed():
        uri = Told(tmp_path / "server.down").uri
        status, _, err = output_of(capsys, "log", run, "--mlflow", uri)
    assert status == UNUSABLE
    assert err.startswith("--mlflow leads to no MLflow server")


def test_without_the_package(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", made_documents()[0])
    with none_installed():
        status, _, err = output_of(capsys, "log", run, "--mlflow", "http://127.0.0.1:1")
    assert status == UNUSABLE
    assert err.startswith("--mlflow needs MLflow")
    assert 'pip install "distill-bench[mlflow]"' in err
