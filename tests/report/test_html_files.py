"""The files of a page: written, drawn again from JSON alone, one run or several."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.cli import main
from distill_fixtures.errors import ResultFileError
from distill_fixtures.plugin.export import Documents, RunState, export
from distill_fixtures.report.html import page as page_module
from distill_fixtures.report.html.files import PLOT_NAMES, plot_file, redraw, write_report
from distill_fixtures.report.html.page import Report
from distill_fixtures.report.json_files import write_json
from tests.report.made_up_run import MadeUpRun
from tests.report.page_documents import MARKUP, with_markup
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


# Again, from the files.


def test_the_same_page_comes_from_the_files(tmp_path: Path, documents: Documents) -> None:
    export(tmp_path / "run", documents, state())
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("report*")}
    assert len(before) > 8
    assert main(["report", str(tmp_path / "run"), "--output", str(tmp_path / "again")]) == 0
    after = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert after == before


def test_the_page_lies_beside_the_file(
    tmp_path: Path, documents: Documents, capsys: pytest.CaptureFixture[str]
) -> None:
    path = laid(tmp_path, documents)
    assert main(["report", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"written: {tmp_path / 'report.html'}"
    assert all(Path(line.removeprefix("written: ")).is_file() for line in lines)


def test_a_copy_in_the_history_is_drawn_without_the_answers(
    tmp_path: Path, documents: Documents
) -> None:
    export(tmp_path, documents, state())
    (copied,) = (tmp_path / "history").iterdir()
    redraw([copied], tmp_path / "old", print)
    page = page_of(tmp_path / "old")
    assert "Calibration: the answers one by one" in page.words
    assert "The differences have no intervals" in page.words
    assert page.named("plot-agreement")
    assert "both wrong" in page.named("plot-agreement-description").words


@pytest.mark.parametrize("kind", ["another run", "an older version", "no JSON"])
def test_answers_that_do_not_belong_are_not_used(
    kind: str, tmp_path: Path, documents: Documents
) -> None:
    path = laid(tmp_path, documents)
    other = tmp_path / "comparison_results.json"
    if kind == "another run":
        write_json(other, MadeUpRun(questions=60, seed=5).documents().comparison or {})
    else:
        other.write_text('{"schema_version": 1}' if kind == "an older version" else "{", "utf-8")
    said: list[str] = []
    redraw([path], None, said.append)
    assert len(said) == 1
    assert said[0].startswith("not used: ")
    assert "comparison_results.json" in said[0]
    assert "Calibration: the answers one by one" in page_of(tmp_path).words


def test_files_that_cannot_be_used_are_refused(
    tmp_path: Path, documents: Documents, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text("{}", "utf-8")
    assert main(["report", str(tmp_path / "bad.json")]) == 2
    message = capsys.readouterr().err
    for part in ("bad.json", "got:", "wanted:", "next:", "schema_version"):
        assert part in message
    assert main(["report", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
    path = laid(tmp_path / "run", documents)
    (tmp_path / "file").write_text("", "utf-8")
    assert main(["report", str(path), "--output", str(tmp_path / "file" / "deep")]) == 2
    assert "--output" in capsys.readouterr().err


def test_a_metric_that_is_not_known_is_refused(tmp_path: Path, documents: Documents) -> None:
    metrics = copy.deepcopy(documents.metrics)
    metrics["verdict"]["criteria"][0]["metric"] = "coolness"
    path = laid(tmp_path, Documents(metrics, None))
    with pytest.raises(ResultFileError, match="not known") as caught:
        redraw([path], None, print)
    assert "'coolness'" in caught.value.got


def test_it_imports_neither_torch_nor_pytest(tmp_path: Path, documents: Documents) -> None:
    path = laid(tmp_path, documents)
    code = (
        "import sys; from distill_fixtures.cli import main; "
        f"assert main(['report', {str(path)!r}]) == 0; "
        "print(sorted({'torch', 'transformers', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# Several runs.


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, documents: Documents) -> list[Path]:
    """Three students of one teacher, the second in a folder with a page of its own."""
    folder = tmp_path_factory.mktemp("three")
    paths = []
    for place, (name, faster) in enumerate((("first", 1.0), ("second one", 0.5), ("third", 2.0))):
        metrics = copy.deepcopy(documents.metrics)
        student: dict[str, Any] = metrics["student"]
        student["reference"] = f"student {name}"
        student["benchmark"]["inference_time_s"] *= faster
        student["accuracy"]["accuracy"] -= 0.05 * place
        paths.append(laid(folder / name, Documents(metrics, None)))
    (folder / "second one" / "report.html").write_text("its own", "utf-8")
    return paths


def test_several_runs_make_one_page(three: list[Path]) -> None:
    assert main(["report", *map(str, three)]) == 0
    folder = three[0].parent.parent
    page = page_of(folder)
    assert {each.attributes["id"] for each in page.all("figure")} == {"plot-tradeoff"}
    (link,) = [each for each in page.all("a") if "report.html" in each.attributes["href"]]
    assert link.attributes["href"] == "second%20one/report.html"
    for name in ("first", "second one", "third"):
        assert f"student {name}" in page.words
    assert "3 runs side by side" in page.words
    rows = [each.words for each in page.all("tr") if "student" in each.words]
    assert "size on disk" in rows[0]  # the first: more accurate at the same size
    assert "time per sample" in rows[1]
    assert "time per sample" not in rows[2]
    assert (folder / "report_tradeoff.png").is_file()


def test_what_does_not_compare_is_not_drawn_together(
    tmp_path: Path, three: list[Path], documents: Documents
) -> None:
    machine, asked = copy.deepcopy(documents.metrics), copy.deepcopy(documents.metrics)
    machine["environment"]["comparability_key"] = "another machine"
    asked["dataset"]["digest"] = "other questions"
    elsewhere = laid(tmp_path / "elsewhere", Documents(machine, None))
    redraw([three[0], elsewhere], tmp_path / "times", print)
    times = page_of(tmp_path / "times")
    assert "Times do not compare" in times.words
    assert "Accuracy against time: " in times.words
    assert "least time per sample" not in times.named("plot-tradeoff-description").words
    other = laid(tmp_path / "other", Documents(asked, None))
    redraw([three[0], other], tmp_path / "answers", print)
    answers = page_of(tmp_path / "answers")
    assert "Accuracies do not compare" in answers.words
    assert not answers.all("figure")


def test_markup_in_several_runs_is_text(tmp_path: Path, documents: Documents) -> None:
    evil = with_markup(documents)
    paths = [laid(tmp_path / name, evil) for name in ("one", "two")]
    redraw(paths, None, print)
    page = page_of(tmp_path)
    assert MARKUP in page.words
    assert not page.all("script")
    assert not page.all("img")
