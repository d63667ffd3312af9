"""``distill-bench compare``: several runs in one table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.commands.named_metrics import named_metric
from distill_fixtures.commands.run_files import RunFiles, read_run
from distill_fixtures.commands.screen import Screen
from distill_fixtures.errors import OptionError
from distill_fixtures.judge.board import BoardEntry, board_of
from distill_fixtures.judge.replay import replayed_questions
from distill_fixtures.judge.side_by_side import Contestant
from distill_fixtures.records import Undefined
from distill_fixtures.report.leaderboard import SHOWN_METRICS, leaderboard_text

__all__ = ["add_arguments", "leaderboard", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="distillation_metrics.json of a run, or the folder that holds it; all are held "
        "against the first",
    )
    parser.add_argument(
        "--sort", metavar="METRIC", default="accuracy", help="best first (default: accuracy)"
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        action="append",
        help="a column; may be given several times (default: " + ", ".join(SHOWN_METRICS) + ")",
    )
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def run(given: argparse.Namespace) -> int:
    names = [named_metric(name, "--metric").name for name in given.metric or SHOWN_METRICS]
    by = named_metric(given.sort, "--sort")
    if by.direction == "none":
        raise OptionError(
            f"--sort {by.name} tells no order",
            got="a metric of which neither way is better",
            wanted="one with a better direction",
            next_step="`distill-bench metrics` lists them",
        )
    board = leaderboard([read_run(path) for path in given.files], [*names, by.name], by.name)
    if given.json:
        sys.stdout.write(json.dumps(board, indent=2, allow_nan=False) + "\n")
    else:
        screen = Screen.of()
        sys.stdout.write(leaderboard_text(board, width=screen.width, colour=screen.colour))
    return 0


def leaderboard(files: Sequence[RunFiles], names: Sequence[str], by: str) -> dict[str, Any]:
    """All that is to be told of several runs, as plain types.

    Args:
        files: the first is the one that the others are held against.
        names: metrics to show.
        by: the metric that sorts them, best first; runs without it come last.

    Raises:
        ResultFileError: what a run's files hold does not fit together.
    """
    return board_of([BoardEntry(str(each.path), _contestant(each)) for each in files], names, by)


def _contestant(files: RunFiles) -> Contestant:
    known = files.comparison
    return Contestant(
        files.document, None if isinstance(known, Undefined) else replayed_questions(known)
    )
