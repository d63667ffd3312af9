"""Reading an earlier run's document, which may come from anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import BaselineError
from distill_fixtures.report.baseline import Baseline, NoBaseline, newest_baseline, read_baseline
from distill_fixtures.report.json_files import history_name
from tests.report.made_up_run import MadeUpRun


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return MadeUpRun(questions=20).documents().metrics


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_document_comes_back_as_it_was_written(tmp_path: Path, document: dict[str, Any]) -> None:
    path = written(tmp_path / "earlier.json", document)
    assert read_baseline(path) == Baseline(path, document)


@pytest.mark.parametrize(
    ("content", "what", "got"),
    [
        ("", "no JSON", "Expecting value"),
        ("[1, 2", "no JSON", "delimiter"),
        ('{"schema_version": NaN}', "no JSON", "NaN is no JSON"),
        ("[" * 100_000, "no JSON", "recursion"),
        ("[]", "no document of this version", "no schema_version"),
        ('{"created_at": "2026"}', "no document of this version", "no schema_version"),
        ('{"schema_version": 2}', "no document of this version", "schema_version 2"),
        ('{"schema_version": 5}', "no valid document", "Field required"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, content: str, what: str, got: str) -> None:
    with pytest.raises(BaselineError) as caught:
        read_baseline(written(tmp_path / "b.json", content))
    assert what in caught.value.what
    assert str(tmp_path / "b.json") in caught.value.what
    assert got in caught.value.got
    assert "schema_version 5 or 4" in caught.value.wanted


def test_a_wrong_value_is_named_by_its_place(tmp_path: Path, document: dict[str, Any]) -> None:
    broken = document | {"teacher": document["teacher"] | {"digest": 7}}
    with pytest.raises(BaselineError) as caught:
        read_baseline(written(tmp_path / "b.json", broken))
    assert caught.value.got.startswith("teacher.digest: ")


def timing(**changed: object) -> dict[str, Any]:
    times = {"seconds": [1.0, 1.0], "ttft_s": [0.1, 0.1], "tpot_s": [None, None]}
    process = {"load_s": 1.0, "teacher": times | changed, "student": times}
    return {
        "device": "cpu",
        "dtype": "float32",
        "threads": 2,
        "samples": 1,
        "new_tokens": 1,
        "note": None,
        "processes": [process],
    }


@pytest.mark.parametrize(
    ("process_timing", "words"),
    [
        (timing(), None),
        (timing() | {"processes": []}, "process_timing.processes"),
        (timing(seconds=[]), "seconds"),
        (timing(seconds=[1.0]), "one entry a round"),
        (timing(seconds=[1.0, -1.0]), "seconds"),
        (timing(seconds=[1.0], ttft_s=[0.1], tpot_s=[None]), "as many rounds"),
    ],
)
def test_rounds_that_are_none(
    tmp_path: Path,
    document: dict[str, Any],
    process_timing: dict[str, Any],
    words: str | None,
) -> None:
    path = written(tmp_path / "b.json", document | {"process_timing": process_timing})
    if words is None:
        assert read_baseline(path).document["process_timing"] == process_timing
        return
    with pytest.raises(BaselineError) as caught:
        read_baseline(path)
    assert words in caught.value.got


@pytest.mark.parametrize("told", ["", "1", "xyz", "1" * 21, "1" * 19 + "2"])
def test_answers_that_are_none(tmp_path: Path, document: dict[str, Any], told: str) -> None:
    accuracy = document["student"]["accuracy"] | {"correct_by_question": told}
    broken = document | {"student": document["student"] | {"accuracy": accuracy}}
    with pytest.raises(BaselineError):
        read_baseline(written(tmp_path / "b.json", broken))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BaselineError):
            read_baseline(path)


def test_the_newest_that_will_do_is_found(tmp_path: Path, document: dict[str, Any]) -> None:
    runs = [("2026-03-01", "a"), ("2026-05-01", "a"), ("2026-06-01", "b"), ("2026-04-01", "a")]
    for created_at, student in runs:
        changed = document | {
            "created_at": created_at,
            "student": document["student"] | {"reference": student},
        }
        written(tmp_path / history_name(changed), changed)
    written(tmp_path / "odd.json", '{"earlier": "history"}')

    def why_not(found: Any) -> str | None:
        return None if found["student"]["reference"] == "a" else "of another student"

    found = newest_baseline(tmp_path, why_not)
    assert isinstance(found, Baseline)
    assert found.document["created_at"] == "2026-05-01"

    none = newest_baseline(tmp_path, lambda found: "failed")
    assert none == NoBaseline(tmp_path, {"failed": 4, "unreadable or of another version": 1})
    assert "4 failed" in str(none)


def test_an_empty_history_is_a_first_run(tmp_path: Path) -> None:
    none = newest_baseline(tmp_path / "history", lambda found: None)
    assert isinstance(none, NoBaseline)
    assert str(none) == f"{tmp_path / 'history'} holds no earlier run: this is the first"
