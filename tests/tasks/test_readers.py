"""Which reader a path goes to, and what an unusable path is told."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from distill_fixtures.demo import questions_file
from distill_fixtures.errors import QuestionFileError
from distill_fixtures.options.of_questions import PUBLISHED_PASSWORD
from distill_fixtures.records import QuestionSet
from distill_fixtures.tasks.readers import read_questions

LINE = json.dumps({"id": "q1", "question": "2 + 2?", "choices": ["3", "4"], "answer": 1})


def read(path: Path, limit: int | None = None) -> QuestionSet:
    return read_questions(path, password=PUBLISHED_PASSWORD, limit=limit)


@pytest.mark.parametrize("name", ["some.jsonl", "SOME.JSONL"])
def test_jsonl_by_its_ending(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(LINE)
    assert read(path).name == path.stem


@pytest.mark.skipif(not questions_file().exists(), reason="the built-in questions are not built")
def test_the_built_in_set() -> None:
    demo = read_questions(questions_file(), password="", limit=None, name="demo")
    assert (demo.name, demo.default_scoring) == ("demo", "cloze")
    assert len(demo) >= 600
    assert len(read(questions_file(), limit=5)) == 5
    assert all(question.source for question in demo.questions)


@pytest.mark.parametrize("name", ["some.txt", "some.json", "some"])
def test_an_unknown_kind_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(LINE)
    with pytest.raises(QuestionFileError, match="no kind that can be read") as caught:
        read(path)
    assert ".jsonl" in caught.value.wanted


@pytest.mark.parametrize(
    "name", ["none.jsonl", "none.csv", "none.zip", "none", "x" * 5000, "a\0b.jsonl", "a\0b"]
)
def test_a_missing_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".zip"])
def test_a_pipe_is_refused_without_waiting(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"pipe{suffix}"
    os.mkfifo(path)
    started = time.monotonic()
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read(path)
    assert time.monotonic() - started < 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(LINE)
    path.chmod(0)
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read(path)


def test_a_folder_that_is_no_quantumbench_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuestionFileError, match="holds no QuantumBench"):
        read(tmp_path)
