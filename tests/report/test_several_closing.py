"""The closing words of several students: one table within 80 columns, and who is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from distill_fixtures.judge.board import BoardEntry, board_of
from distill_fixtures.judge.side_by_side import Contestant
from distill_fixtures.report.leaderboard_document import Leaderboard, NotMeasured
from distill_fixtures.report.schema import schema_of
from distill_fixtures.report.several_closing import several_text
from tests.report.made_up_run import MadeUpRun

WIDTH = 80


def board(count: int, *, missing: int = 0, interrupted: bool = False) -> dict[str, Any]:
    """As a session writes it; each further student knows less than the one before."""
    runs = []
    for number in range(count):
        skill: Any = {"teacher": 2.5, "student": 2.0 - number / 2, "control": 0.6}
        document = MadeUpRun(skill=skill, questions=60).documents().metrics
        runs.append(
            BoardEntry(f"student-{number}/distillation_metrics.json", Contestant(document, None))
        )
    metrics = ["accuracy", "knowledge_retention_pct", "inference_time_s", "disk_bytes"]
    found: dict[str, Any] = {
        "sorted_by": "accuracy",
        "held_against": None,
        "metrics": metrics,
        "runs": [],
        "pairs": [],
    }
    if runs:
        found = board_of(runs, metrics, "accuracy")
    for row in found["runs"]:
        row |= {"name": f"student-{row['given'] - 1}", "status": "measured"}
    absent = [
        NotMeasured(
            name=f"[red]gone-{number}",
            student="runs/" + "very-" * 20 + "long",
            status="failed",
            reason="the folder is not there: no such file",
        )
        for number in range(missing)
    ]
    made = Leaderboard.of(
        found,
        absent,
        created_at="2026-01-02T03:04:05+00:00",
        teacher="demo:teacher",
        interrupted=interrupted,
    )
    return made.model_dump(mode="json")


@pytest.mark.parametrize("count", [1, 3])
def test_one_table_within_80_columns(count: int) -> None:
    text = several_text(
        board(count, missing=1), [Path("m/leaderboard.json")], width=WIDTH, colour=False
    )
    assert max(map(len, text.splitlines())) <= WIDTH
    for number in range(count):
        assert f"student-{number}" in text
        assert f"written: m/student-{number}/" in text
    assert "failed: [red]gone-0" in text
    assert "gate: fail" in text
    assert "not measured: [red]gone-0" in text


def test_the_gate_and_the_files_alone() -> None:
    found = board(2, interrupted=True)
    text = several_text(
        found, [Path("m/leaderboard.json")], width=WIDTH, colour=False, verbosity=-1
    )
    assert text.splitlines()[0].startswith("gate: ")
    assert "interrupted: " in text
    assert "accuracy" not in text


def test_nobody_was_measured() -> None:
    found = board(0, missing=2)
    assert (found["gate"], found["held_against"]) == ("fail", None)
    text = several_text(found, [], width=WIDTH, colour=False)
    assert text.count("failed: ") == 2


def test_the_document_fits_its_schema() -> None:
    jsonschema.validate(board(2, missing=1), schema_of("leaderboard"))


def test_a_student_left_out_by_choice_fails_nothing() -> None:
    kept = NotMeasured(name="b", student="b", status="not_selected", reason="not selected")
    whole = board(1)
    passing = [{**row, "gate": "pass"} for row in whole["runs"]]
    rest = {key: whole[key] for key in ("sorted_by", "held_against", "metrics", "pairs")}
    for absent, gate in (([], "pass"), ([kept], "pass")):
        document = Leaderboard.of(
            {**rest, "runs": passing}, absent, created_at="", teacher="t", interrupted=False
        )
        assert document.gate == gate
