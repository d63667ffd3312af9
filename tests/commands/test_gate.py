"""``distill-bench gate``: exit codes, what it says, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.written_runs import (
    HOSTILE_NAMES,
    Json,
    made_documents,
    output_of,
    write_run,
)

HOLDS, FAILS, UNUSABLE = 0, 1, 4
LOOSE = "[criteria.knowledge_retention_pct]\ngood = 20\npoor = 10\n"
STRICT = "[criteria.knowledge_retention_pct]\ngood = 200\npoor = 199\n"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    document, comparison = made_documents()
    return write_run(tmp_path / "run", document, comparison)


def thresholds(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "status"), [(LOOSE, HOLDS), (STRICT, FAILS)])
def test_exit_codes(text: str, status: int, run: Path, tmp_path: Path, capsys: Capture) -> None:
    own = thresholds(tmp_path, text)
    found, out, err = output_of(capsys, "gate", run, "--thresholds", own)
    assert (found, err) == (status, "")
    # A long path is cut at the end of a line.
    assert f"judgedby{own}" in "".join(out.split())
    assert ("gate: pass" in out) == (status == HOLDS)
    assert ("knowledge_retention_pct is poor" in out) == (status == FAILS)
    assert max(map(len, out.splitlines())) <= 80


def test_a_folder_stands_for_its_document(run: Path, capsys: Capture) -> None:
    by_file = output_of(capsys, "gate", run)
    by_folder = output_of(capsys, "gate", run.parent)
    assert by_folder == by_file


def test_the_shipped_thresholds_and_those_of_the_folder(run: Path, capsys: Capture) -> None:
    status, out, _ = output_of(capsys, "gate", run)
    wanted = made_documents()[0]["verdict"]
    assert status == (HOLDS if wanted["gate"] == "pass" else FAILS)
    assert f"verdict: {wanted['overall']}, gate: {wanted['gate']}" in out
    assert out.count("Accuracy per parameter") == 1
    Path("thresholds.toml").write_text(STRICT, encoding="utf-8")
    assert output_of(capsys, "gate", run)[0] == FAILS


def test_the_table_says_interval_and_stability(run: Path, capsys: Capture) -> None:
    out = output_of(capsys, "gate", run)[1]
    assert "95 % interval" in out
    line = next(each for each in out.splitlines() if each.startswith("Knowledge retention"))
    assert line.count("%") >= 3


def test_quiet_says_what_fails_alone(run: Path, tmp_path: Path, capsys: Capture) -> None:
    assert output_of(capsys, "gate", run, "-q", "--thresholds", thresholds(tmp_path, LOOSE)) == (
        *(HOLDS, "", ""),
    )
    status, out, _ = output_of(
        capsys, "gate", run, "--quiet", "--thresholds", thresholds(tmp_path, STRICT)
    )
    assert status == FAILS
    assert out.startswith("knowledge_retention_pct is poor: ")
    assert "next:" in out


def test_json(run: Path, tmp_path: Path, capsys: Capture) -> None:
    own = thresholds(tmp_path, STRICT)
    status, out, _ = output_of(capsys, "gate", run, "--json", "--thresholds", own)
    said = json.loads(out)
    assert status == FAILS
    assert said["verdict"]["gate"] == "fail"
    assert [each["grade"] for each in said["verdict"]["criteria"]] == ["poor"]
    assert said["regression"] is None
    assert said["thresholds"] == str(own)


# The comparison beside it.

SLICES = '[criteria.accuracy.subdomain."*"]\ngood = 0.99\npoor = 0.98\n'


def test_slices_are_judged_from_the_answers_beside_it(
    run: Path, tmp_path: Path, capsys: Capture
) -> None:
    own = thresholds(tmp_path, SLICES)
    out = output_of(capsys, "gate", run, "--thresholds", own)[1]
    assert "not judged" not in out
    (run.parent / "comparison_results.json").unlink()
    status, out, _ = output_of(capsys, "gate", run, "--thresholds", own)
    assert status == FAILS
    assert "the run did not judge this slice" in " ".join(out.split())


def test_answers_of_another_run_are_not_used(run: Path, tmp_path: Path, capsys: Capture) -> None:
    write_run(run.parent, made_documents()[0], made_documents(40)[1])
    out = output_of(capsys, "gate", run, "--thresholds", thresholds(tmp_path, SLICES))[1]
    said = " ".join(out.split())
    assert (
        "note: comparison_results.json beside it is of another run: it holds 40 questions" in said
    )


@pytest.mark.parametrize("content", ["", "[]", '{"schema_version": 2}', "\x00"])
def test_broken_answers_beside_it_are_said_and_not_used(
    content: str, run: Path, capsys: Capture
) -> None:
    (run.parent / "comparison_results.json").write_text(content, encoding="utf-8")
    status, out, _ = output_of(capsys, "gate", run)
    assert status == HOLDS
    assert "note: comparison_results.json beside it cannot be used" in " ".join(out.split())


# Regression.

RECORD: Json = {
    "metric": "disk_bytes",
    "baseline": 100.0,
    "current": 108.0,
    "change_pct": 8.0,
    "ci95": None,
    "tolerance_pct": 10.0,
    "verdict": "pass",
    "basis": "the figure itself",
    "differences": [],
    "reason": None,
    "message": "made up",
}


@pytest.mark.parametrize(("tolerance", "status"), [(10, HOLDS), (7, FAILS)])
def test_the_runs_comparison_is_judged_again(
    tolerance: int, status: int, tmp_path: Path, capsys: Capture
) -> None:
    document, _ = made_documents()
    document["regression"] = [RECORD]
    run = write_run(tmp_path / "run", document)
    own = thresholds(
        tmp_path,
        f"{LOOSE}[regression.disk_bytes]\ntolerance_pct = {tolerance}\n"
        "[regression.accuracy]\ntolerance_pct = 5\n",
    )
    found, out, _ = output_of(capsys, "gate", run, "--thresholds", own)
    assert found == status
    assert ("disk_bytes against the baseline: fail" in out) == (status == FAILS)
    assert "not compared in that run, and so not judged: accuracy" in " ".join(out.split())


def test_a_baseline_is_compared_offline(run: Path, tmp_path: Path, capsys: Capture) -> None:
    smaller = made_documents()[0]
    smaller["student"]["size"]["disk_bytes"] //= 2
    baseline = write_run(tmp_path / "earlier", smaller)
    status, out, _ = output_of(capsys, "gate", run, "--baseline", baseline)
    assert status == FAILS
    assert "disk_bytes against the baseline: fail" in out
    assert f"baseline:{baseline}of2026-01-02" in "".join(out.split())
    said = " ".join(out.split())
    assert "Time per sample: not comparable" in said
    status, out, _ = output_of(capsys, "gate", run, "--baseline", run)
    assert status == HOLDS
    assert "Accuracy: pass, +0.0 %" in " ".join(out.split())


# GitHub.


def test_annotations_on_github_alone(
    run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = thresholds(tmp_path, STRICT)
    assert "::error" not in output_of(capsys, "gate", run, "--thresholds", own)[1]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    out = output_of(capsys, "gate", run, "--thresholds", own)[1]
    (line,) = [each for each in out.splitlines() if each.startswith("::")]
    assert line.startswith("::error title=knowledge_retention_pct::knowledge_retention_pct is poor")
    assert "%0A  bounds:" in line
    assert "::error" not in output_of(capsys, "gate", run)[1]


# What cannot be used.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("", "is no JSON"),
        ("{}", "is no document of this version"),
        ('{"schema_version": 5}', "is no valid document"),
        ("\ufffe", "is no JSON"),
    ],
)
def test_an_unusable_file(content: str | None, words: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    status, out, err = output_of(capsys, "gate", path)
    assert (status, out) == (UNUSABLE, "")
    assert words in err.splitlines()[0]
    assert [line.split()[0] for line in err.splitlines()[1:]] == ["got:", "wanted:", "next:"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[criteria", "is no TOML"),
        ("[criteria.beauty]\ngood = 1\npoor = 0\n", "names no metric"),
        ("[criteria.accuracy]\ngood = 0\npoor = 1\n", "wrong way round"),
    ],
)
def test_unusable_thresholds(
    text: str, words: str, run: Path, tmp_path: Path, capsys: Capture
) -> None:
    status, out, err = output_of(capsys, "gate", run, "--thresholds", thresholds(tmp_path, text))
    assert (status, out) == (UNUSABLE, "")
    assert words in err


def test_an_unusable_baseline(run: Path, tmp_path: Path, capsys: Capture) -> None:
    status, _, err = output_of(capsys, "gate", run, "--baseline", tmp_path / "none.json")
    assert status == UNUSABLE
    assert "the baseline" in err


@pytest.mark.parametrize("name", ["x" * 5000, "a\x1b[2Jb.json", "."])
def test_odd_paths(name: str, capsys: Capture) -> None:
    status, _, err = output_of(capsys, "gate", name)
    assert status == UNUSABLE
    assert "\x1b" not in err


# Documents made to hurt.


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_shown_and_do_nothing(
    name: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, comparison = made_documents()
    for role in ("teacher", "student"):
        document[role]["reference"] = name
    document["dataset"]["name"] = name
    document["verdict"]["criteria"][0] |= {
        "grade": "not_judged",
        "reason": name,
        "message": name,
    }
    run = write_run(tmp_path / "run", document, comparison)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    status, out, err = output_of(capsys, "gate", run)
    assert (status, err) == (FAILS, "")
    for each in ("\x1b", "\x07", "\x9b", "\u202e", "\r", "\u0000"):
        assert each not in out
    if name.startswith("["):
        assert name in out
    commands = [line for line in out.splitlines() if line.strip().startswith("::")]
    assert all(line.startswith("::error title=knowledge_retention_pct::") for line in commands)
    assert len(commands) == 1


def deeply(document: Json, path: str, value: object) -> None:
    *parts, last = path.split(".")
    place: Any = document
    for part in parts:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[int(last) if isinstance(place, list) else last] = value


def unknown_bits(document: Json) -> None:
    deeply(document, "distillation.number_format_differs", True)
    deeply(document, "teacher.size.bits_per_parameter", None)


ODD: dict[str, Callable[[Json], None]] = {
    "no reasons": lambda d: deeply(d, "reasons", {}),
    "no options": lambda d: deeply(d, "run.options", {}),
    "no machine": lambda d: deeply(d, "environment.machine", {}),
    "no criteria": lambda d: deeply(d, "verdict.criteria", []),
    "a baseline without comparisons": lambda d: deeply(
        d, "run.baseline", {"path": "x", "created_at": "y", "student": "z"}
    ),
    "a criterion twice": lambda d: d["verdict"]["criteria"].append(d["verdict"]["criteria"][0]),
    "huge numbers": lambda d: deeply(d, "verdict.criteria.0.value", 1e308),
    "a turned interval": lambda d: deeply(d, "distillation.intervals.speedup", [9.0, 1.0]),
    "flags without bits": unknown_bits,
    "no timing": lambda d: deeply(d, "timing", None),
    "no date": lambda d: deeply(d, "created_at", ""),
    "no answers": lambda d: deeply(d, "student.accuracy.correct_by_question", None),
    "p-values that are none": lambda d: d["verdict"]["criteria"].append(
        d["verdict"]["criteria"][0]
        | {"slice": "subdomain Optics", "p_value": -7.0, "p_value_holm": 1e300, "value": 1.0}
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_document_is_judged_or_refused(name: str, tmp_path: Path, capsys: Capture) -> None:
    document, comparison = made_documents()
    ODD[name](document)
    run = write_run(tmp_path / "run", document, comparison)
    for text in ("", SLICES, STRICT):
        status, _, err = output_of(capsys, "gate", run, "--thresholds", thresholds(tmp_path, text))
        assert status in (HOLDS, FAILS)
        assert err == ""
