"""The summary in Markdown: what is in it, and that users' text stays text."""

from __future__ import annotations

import copy
import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.report.markdown import escape, summary_markdown
from tests.report.made_up_run import MadeUpRun

Json = dict[str, Any]
REGRESSION = {
    "metric": "inference_time_s",
    "baseline": 0.0333,
    "current": 0.0341,
    "change_pct": 2.4,
    "ci95": [-1.0, 5.8],
    "tolerance_pct": 5.0,
    "verdict": "inconclusive",
    "basis": "made up",
    "differences": [],
    "reason": "the interval holds the tolerance",
    "message": "made up",
}


@pytest.fixture(scope="module")
def made() -> Json:
    return MadeUpRun().documents().metrics


@pytest.fixture
def document(made: Json) -> Json:
    return copy.deepcopy(made)


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the table whose header begins so, rules left out."""
    lines = text.split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return [found[0], *found[2:]]


def test_verdict_criteria_and_figures(document: Json) -> None:
    text = summary_markdown(document)
    assert text.startswith("## Distilled model: 🟡 acceptable, ✅ the gate holds\n")
    criteria = rows(text, "criterion")
    assert criteria[0] == [
        *("criterion", "value", "95 % interval", "good / poor", "stability", "grade"),
    ]
    assert len(criteria) == 1 + len(document["verdict"]["criteria"])
    size = next(row for row in criteria if row[0] == "Size reduction")
    assert size[1] == "75.0 %"
    assert html.unescape(size[3]) == ">50 / <30"
    assert size[5] == "good"
    retention = next(row for row in criteria if row[0] == "Knowledge retention")
    assert re.fullmatch(r"[\d.]+ to [\d.]+ %", retention[2])
    assert re.fullmatch(r"\d+ %", retention[4])
    assert "<details><summary>All figures</summary>" in text
    assert any(row[0] == "Accuracy" for row in rows(text, ""))


def test_a_failing_gate(document: Json) -> None:
    document["verdict"] |= {"overall": "poor", "gate": "fail"}
    assert summary_markdown(document).startswith("## Distilled model: 🔴 poor, ❌ the gate fails")
    document["verdict"] |= {"overall": "not_judged", "criteria": []}
    text = summary_markdown(document)
    assert text.startswith("## Distilled model: ⚪ not judged, ❌")
    assert "| criterion |" not in text


def test_regression_has_a_table(document: Json) -> None:
    assert "against the baseline" not in summary_markdown(document)
    document["regression"] = [REGRESSION, REGRESSION | {"metric": "disk_bytes", "ci95": None}]
    document["run"]["baseline"] = {"path": "old.json", "created_at": "2026", "student": "s"}
    found = rows(summary_markdown(document), "against the baseline")
    assert found[1] == [
        *("Time per sample", "33.3 ms", "34.1 ms", "+2.4 %", "-1.0 to +5.8 %", "5 %"),
        "inconclusive",
    ]
    assert found[2][4] == ""


def test_notes_are_a_list(document: Json) -> None:
    document["run"] |= {"partial": True, "partial_reasons": ["--distill-limit 3"]}
    assert "\n- partial run: --distill-limit 3\n" in summary_markdown(document)


HOSTILE = (
    "<script>alert(1)</script>",
    "a | b",
    "a \\| b",
    "[x](https://evil.example)",
    "![x](https://evil.example/y.png)",
    "`code`",
    "*a* _b_ ~c~",
    "line\n\n# heading\n| x | y |",
    "-->",
    "&lt;b&gt;",
    "\x1b[31mred",
    "@everyone and #1",
    "$x^2$",
    "x" * 5000,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_users_are_text(name: str, document: Json) -> None:
    plain = summary_markdown(document)
    document["student"]["reference"] = name
    document["dataset"]["name"] = name
    sliced = {**document["verdict"]["criteria"][0], "slice": f"subdomain {name}"}
    document["verdict"]["criteria"].append(sliced)
    text = summary_markdown(document)
    assert "<script" not in text
    assert "](" not in text
    assert "\x1b" not in text
    assert "://" not in text
    assert "@everyone" not in text
    assert len(text) < len(plain) + 5000
    assert len(text.split("\n")) == len(plain.split("\n")) + 2, "a row in two tables"
    for heading in ("criterion", ""):
        assert {len(row) for row in rows(text, heading)} == {len(rows(text, heading)[0])}


@given(st.text(max_size=100))
def test_what_is_escaped_reads_as_it_was(text: str) -> None:
    written = escape(text)
    assert "\n" not in written
    assert not set("<>|\\`*_[]") & set(written)
    read = html.unescape(written).replace("\u200b", "")
    wanted = " ".join(text.split())
    shown = "".join(each if each.isprintable() else "\ufffd" for each in wanted)
    assert read == shown.replace("\u200b", "")


def test_a_table_ends_somewhere(document: Json) -> None:
    document["verdict"]["criteria"] = [
        {**document["verdict"]["criteria"][0], "slice": f"subdomain {n}"} for n in range(500)
    ]
    text = summary_markdown(document)
    assert len(rows(text, "criterion")) == 101
    assert "400 more rows are in the file." in text
    assert len(text) < 100_000


@pytest.mark.parametrize("run", [MadeUpRun(asked=frozenset(("size",)), control=False)])
def test_a_run_of_sizes_alone(run: MadeUpRun) -> None:
    text = summary_markdown(run.documents().metrics)
    assert "not judged" in text
