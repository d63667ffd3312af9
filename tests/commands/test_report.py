"""``distill-bench report``: the page again, from JSON alone, of one run or of several."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.catalog import format_value
from distill_fixtures.plugin.export import Documents, export
from tests.commands.test_compare import changed
from tests.commands.written_runs import Json, made_documents, output_of, write_run
from tests.report.page_documents import MARKUP, with_markup
from tests.report.parsed_page import Page, parse
from tests.report.test_html_files import state

UNUSABLE = 4
Capture = pytest.CaptureFixture[str]
Report = Callable[..., tuple[str, str]]


def page_of(folder: Path) -> Page:
    return parse((folder / "report.html").read_text("utf-8"))


@pytest.fixture
def report(capsys: Capture) -> Report:
    """The command, which must go well; its output and errors."""

    def run(*words: object) -> tuple[str, str]:
        status, out, err = output_of(capsys, "report", *words)
        assert status == 0, err
        return out, err

    return run


# One run.


def test_the_same_page_comes_from_the_files(tmp_path: Path, report: Report) -> None:
    export(tmp_path / "run", Documents(*made_documents()), state())
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("report*")}
    assert len(before) > 8
    report(tmp_path / "run", "--output", tmp_path / "again")
    after = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert after == before


def test_the_page_lies_beside_the_file(tmp_path: Path, report: Report) -> None:
    out, err = report(write_run(tmp_path, *made_documents()))
    lines = out.splitlines()
    assert lines[0] == f"written: {tmp_path / 'report.html'}"
    assert all(Path(line.removeprefix("written: ")).is_file() for line in lines)
    assert err == ""


def test_a_copy_in_the_history_is_drawn_without_the_answers(tmp_path: Path, report: Report) -> None:
    export(tmp_path, Documents(*made_documents()), state())
    (copied,) = (tmp_path / "history").iterdir()
    report(copied, "--output", tmp_path / "old")
    page = page_of(tmp_path / "old")
    assert "Calibration: the answers one by one" in page.words
    assert "The differences have no intervals" not in page.words
    assert "Lines are 95 % intervals of the difference" in page.words
    assert page.named("plot-agreement")
    assert "both wrong" in page.named("plot-agreement-description").words


@pytest.mark.parametrize("kind", ["another run", "an older version", "no JSON"])
def test_answers_that_do_not_belong_are_not_used(kind: str, tmp_path: Path, report: Report) -> None:
    path = write_run(tmp_path, *made_documents())
    other = tmp_path / "comparison_results.json"
    if kind == "another run":
        write_run(tmp_path, made_documents()[0], made_documents(60)[1])
    else:
        other.write_text('{"schema_version": 1}' if kind == "an older version" else "{", "utf-8")
    _, err = report(path)
    assert err.count("\n") == 1
    assert "comparison_results.json beside it" in err
    assert "Calibration: the answers one by one" in page_of(tmp_path).words


def test_files_that_cannot_be_used_are_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "bad.json").write_text("{}", "utf-8")
    path = write_run(tmp_path / "run", *made_documents())
    (tmp_path / "file").write_text("", "utf-8")
    into_a_file = (path, "--output", tmp_path / "file" / "deep")
    for words, said in (
        ((tmp_path / "bad.json",), "bad.json"),
        ((tmp_path / "none.json",), "none.json"),
        (into_a_file, "--output"),
    ):
        status, _, err = output_of(capsys, "report", *words)
        assert status == UNUSABLE
        for part in (said, "got:", "wanted:", "next:"):
            assert part in err


@pytest.mark.parametrize("several", [False, True])
def test_it_imports_neither_torch_nor_pytest(several: bool, tmp_path: Path) -> None:
    path = str(write_run(tmp_path, *made_documents()))
    paths = [path, path] if several else [path]
    code = (
        "import sys; from distill_fixtures.cli import main; "
        f"assert main(['report', *{paths!r}]) == 0; "
        "print(sorted({'torch', 'transformers', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# Several runs.


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Three students of one teacher, the second in a folder with a page of its own."""
    paths = [
        write_run(tmp_path / "large", changed(student="m/large", accuracy=0.9)),
        write_run(
            tmp_path / "the middle",
            changed(student="m/middle", accuracy=0.7, inference_time_s=1e-4, disk_bytes=10),
        ),
        write_run(tmp_path / "poor", changed(student="m/poor", accuracy=0.5)),
    ]
    (tmp_path / "the middle" / "report.html").write_text("its own", "utf-8")
    return paths


def rows_of(page: Page) -> list[str]:
    """The rows of the leaderboard."""
    return [each.words for each in page.all("tr") if "gate: " in each.words]


def test_several_runs_make_one_page(three: list[Path], report: Report) -> None:
    report(*three)
    folder = three[0].parent.parent
    page = page_of(folder)
    assert {each.attributes["id"] for each in page.all("figure")} == {"plot-tradeoff"}
    (link,) = [each for each in page.all("a") if "report.html" in each.attributes["href"]]
    assert link.attributes["href"] == "the%20middle/report.html"
    assert "3 students side by side" in page.words
    rows = rows_of(page)
    assert all(name in row for name, row in zip(("large", "middle", "poor"), rows, strict=True))
    assert [row.endswith("time, size") for row in rows] == [True, True, False]
    for words in ("90.0 %", "70.0 %", "50.0 %", "100 µs", format_value("disk_bytes", 10)):
        assert words in "".join(rows), words
    assert (folder / "report_tradeoff.png").is_file()
    described = page.named("plot-tradeoff-description").words
    assert "least time per sample for its accuracy: 2, 1;" in described


def test_pairs_say_who_is_surely_ahead(three: list[Path], report: Report) -> None:
    report(*three)
    page = page_of(three[0].parent.parent)
    (pairs,) = [each for each in page.all("table") if "Only the first right" in each.words]
    assert "1 against 3" in pairs.words
    assert "Holm's correction over 3 pairs; 3 of them differ by more than chance" in page.words
    assert "nothing tells which share a source" in page.words


def with_other(part: str, **more: Any) -> Json:
    document = changed(student="m/other", accuracy=0.6)
    document[part] |= more
    return document


def test_what_does_not_compare_is_not_drawn_together(
    tmp_path: Path, three: list[Path], report: Report
) -> None:
    machine = with_other("environment", machine={"cpu": "another processor"})
    report(*three, write_run(tmp_path / "there", machine), "--output", tmp_path / "times")
    times = page_of(tmp_path / "times")
    assert "Not every figure compares: Time per sample" in times.words
    assert "Time per sample of run 3 in the drawing: the table says why" in times.words
    (row,) = [each for each in rows_of(times) if "other" in each]
    assert "another processor here" in row
    asked = with_other("dataset", digest="other questions")
    report(three[0], write_run(tmp_path / "asked", asked), "--output", tmp_path / "answers")
    answers = page_of(tmp_path / "answers")
    assert "other questions here" in answers.words
    assert "no two runs have answers to the same questions" in answers.words


def test_a_partial_run_is_marked(tmp_path: Path, three: list[Path], report: Report) -> None:
    partial = with_other("run", partial=True, partial_reasons=["--distill-limit 60"])
    report(*three, write_run(tmp_path / "partial", partial), "--output", tmp_path / "out")
    page = page_of(tmp_path / "out")
    assert "Partial: run 3 did not measure everything" in page.words
    (row,) = [each for each in rows_of(page) if "other" in each]
    assert "gate: pass, partial" in row or "gate: fail, partial" in row


def test_markup_in_several_runs_is_text(tmp_path: Path, report: Report) -> None:
    evil = with_markup(Documents(*copy.deepcopy(made_documents())))
    assert evil.comparison is not None
    paths = [write_run(tmp_path / name, evil.metrics, evil.comparison) for name in ("one", "two")]
    report(*paths)
    page = page_of(tmp_path)
    assert MARKUP in page.words
    assert not page.all("script")
    assert not page.all("img")
