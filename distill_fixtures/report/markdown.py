"""A run in Markdown: for a pull request, a job's summary, an issue.

Names of models, slices and files are users' text, and Markdown is also HTML: every character that
means something in either is written as an entity, so that all of it is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distill_fixtures.catalog import format_value
from distill_fixtures.report.criteria_table import criterion_rows
from distill_fixtures.report.grade_words import short_label
from distill_fixtures.report.printable import printable
from distill_fixtures.report.terminal import closing_notes, closing_rows, what_was_compared

__all__ = ["escape", "summary_markdown"]

MOST_ROWS = 100
"""Of one table: GitHub takes a summary of 1 MiB, and nobody reads more."""

MOST_CHARACTERS = 300
"""Of one text that users wrote."""

SPECIAL = frozenset("&<>|\\`*_[]()#!~$^={}")
CALLS = ("@", "&#35;", "&#33;")
"""What begins the name of a person or the number of an issue or a merge request."""

ICONS = {"good": "🟢", "acceptable": "🟡", "poor": "🔴", "not judged": "⚪"}


def summary_markdown(document: Mapping[str, Any]) -> str:
    """Verdict, criteria, regression, figures and notes of a ``distillation_metrics.json``."""
    verdict = document["verdict"]
    gate = "✅ the gate holds" if verdict["gate"] == "pass" else "❌ the gate fails"
    overall = verdict["overall"].replace("_", " ")
    parts = [
        f"## Distilled model: {ICONS[overall]} {overall}, {gate}",
        escape(what_was_compared(document)),
    ]
    if verdict["criteria"]:
        parts.append(_criteria(document))
    if document["regression"]:
        parts.append(_regression(document))
    notes = [escape(note) for note in closing_notes(document)]
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes[:MOST_ROWS]))
    parts.append(_figures(document))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text of any content as it is to be read, on one line.

    >>> escape("<b>|*x*")
    '&#60;b&#62;&#124;&#42;x&#42;'
    """
    line = printable(" ".join(text.split()))
    if len(line) > MOST_CHARACTERS:
        line = line[: MOST_CHARACTERS - 1] + "…"
    written = "".join(f"&#{ord(each)};" if each in SPECIAL else each for each in line)
    for each in CALLS:
        written = written.replace(each, each + "\N{ZERO WIDTH SPACE}")
    return written.replace("://", "&#58;//")  # no link


def _criteria(document: Mapping[str, Any]) -> str:
    rows = [
        (row.label, row.value, row.interval, row.bounds, row.stability, row.grade)
        for row in criterion_rows(document)
    ]
    header = ("criterion", "value", "95 % interval", "good / poor", "stability", "grade")
    return _table(header, "lrrlrl", rows)


def _regression(document: Mapping[str, Any]) -> str:
    rows = []
    for each in document["regression"]:
        name, change, ci95 = each["metric"], each["change_pct"], each["ci95"]
        rows.append(
            (
                short_label(name),
                "" if each["baseline"] is None else format_value(name, each["baseline"]),
                "" if each["current"] is None else format_value(name, each["current"]),
                "" if change is None else f"{change:+.1f} %",
                "" if ci95 is None else f"{ci95[0]:+.1f} to {ci95[1]:+.1f} %",
                f"{each['tolerance_pct']:g} %",
                each["verdict"].replace("_", " "),
            )
        )
    header = ("against the baseline", "then", "now", "change", "95 % interval", "allowed", "")
    return _table(header, "lrrrrrl", rows)


def _figures(document: Mapping[str, Any]) -> str:
    rows = [cells[:4] for cells, _ in closing_rows(document)]
    table = _table(("", "teacher", "student", "change"), "lrrr", rows)
    return f"<details><summary>All figures</summary>\n\n{table}\n\n</details>"


def _table(header: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> str:
    """A table; what is beyond ``MOST_ROWS`` is counted below it."""
    all_rows = list(rows)
    lines: list[Sequence[str]] = [header]
    lines.append(["---:" if side == "r" else "---" for side in sides])
    lines += [[escape(cell) for cell in row] for row in all_rows[:MOST_ROWS]]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    left_out = len(all_rows) - MOST_ROWS
    return text if left_out <= 0 else f"{text}\n\n{left_out} more rows are in the file."
