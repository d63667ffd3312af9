"""The closing words of a session of several students: one table of all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.report.leaderboard import SHOWN_METRICS, leaderboard_text
from distill_fixtures.report.page import Page
from distill_fixtures.report.terminal import (
    closing_text,
    shown_path,
    write_closing,
    written_names,
)

__all__ = ["print_several", "several_text"]


def print_several(
    board: Mapping[str, Any],
    documents: Iterable[Mapping[str, Any]],
    written: Sequence[Path],
    terminalreporter: Any,
) -> None:
    """Write the table through pytest's terminal reporter, in colour where it has colour.

    Args:
        board: ``leaderboard.json``.
        documents: of the students; ``-v`` shows each one's own table first.
        written: the session's files.
    """

    def text_of(*, width: int, colour: bool, verbosity: int) -> str:
        text = ""
        if verbosity > 0:
            for each in documents:
                text += closing_text(each, (), width=width, colour=colour, verbosity=verbosity)
                text += "\n"
        return text + several_text(board, written, width=width, colour=colour, verbosity=verbosity)

    write_closing(text_of, terminalreporter)


def several_text(
    board: Mapping[str, Any],
    written: Sequence[Path],
    *,
    width: int,
    colour: bool,
    verbosity: int = 0,
) -> str:
    """The table of all students, the gate, and the files.

    Args:
        board: ``leaderboard.json``.
        written: files to name.
        width: columns.
        colour: with terminal colours.
        verbosity: pytest's. Below 0: the gate and the files alone.
    """
    page = Page(width, colour=colour)
    page.write(_gate(board))
    if board["interrupted"]:
        page.write("interrupted: only what was measured until then is in the files")
    for name in written_names(written):
        page.write(f"written: {name}", wrap=False)
    for run in board["runs"]:
        if run["status"] == "measured":
            folder = written[0].parent / str(run["name"]) if written else Path(run["name"])
            page.write(f"written: {shown_path(folder)}{os.sep}", wrap=False)
    if verbosity < 0:
        return page.text
    shown = {**board, "metrics": SHOWN_METRICS}
    return leaderboard_text(shown, width=width, colour=colour) + page.text


def _gate(board: Mapping[str, Any]) -> str:
    failed = [run["name"] for run in board["runs"] if run["gate"] == "fail"]
    missing = [each["name"] for each in board["not_measured"] if each["status"] != "not_selected"]
    parts = [f"gate: {board['gate']}"]
    if failed:
        parts.append("fails for " + ", ".join(failed))
    if missing:
        parts.append("not measured: " + ", ".join(missing))
    return "; ".join(parts)
