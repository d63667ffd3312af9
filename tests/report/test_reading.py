"""Result files that may come from anywhere."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import ResultFileError
from distill_fixtures.report.reading import read_comparison, read_document
from tests.judge.judged_runs import as_json
from tests.report.made_up_run import MadeUpRun

Json = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> tuple[Json, Json]:
    found = MadeUpRun(questions=20).documents()
    return as_json(found.metrics), as_json(found.comparison)


def written(path: Path, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def test_both_files_come_back_as_they_were_written(tmp_path: Path, made: tuple[Json, Json]) -> None:
    assert read_document(written(tmp_path / "a.json", made[0])) == made[0]
    assert read_comparison(written(tmp_path / "b.json", made[1])) == made[1]


def earlier(document: Json) -> Json:
    """As the version before this one wrote it."""
    pair = {
        name: value
        for name, value in document["distillation"].items()
        if not name.startswith("accuracy_loss_by")
    }
    return document | {"schema_version": 4, "distillation": pair}


def test_a_run_of_the_version_before_is_read(tmp_path: Path, made: tuple[Json, Json]) -> None:
    found = read_document(written(tmp_path / "a.json", earlier(made[0])))
    for kind in ("subdomain", "question_type"):
        name = f"accuracy_loss_by_{kind}"
        assert found["distillation"].pop(name) is None
        reason = found["reasons"].pop(f"distillation.{name}")
        assert reason == "a file of schema_version 4 does not have it"
    wanted = earlier(made[0]) | {"schema_version": 5}
    assert found == wanted
    path = written(tmp_path / "b.json", made[1] | {"schema_version": 4})
    assert read_comparison(path) == made[1]


@pytest.mark.parametrize("part", ["distillation", "reasons"])
def test_a_broken_run_of_the_version_before_is_refused(
    part: str, tmp_path: Path, made: tuple[Json, Json]
) -> None:
    wrong: tuple[object, ...] = ([], None, {"unknown": [1]})
    for broken in wrong:
        path = written(tmp_path / "a.json", earlier(made[0]) | {part: broken})
        with pytest.raises(ResultFileError, match="no valid document"):
            read_document(path)


@pytest.mark.parametrize("read", [read_document, read_comparison])
@pytest.mark.parametrize(
    ("content", "what", "got"),
    [
        ("", "is no JSON", "Expecting value"),
        ('{"schema_version": Infinity}', "is no JSON", "Infinity is no JSON"),
        ("[" * 100_000, "is no JSON", "recursion"),
        ('{"schema_version": ' + "9" * 5000 + "}", "is no JSON", "5000 digits"),
        ("null", "is no document of this version", "no schema_version"),
        ('"text"', "is no document of this version", "no schema_version"),
        ('{"schema_version": "3"}', "is no document of this version", "'3'"),
        ('{"schema_version": [[]]}', "is no document of this version", "[[]]"),
        ('{"schema_version": 5, "run": 7}', "is no valid document", ": "),
    ],
)
def test_what_is_no_result_is_refused(
    read: Callable[[Path], Json], content: str, what: str, got: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "x.json", content)
    with pytest.raises(ResultFileError) as caught:
        read(path)
    assert caught.value.what == f"the results file {path} {what}"
    assert got in caught.value.got
    assert len(caught.value.got) <= 200
    assert "schema_version" in caught.value.wanted
    assert caught.value.next_step


CHANGES: dict[str, Callable[[Json], object]] = {
    "a missing part": lambda d: d.pop("student"),
    "a list for a part": lambda d: d.update(teacher=[]),
    "a text for a number": lambda d: d["student"]["size"].update(disk_bytes="big"),
    "an unknown key": lambda d: d["student"]["size"].update(wings=2),
    "an unknown grade": lambda d: d["verdict"]["criteria"][0].update(grade="splendid"),
    "an unknown metric": lambda d: d["verdict"]["criteria"][0].update(metric="beauty"),
    "a number too large": lambda d: d["student"]["size"].update(disk_bytes=10**30),
    "answers that are none": lambda d: d["student"]["accuracy"].update(correct_by_question="2"),
    "an interval of one end": lambda d: d["verdict"]["criteria"][0].update(ci95=[1.0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_document_that_is_none(name: str, made: tuple[Json, Json], tmp_path: Path) -> None:
    broken = copy.deepcopy(made[0])
    CHANGES[name](broken)
    with pytest.raises(ResultFileError):
        read_document(written(tmp_path / "x.json", broken))


def test_an_infinity_in_disguise(made: tuple[Json, Json], tmp_path: Path) -> None:
    text = json.dumps(made[0]).replace('"accuracy": 0.', '"accuracy": 1e999, "x": 0.', 1)
    with pytest.raises(ResultFileError):
        read_document(written(tmp_path / "x.json", text))


def test_a_comparison_is_no_document(made: tuple[Json, Json], tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match="no valid document"):
        read_document(written(tmp_path / "x.json", made[1]))
