"""``distill-bench history``: the list, the drawing, the marks, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.written_runs import HOSTILE_NAMES, Json, made_documents, output_of

UNUSABLE = 4
Capture = pytest.CaptureFixture[str]


def put(folder: Path, day: int, **changed: object) -> Json:
    """One run of a day; what is changed is ``student``, ``disk_bytes``, ``right``, ``speedup``,
    ``partial`` or ``cpu``."""
    document, _ = made_documents()
    document["created_at"] = f"2026-01-{day:02}T03:04:05.000000+00:00"
    if "student" in changed:
        document["student"]["reference"] = changed["student"]
    if "disk_bytes" in changed:
        document["student"]["size"]["disk_bytes"] = changed["disk_bytes"]
    if "right" in changed:
        right = changed["right"]
        assert isinstance(right, int)
        document["student"]["accuracy"] |= {
            "accuracy": right / 120,
            "correct_by_question": "1" * right + "0" * (120 - right),
            "intervals": {"accuracy": [right / 120 - 0.08, right / 120 + 0.08]},
        }
    if "speedup" in changed:
        speedup = changed["speedup"]
        assert isinstance(speedup, float)
        document["distillation"]["speedup"] = speedup
        document["distillation"]["intervals"]["speedup"] = [speedup * 0.98, speedup * 1.02]
    if "cpu" in changed:
        document["environment"]["machine"]["cpu"] = changed["cpu"]
    document["run"]["partial"] = bool(changed.get("partial"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document['created_at'].replace(':', '')}_{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return document


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Three days: the second student is worse, the third is faster, and one run is partial."""
    folder = tmp_path / "metrics" / "history"
    put(folder, 1, right=100, speedup=2.0)
    put(folder, 2, right=80, speedup=2.0, disk_bytes=250)
    put(folder, 3, right=80, speedup=3.0, disk_bytes=300, partial=True)
    return folder


def lines_of(out: str, heading: str) -> list[str]:
    """The plot below a heading, without its scale."""
    lines = out.splitlines()
    start = lines.index(heading)
    found = []
    for line in lines[start + 2 :]:
        if not line.strip() or ": " in line:
            break
        found.append(line)
    return found


def test_runs_are_listed_oldest_first(history: Path, capsys: Capture) -> None:
    status, out, err = output_of(capsys, "history", history)
    assert (status, err) == (0, "")
    assert "teacher demo:teacher, student demo:student: 3 runs" in out
    listed = [line for line in out.splitlines() if line.endswith(("pass", "partial"))]
    assert [line.split()[0] for line in listed] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert [line.endswith("partial") for line in listed] == [False, False, True]
    assert max(map(len, out.splitlines())) <= 80


def test_the_metrics_folder_does_as_well(history: Path, capsys: Capture) -> None:
    assert output_of(capsys, "history", history.parent) == output_of(capsys, "history", history)


def test_the_folder_here_is_the_default(
    history: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(history.parent.parent)
    assert output_of(capsys, "history")[1] == output_of(capsys, "history", history)[1]


def test_each_metric_is_drawn_with_its_interval_and_steps(history: Path, capsys: Capture) -> None:
    out = output_of(capsys, "history", history)[1]
    accuracy = lines_of(out, "Accuracy")
    assert len(accuracy) == 3
    assert all("├" in line and "┤" in line for line in accuracy)
    assert ["worse" in line for line in accuracy] == [False, True, False]
    assert "○" in accuracy[2]
    speedup = lines_of(out, "Speedup")
    assert [line.endswith("▲ better") for line in speedup] == [False, False, True]
    size = lines_of(out, "Size on disk")
    assert [line.endswith("▼ worse") for line in size] == [False, False, True]
    said = " ".join(out.split())
    assert "2026-01-02 03:04: worse, -16.7 points (95 %: " in said
    assert "2026-01-03 03:04: better, +50.0 % (95 %: " in said
    assert "2026-01-03 03:04: worse, +50.0 B" in said


def test_the_rules_are_told(history: Path, capsys: Capture) -> None:
    said = " ".join(output_of(capsys, "history", history)[1].split())
    assert "excludes 0" in said
    assert "between comparable runs alone" in said
    assert "Peak memory has no marks: memory is measured once a run" in said
    assert "by chance" in said


def test_metrics_by_name(history: Path, capsys: Capture) -> None:
    out = output_of(capsys, "history", history, "--metric", "kappa", "--metric", "kappa")[1]
    assert out.count("Cohen's kappa") + out.count("Kappa") >= 1
    assert "Size on disk" not in out


def test_times_take_no_step_between_machines(tmp_path: Path, capsys: Capture) -> None:
    put(tmp_path, 1, speedup=2.0)
    put(tmp_path, 2, speedup=9.0, cpu="another")
    put(tmp_path, 3, speedup=2.0)
    out = output_of(capsys, "history", tmp_path, "--metric", "speedup")[1]
    assert "better" not in out.replace("▲ ▼ mark", "")
    assert "worse" not in out


def test_models_are_kept_apart(tmp_path: Path, capsys: Capture) -> None:
    put(tmp_path, 1, right=100)
    put(tmp_path, 2, right=40, student="another")
    out = output_of(capsys, "history", tmp_path, "--metric", "accuracy")[1]
    assert out.count("1 run\n") == 2
    assert "worse" not in out
    assert "▲" not in out


def test_the_newest_are_shown(tmp_path: Path, capsys: Capture) -> None:
    for day in range(1, 8):
        put(tmp_path, day)
    out = output_of(capsys, "history", tmp_path, "--last", 2, "--metric", "accuracy")[1]
    assert "7 runs, the newest 2 are shown (--last)" in " ".join(out.split())
    assert "2026-01-05" not in out
    assert "2026-01-07" in out
    assert output_of(capsys, "history", tmp_path, "--last", 0)[1].count("2026-01-01") > 1


def test_bad_files_are_named_and_skipped(history: Path, capsys: Capture) -> None:
    (history / "a_broken.json").write_text("{", encoding="utf-8")
    (history / "b_older.json").write_text('{"schema_version": 1}', encoding="utf-8")
    dateless = json.loads(next(history.glob("2026*")).read_text(encoding="utf-8"))
    dateless["created_at"] = "yesterday"
    (history / "c_dateless.json").write_text(json.dumps(dateless), encoding="utf-8")
    (history / "d_folder.json").mkdir()
    (history / "notes.txt").write_text("not mine", encoding="utf-8")
    status, out, err = output_of(capsys, "history", history)
    assert (status, err) == (0, "")
    said = " ".join(out.split())
    assert "3 runs" in said
    assert "skipped a_broken.json: is no JSON: " in said
    assert "skipped b_older.json: is no document of this version: schema_version 1" in said
    assert "skipped c_dateless.json: does not tell when it was made: yesterday" in said
    assert "skipped d_folder.json: cannot be read: a folder" in said
    assert "notes.txt" not in said


@pytest.mark.parametrize(
    ("created_at", "shown"),
    [
        ("2026-01-02T03:04:05", "2026-01-02 03:04"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02 01:04"),
        ("2026-01-02", "2026-01-02 00:00"),
    ],
)
def test_times_of_any_zone(created_at: str, shown: str, tmp_path: Path, capsys: Capture) -> None:
    document, _ = made_documents()
    document["created_at"] = created_at
    (tmp_path / "x.json").write_text(json.dumps(document), encoding="utf-8")
    assert shown in output_of(capsys, "history", tmp_path)[1]


@pytest.mark.parametrize("kind", ["missing", "empty", "a file", "only bad files"])
def test_no_history_is_an_error(kind: str, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "h"
    if kind == "a file":
        folder.write_text("", encoding="utf-8")
    elif kind != "missing":
        folder.mkdir()
    if kind == "only bad files":
        (folder / "x.json").write_text("{}", encoding="utf-8")
    status, out, err = output_of(capsys, "history", folder)
    assert (status, out) == (UNUSABLE, "")
    assert f"there is no history in {folder}" in err
    assert "next:" in err


@pytest.mark.parametrize("words", [("--metric", "beauty"), ("--last", "-1")])
def test_options_that_cannot_be_used(
    words: tuple[str, str], history: Path, capsys: Capture
) -> None:
    assert output_of(capsys, "history", history, *words)[0] == UNUSABLE


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_shown_and_do_nothing(name: str, tmp_path: Path, capsys: Capture) -> None:
    put(tmp_path, 1, student=name)
    put(tmp_path, 2, student=name, right=40)
    status, out, err = output_of(capsys, "history", tmp_path)
    assert (status, err) == (0, "")
    for each in ("\x1b", "\x07", "\x9b", "\u202e", "\r", "\u0000"):
        assert each not in out
    if name.startswith("["):
        assert name in out
