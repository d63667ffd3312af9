"""The criteria in full."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from distill_fixtures.report.criteria_table import criterion_rows
from distill_fixtures.report.interval_words import interval_text
from distill_fixtures.report.terminal import closing_text, judged_text
from tests.report.made_up_run import MadeUpRun

Json = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> Json:
    return MadeUpRun().documents().metrics


@pytest.fixture
def document(made: Json) -> Json:
    return copy.deepcopy(made)


@pytest.mark.parametrize(
    ("name", "ends", "text"),
    [
        ("accuracy", (0.8, 0.9), "80.0 to 90.0 %"),
        ("accuracy_delta", (-0.031, 0.02), "-3.1 to +2.0 points"),
        ("speedup", (2.0, 2.5), "2.00x to 2.50x"),
        ("kappa", (0.5, 0.75), "0.500 to 0.750"),
        ("inference_time_s", (0.5, 1.5), "500 ms to 1.50 s"),
        ("accuracy", None, ""),
    ],
)
def test_intervals_say_their_unit_once(name: str, ends: Any, text: str) -> None:
    assert interval_text(name, ends) == text


def test_a_row_a_criterion(document: Json) -> None:
    document["verdict"]["criteria"][0] |= {
        "value": 93.2,
        "ci95": [90.1, 96.0],
        "stability": 0.994,
        "grade": "good",
        "slice": "subdomain Optics",
    }
    row = criterion_rows(document)[0]
    assert row.label == "Knowledge retention, subdomain Optics"
    assert (row.value, row.interval, row.bounds) == ("93.2 %", "90.1 to 96.0 %", ">85 / <70")
    assert (row.stability, row.grade, row.style) == ("99 %", "good", "green")


def test_eighty_columns_hold_the_widest(document: Json) -> None:
    for criterion in document["verdict"]["criteria"]:
        criterion |= {"borderline": True, "grade": "acceptable", "stability": 1.0}
        criterion |= {"value": 119.63, "ci95": [101.23, 138.88]}
    document["verdict"]["criteria"][0]["slice"] = "subdomain " + "x" * 60
    lines = judged_text(document, width=80, colour=False).splitlines()
    assert max(map(len, lines)) == 80
    assert sum("acceptable ?" in line for line in lines) == 4


def test_verbose_adds_intervals_and_stability(document: Json) -> None:
    plain = closing_text(document, [], width=80, colour=False)
    assert "95 % interval" not in plain
    verbose = closing_text(document, [], width=80, colour=False, verbosity=1)
    assert "95 % interval" in verbose
    assert "stable" in verbose
    assert max(map(len, verbose.splitlines())) == 80
    document["verdict"]["criteria"] = []
    assert "stable" not in closing_text(document, [], width=80, colour=False, verbosity=1)


@pytest.mark.parametrize("name", ["[red]x", "[/]", "a\x1b[2Jb", "two\nlines", "\u202eevil"])
def test_names_are_shown_as_they_are(name: str, document: Json) -> None:
    document["verdict"]["criteria"][0]["slice"] = f"subdomain {name}"
    document["student"]["reference"] = name
    text = judged_text(document, width=110, colour=True)
    for each in ("\x1b[2J", "\u202e"):
        assert each not in text
    if name.startswith("["):
        assert text.count(name) >= 2


def test_colour_only_where_there_is_colour(document: Json) -> None:
    assert "\x1b" not in judged_text(document, width=80, colour=False)
    assert "\x1b[3" in judged_text(document, width=80, colour=True)
