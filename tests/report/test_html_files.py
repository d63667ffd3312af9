"""The files of a page at the end of a run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from distill_fixtures.plugin.export import Documents, RunState, export
from distill_fixtures.report.html import page as page_module
from distill_fixtures.report.html.files import PLOT_NAMES, plot_file, write_report
from distill_fixtures.report.html.page import Report
from distill_fixtures.report.json_files import write_json
from tests.report.made_up_run import MadeUpRun
from tests.report.parsed_page import Page, parse


@pytest.fixture(scope="module")
def documents() -> Documents:
    return MadeUpRun(questions=60, rounds=3).documents()


def laid(folder: Path, documents: Documents) -> Path:
    """Files as a run leaves them; the document's path."""
    write_json(folder / "distillation_metrics.json", documents.metrics)
    if documents.comparison is not None:
        write_json(folder / "comparison_results.json", documents.comparison)
    return folder / "distillation_metrics.json"


def page_of(folder: Path) -> Page:
    return parse((folder / "report.html").read_text("utf-8"))


def state() -> RunState:
    return RunState(datetime(2026, 1, 2, tzinfo=UTC), ("a test",), frozenset(), 0)


# At the end of a run.


def test_a_run_leaves_its_page_and_plots(tmp_path: Path, documents: Documents) -> None:
    ended = state()
    export(tmp_path, documents, ended)
    assert ended.page_error is None
    assert all(path.is_file() for path in ended.written)
    names = {path.name for path in ended.written}
    assert {"distillation_metrics.json", "comparison_results.json", "report.html"} <= names
    assert plot_file("memory") in names
    assert [path.suffix for path in (tmp_path / "history").iterdir()] == [".json"]
    assert "demo:student" in page_of(tmp_path).words


def test_a_fault_in_drawing_costs_the_page_alone(
    tmp_path: Path, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no such colour")

    monkeypatch.setattr(page_module, "draw", fail)
    ended = state()
    export(tmp_path, documents, ended)
    kept = json.loads((tmp_path / "distillation_metrics.json").read_text("utf-8"))
    assert kept == documents.metrics
    assert not (tmp_path / "report.html").exists()
    assert ended.page_error is not None
    assert "RuntimeError: no such colour" in ended.page_error.got
    assert "distill-bench report" in ended.page_error.next_step


def test_plots_of_an_earlier_page_are_taken_away(tmp_path: Path) -> None:
    mine = tmp_path / "accuracy.png"
    mine.write_bytes(b"mine")
    write_report(tmp_path, Report("<p>first</p>", dict.fromkeys(PLOT_NAMES, b"png")))
    written = write_report(tmp_path, Report("<p>second</p>", {"memory": b"new"}))
    assert [path.name for path in written] == ["report.html", "report_memory.png"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "accuracy.png",
        "report.html",
        "report_memory.png",
    }
    assert mine.read_bytes() == b"mine"
