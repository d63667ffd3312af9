"""The closing table."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.report.terminal import closing_text
from tests.report.made_up_run import MadeUpRun

LABELS = (
    "Size on disk",
    "Accuracy",
    "Agreement",
    "Time per sample",
    "Time per output token",
    "Throughput, batch 4",
    "Accuracy per parameter",
    "Distillation gain",
)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return MadeUpRun().documents().metrics


@pytest.fixture
def document(made: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(made)


def shown(document: dict[str, Any], *, width: int = 80, verbosity: int = 0) -> str:
    return closing_text(document, [], width=width, colour=False, verbosity=verbosity)


def row(document: dict[str, Any], label: str) -> str:
    lines = shown(document).splitlines()
    (found,) = [line for line in lines if line.partition("  ")[0] == label]
    return found


def test_a_row_a_metric_with_teacher_student_change_bounds_and_grade(
    document: dict[str, Any],
) -> None:
    document["teacher"]["size"]["disk_bytes"] = 7_300_000
    document["student"]["size"]["disk_bytes"] = 1_460_000
    document["distillation"]["size_reduction_pct"] = 80.0
    cells = row(document, "Size on disk").split("  ")
    assert [cell.strip() for cell in cells if cell.strip()] == [
        "Size on disk",
        "7.30 MB",
        "1.46 MB",
        "80.0 % less",
        ">50 / <30",
        "good",
    ]


def test_eighty_columns_hold_it_all(document: dict[str, Any]) -> None:
    """At the widest that the cells get: long numbers, a borderline grade."""
    document["teacher"]["size"]["parameters_total"] = 134_515_008
    document["teacher"]["benchmark"]["throughput_samples_per_s"]["4"] = 1234.5
    document["distillation"]["knowledge_retention_pct"] = 119.6
    document["verdict"]["criteria"][2] |= {"borderline": True, "grade": "acceptable"}
    lines = shown(document).splitlines()
    assert max(map(len, lines)) == 80
    for label in LABELS:
        assert row(document, label)
    assert row(document, "Time per sample").endswith("acceptable ?")
    assert "135 M" in row(document, "Parameters")
    assert not any(line.endswith(" ") for line in lines)


def test_a_wide_terminal_is_not_filled(document: dict[str, Any]) -> None:
    table = [line for line in shown(document, width=200).splitlines() if "─" in line]
    assert [len(line) for line in table] == [110]


def test_colour_only_where_there_is_colour(document: dict[str, Any]) -> None:
    assert "\x1b" not in shown(document)
    coloured = closing_text(document, [], width=80, colour=True)
    assert "\x1b[32mgood" in coloured


@pytest.mark.parametrize("name", ["[red]Optics", "[/]", "<script>alert(1)</script>", "[link=x]"])
def test_what_users_write_is_shown_as_it_is(document: dict[str, Any], name: str) -> None:
    document["dataset"]["name"] = name
    criterion = {**document["verdict"]["criteria"][0], "slice": f"subdomain {name}"}
    criterion |= {"grade": "not_judged", "reason": f"no question of {name}", "value": None}
    document["verdict"]["criteria"].append(criterion)
    text = closing_text(document, [Path("/") / f"{name}.json"], width=110, colour=True)
    assert text.count(name) >= 4


def test_no_control_character_reaches_the_terminal(document: dict[str, Any]) -> None:
    document["dataset"]["name"] = "evil\x1b[2Jname\nnext"
    text = closing_text(document, [Path("a\x1b[2J.json")], width=80, colour=False)
    assert "\x1b" not in text
    assert "evil�[2Jname�next" in text


def test_quiet_says_the_verdict_alone(document: dict[str, Any]) -> None:
    assert shown(document, verbosity=-1).splitlines() == ["verdict: acceptable, gate: pass"]


def test_a_borderline_grade_is_explained(document: dict[str, Any]) -> None:
    assert "?:" not in shown(document)
    document["verdict"]["criteria"][2]["borderline"] = True
    assert "?: the interval holds a bound" in shown(document)
    assert "slice" not in shown(document)
    document["verdict"]["criteria"][2]["slice"] = "subdomain Optics"
    text = " ".join(shown(document).split())
    assert "?: a slice is short of its bound, but so few questions may be by chance" in text
    assert "the interval holds a bound" not in text


def test_what_differs_between_the_models_is_said(document: dict[str, Any]) -> None:
    document["distillation"]["tokenizers_differ"] = False
    quiet = shown(document)
    assert "number format" not in quiet
    assert "tokenizers" not in quiet
    assert "Characters per second" not in quiet
    document["teacher"]["size"]["bits_per_parameter"] = 32.0
    document["student"]["size"]["bits_per_parameter"] = 4.5
    document["distillation"] |= {"number_format_differs": True, "tokenizers_differ": True}
    text = " ".join(shown(document).split())
    assert "number format: 32.0 bits per parameter against 4.5" in text
    assert "the tokenizers differ: compare characters per second" in text
    assert row(document, "Characters per second").count("/s") == 2


def test_what_was_not_judged_says_why(document: dict[str, Any]) -> None:
    document["verdict"]["criteria"][0] |= {"grade": "not_judged", "reason": "a worker died"}
    document["verdict"]["criteria"][3] |= {"grade": "not_applicable", "reason": "same size"}
    text = shown(document)
    assert "not judged: Knowledge retention: a worker died" in text
    assert "n/a: Accuracy per parameter: same size" in text


def test_a_slice_has_its_own_row(document: dict[str, Any]) -> None:
    part = {**document["verdict"]["criteria"][0], "slice": "subdomain Optics", "value": 61.25}
    document["verdict"]["criteria"].append(part | {"grade": "poor"})
    lines = shown(document, width=110).splitlines()
    (found,) = [line for line in lines if line.startswith("Knowledge retention, subdomain Optics")]
    assert "61.2 %" in found
    assert found.endswith("poor")
    assert row(document, "Accuracy").endswith("acceptable")


def test_partial_and_interrupted_runs_say_so(document: dict[str, Any]) -> None:
    document["run"] |= {
        "partial": True,
        "interrupted": True,
        "partial_reasons": ["--distill-limit 3"],
    }
    text = shown(document)
    assert "partial run: --distill-limit 3" in text
    assert "interrupted: " in text


def test_rows_without_a_value_are_left_out() -> None:
    document = MadeUpRun(asked=frozenset(("size",)), control=False).documents().metrics
    text = shown(document)
    assert "Size on disk" in text
    assert "Time to first token" not in text
    assert "Distillation gain" not in text
    assert "verdict: not judged" in text


def test_merging_has_a_row_and_a_sentence(made: dict[str, Any]) -> None:
    assert "merg" not in shown(made)
    metrics = MadeUpRun(adapters=("student",)).documents().metrics
    merged = metrics["student"]["benchmark"]["merged"]
    merged |= {"inference_time_s": 0.0125, "speedup": 1.2, "speedup_ci95": [1.15, 1.25]}
    cells = row(metrics, "Time, adapter merged").split()
    assert cells[3:] == ["12.5", "ms"], "nothing under the teacher"
    said = "merging the student's adapter: 1.20x as fast (95 % interval 1.15x to 1.25x)"
    assert said in shown(metrics).splitlines()
    merged["speedup_ci95"] = None
    assert "merging the student's adapter: 1.20x as fast" in shown(metrics).splitlines()


def test_files_are_named(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "distillation_metrics.json"
    text = closing_text(document, [path], width=80, colour=False)
    assert f"written: {path}" in text.splitlines()


def test_answers_of_earlier_runs_are_said_in_one_line(made: dict[str, Any]) -> None:
    assert "score cache" not in shown(made)
    metrics = MadeUpRun(from_cache={"teacher": 120, "control": 7}).documents().metrics
    (line,) = (each for each in shown(metrics).splitlines() if "score cache" in each)
    said = "answers from the score cache: 120 of 120 of the teacher, 7 of 120 of the control"
    assert line == said
    assert "score cache" not in shown(MadeUpRun(control=False).documents().metrics)


def test_plots_are_named_in_one_line(document: dict[str, Any], tmp_path: Path) -> None:
    written = [tmp_path / name for name in ("report.html", "report_a.png", "report_b.png")]
    lines = closing_text(document, written, width=200, colour=False).splitlines()
    assert f"written: {tmp_path / 'report.html'}" in lines
    assert f"written: {tmp_path / 'report_*.png'}, 2 plots" in lines
    one = closing_text(document, written[:2], width=200, colour=False).splitlines()
    assert f"written: {tmp_path / 'report_a.png'}" in one
