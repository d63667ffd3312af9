"""Strict, atomic, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import OptionError
from distill_fixtures.report.json_files import (
    check_writable,
    history_name,
    write_json,
    write_results,
)

DOCUMENT: dict[str, Any] = {
    "created_at": "2026-11-24T04:05:06.123456+00:00",
    "teacher": {"reference": "demo:teacher"},
    "student": {"reference": "../my models/tiny student"},
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    content = {"name": "Schrödinger 猫", "value": 0.1 + 0.2, "null": None, "list": [1, 2.5]}
    path = tmp_path / "new" / "folder" / "file.json"
    write_json(path, content)
    assert json.loads(path.read_text("utf-8")) == content
    assert "猫" in path.read_text("utf-8")


def test_half_a_surrogate_pair_is_written_as_json_has_it(tmp_path: Path) -> None:
    """A file's name that is no UTF-8, or a server's text, must not end a run of hours."""
    content = {"reference": "mod\udce9l", "text": "a\ud800b 猫"}
    write_json(tmp_path / "file.json", content)
    assert json.loads((tmp_path / "file.json").read_text("utf-8")) == content


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_strict_json_lacks_is_refused(tmp_path: Path, number: float) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"value": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"value": [number]})
    assert json.loads(path.read_text("utf-8")) == {"value": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failing_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, fault: BaseException
) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"value": "old"})

    def fail(*arguments: object) -> None:
        raise fault

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(fault)):
        write_json(path, {"value": "new"})
    assert json.loads(path.read_text("utf-8")) == {"value": "old"}
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_results(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_json(tmp_path / "file.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "file.json").stat().st_mode & 0o777 == 0o644


def test_history_names_are_safe_and_in_order_of_time() -> None:
    name = history_name(DOCUMENT)
    assert name == "20261124T040506123456Z_demo-teacher_my-models-tiny-student.json"
    later = history_name(DOCUMENT | {"created_at": "2026-11-24T04:05:07+00:00"})
    assert name < later
    odd = history_name(DOCUMENT | {"student": {"reference": "org/ name:v1?\n*" * 20}})
    assert re.fullmatch(r"[A-Za-z0-9._-]+", odd)
    assert len(odd) < 140


def test_a_run_writes_its_files_and_keeps_the_one_before(tmp_path: Path) -> None:
    first = write_results(tmp_path, DOCUMENT | {"run": 1}, {"answers": 1})
    second = write_results(tmp_path, DOCUMENT | {"run": 2}, None)
    assert [path.name for path in first[:2]] == [
        "distillation_metrics.json",
        "comparison_results.json",
    ]
    assert len({*first, *second}) == 4
    assert all(path.is_file() for path in (*first, *second))
    assert json.loads(second[0].read_text("utf-8"))["run"] == 2
    kept = [json.loads(path.read_text("utf-8"))["run"] for path in (first[-1], second[-1])]
    assert kept == [1, 2]
    # Nothing was answered in the second run, so the first one's comparison is not replaced.
    assert json.loads((tmp_path / "comparison_results.json").read_text("utf-8")) == {"answers": 1}


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "there")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OptionError) as caught:
        check_writable(tmp_path / "file" / "metrics")
    assert str(tmp_path / "file") in caught.value.got
    assert "--metrics-dir" in caught.value.next_step


def test_a_folder_that_takes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the refusal is made."""

    def refuse(**arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(OptionError, match="cannot be written") as caught:
        check_writable(tmp_path)
    assert "Permission denied" in caught.value.got
