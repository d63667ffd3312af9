"""Several runs in one table, for a terminal."""

from __future__ import annotations

import string
import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from distill_fixtures.catalog import MISSING, format_value
from distill_fixtures.report.grade_words import short_label
from distill_fixtures.report.interval_words import interval_text
from distill_fixtures.report.page import Page
from distill_fixtures.report.printable import printable

__all__ = ["SHOWN_METRICS", "SURE", "leaderboard_text"]

SHOWN_METRICS = ("accuracy", "knowledge_retention_pct", "inference_time_s", "disk_bytes")
"""What fits a terminal of 80 columns."""

MOST_PAIRS = 20
"""Shown, the surest first; with seven runs there are 21."""

STUDENT_COLUMNS, HEADING_COLUMNS = 14, 11
OTHER_COLUMNS = 54
"""What the table takes beside the student's name, with four metrics."""

SURE = 0.05
Board = Mapping[str, Any]


def leaderboard_text(board: Board, *, width: int, colour: bool) -> str:
    """Table, pairs and footnotes.

    Args:
        board: what ``distill-bench compare --json`` prints, or a session's ``leaderboard.json``.
        width: columns.
        colour: with terminal colours.
    """
    page = Page(width, colour=colour)
    if board["runs"]:
        _add_runs(page, board, width)
        _add_pairs(page, board)
    for each in board.get("not_measured", ()):
        words = each["status"].replace("_", " ")
        page.write(f"{words}: {each['name']}, student {each['student']}: {each['reason']}")
    return page.text


def _add_runs(page: Page, board: Board, width: int) -> None:
    notes = _Footnotes()
    page.add(_table(board, notes, width))
    page.write(
        f"best first by {short_label(board['sorted_by'])}; figures are held against run "
        f"{board['held_against']}, the first one given; front: no other run has at least its "
        "accuracy for less time (or size)"
    )
    for run in board["runs"]:
        about = f"{run['place']}: {run['path']}, {run['created_at'][:16]}"
        page.write(f"{about}, student {run['student']}, teacher {run['teacher']}")
    for letter, reason in notes.told.items():
        page.write(f"{MISSING}{letter}: {reason}")


class _Footnotes:
    """Letters for reasons, one for each."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self._letters: dict[str, str] = {}

    def letter(self, reason: str) -> str:
        if reason not in self._letters:
            number = len(self._letters)
            name = string.ascii_lowercase[number % 26] + str(number // 26 or "")
            self._letters[reason] = name
            self.told[name] = reason
        return self._letters[reason]


def _table(board: Board, notes: _Footnotes, width: int) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right", no_wrap=True)
    room = max(STUDENT_COLUMNS, width - OTHER_COLUMNS)
    table.add_column("student", min_width=STUDENT_COLUMNS, max_width=room, overflow="fold")
    for name in board["metrics"]:
        heading = "\n".join(textwrap.wrap(short_label(name), HEADING_COLUMNS))
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("gate", no_wrap=True)
    table.add_column("front", no_wrap=True)
    names = _names(board)
    for run, name in zip(board["runs"], names, strict=True):
        figures = [_shown(metric, run["figures"][metric], notes) for metric in board["metrics"]]
        gate = Text(run["gate"], "green" if run["gate"] == "pass" else "red")
        cells = [Text(printable(each)) for each in (str(run["place"]), name, *figures)]
        table.add_row(*cells, gate, Text(", ".join(run["front"]), "bold"))
    return table


def _names(board: Board) -> list[str]:
    """What each student is called: by its name, else by the last part of its reference, or all of
    it where two share that."""
    short = [
        run.get("name") or PurePath(run["student"]).name or run["student"] for run in board["runs"]
    ]
    counts = Counter(short)
    return [
        (run["student"] if counts[name] > 1 else name) + " (partial)" * run["partial"]
        for run, name in zip(board["runs"], short, strict=True)
    ]


def _shown(name: str, figure: Mapping[str, Any], notes: _Footnotes) -> str:
    if figure["value"] is not None:
        return format_value(name, figure["value"])
    return f"{MISSING} {notes.letter(figure['why'])}"


def _add_pairs(page: Page, board: Board) -> None:
    pairs = sorted(board["pairs"], key=lambda each: (each["p_holm"], each["p_mcnemar"]))
    if len(board["runs"]) < 2:
        return
    if not pairs:
        page.write(
            "accuracy is not tested in pairs: no two runs have answers to the same questions, put "
            "the same way"
        )
        return
    page.write(
        f"accuracy in pairs: exact McNemar, Holm's correction over {len(pairs)} "
        f"{'pair' if len(pairs) == 1 else 'pairs'}; * below {SURE:g}"
    )
    page.add(_pair_table(pairs[:MOST_PAIRS]))
    if len(pairs) > MOST_PAIRS:
        page.write(f"{len(pairs) - MOST_PAIRS} more pairs: --json has them all")
    if not all(each["sources_known"] for each in pairs):
        page.write(
            "some intervals take the questions as independent: without comparison_results.json "
            "beside a run nothing tells which share a source"
        )


def _pair_table(pairs: list[Mapping[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("runs", "difference", "95 % interval", "only one right", "p", "p, Holm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in pairs:
        sure = each["p_holm"] < SURE
        cells = (
            f"{each['first']} - {each['second']}",
            format_value("accuracy_delta", each["difference"]),
            interval_text("accuracy_delta", each["ci95"]) or MISSING,
            f"{each['only_first_right']} : {each['only_second_right']}",
            f"{each['p_mcnemar']:.2g}",
            f"{each['p_holm']:.2g}{' *' if sure else ''}",
        )
        table.add_row(*(Text(cell, "bold" if sure else "") for cell in cells))
    return table
