"""``distill-bench summary`` and ``badge``."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from distill_fixtures.report.badge import COLOURS, PLAIN
from distill_fixtures.report.markdown import summary_markdown
from tests.commands.written_runs import HOSTILE_NAMES, made_documents, output_of, write_run

UNUSABLE = 4
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", made_documents()[0])


def badge_texts(path: Path) -> list[str]:
    root = ET.parse(path).getroot()
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_summary_is_the_runs_markdown(run: Path, capsys: Capture) -> None:
    status, out, err = output_of(capsys, "summary", run)
    assert (status, err) == (0, "")
    assert out == summary_markdown(made_documents()[0])
    assert output_of(capsys, "summary", run.parent)[1] == out


def test_an_unusable_file(tmp_path: Path, capsys: Capture) -> None:
    for words in (("summary",), ("badge", "--out", "x.svg")):
        status, out, err = output_of(capsys, *words, tmp_path / "none.json")
        assert (status, out) == (UNUSABLE, "")
        assert "cannot be read" in err


@pytest.mark.parametrize(
    ("overall", "gate", "message", "colour"),
    [
        ("good", "pass", "good", COLOURS["good"]),
        ("acceptable", "pass", "acceptable", COLOURS["acceptable"]),
        ("poor", "fail", "poor", COLOURS["poor"]),
        ("good", "fail", "good, gate fails", COLOURS["poor"]),
        ("not_judged", "fail", "not judged, gate fails", COLOURS["poor"]),
        ("not_judged", "pass", "not judged", COLOURS["not_judged"]),
    ],
)
def test_a_badge_of_the_verdict(
    overall: str, gate: str, message: str, colour: str, tmp_path: Path, capsys: Capture
) -> None:
    document, _ = made_documents()
    document["verdict"] |= {"overall": overall, "gate": gate}
    path = tmp_path / "badge.svg"
    run = write_run(tmp_path / "run", document)
    status, out, _ = output_of(capsys, "badge", run, "--out", path)
    assert (status, out) == (0, f"written: {path}\n")
    assert badge_texts(path) == ["distilled model", message]
    assert colour in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("metric", "texts", "colour"),
    [
        ("size_reduction_pct", ["Size reduction", "75.0 %"], COLOURS["good"]),
        ("disk_bytes", ["Size on disk", "250 B"], PLAIN),
        ("load_time_cold_s", ["Load time, cold", "not measured"], COLOURS["not_judged"]),
    ],
)
def test_a_badge_of_a_figure(
    metric: str, texts: list[str], colour: str, run: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "badge.svg"
    assert output_of(capsys, "badge", run, "--out", path, "--metric", metric)[0] == 0
    assert badge_texts(path)[1] == texts[1]
    assert colour in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_label_of_any_text(name: str, run: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "badge.svg"
    assert output_of(capsys, "badge", run, "--out", path, "--label", name)[0] == 0
    label, _ = badge_texts(path)
    assert 0 < len(label) <= 60
    if name.startswith("<"):
        assert label == name


def test_a_place_that_cannot_be_written(run: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in (tmp_path / "file" / "badge.svg", tmp_path):
        status, _, err = output_of(capsys, "badge", run, "--out", place)
        assert status == UNUSABLE
        assert "--out cannot be written" in err


def test_a_metric_that_is_none(run: Path, capsys: Capture) -> None:
    status, _, err = output_of(capsys, "badge", run, "--out", "x.svg", "--metric", "beauty")
    assert status == UNUSABLE
    assert "--metric names no metric" in err
    assert not Path("x.svg").exists()
