"""``distill-bench compare``: several runs in one table."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.catalog import metric
from distill_fixtures.commands.named_metrics import named_metric
from distill_fixtures.commands.run_files import RunFiles, read_run
from distill_fixtures.commands.screen import Screen
from distill_fixtures.errors import OptionError
from distill_fixtures.judge.replay import replayed_questions
from distill_fixtures.judge.side_by_side import (
    COSTS,
    Cell,
    Contestant,
    PairTest,
    cell_of,
    front,
    pair_tests,
)
from distill_fixtures.records import Undefined
from distill_fixtures.report.leaderboard import leaderboard_text

__all__ = ["add_arguments", "leaderboard", "run"]

SHOWN = ("accuracy", "knowledge_retention_pct", "inference_time_s", "disk_bytes")


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
        help="a column; may be given several times (default: " + ", ".join(SHOWN) + ")",
    )
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def run(given: argparse.Namespace) -> int:
    names = [named_metric(name, "--metric").name for name in given.metric or SHOWN]
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
    runs = [_contestant(each) for each in files]
    shown = list(dict.fromkeys(names))
    needed = dict.fromkeys([*shown, "accuracy", *COSTS])
    cells = {name: [cell_of(each, runs[0], name) for each in runs] for name in needed}
    marks = front(cells)
    order = sorted(range(len(runs)), key=lambda place: _rank(by, cells[by][place]))
    places = {old: new for new, old in enumerate(order, start=1)}
    return {
        "sorted_by": by,
        "held_against": places[0],
        "metrics": shown,
        "runs": [
            {"given": old + 1}
            | _about(files[old], places[old], marks[old], {n: cells[n][old] for n in shown})
            for old in order
        ],
        "pairs": [_pair(each, places) for each in pair_tests(runs)],
    }


def _contestant(files: RunFiles) -> Contestant:
    known = files.comparison
    return Contestant(
        files.document, None if isinstance(known, Undefined) else replayed_questions(known)
    )


def _rank(by: str, cell: Cell) -> float:
    """Less is better; what is missing comes last."""
    if cell.value is None:
        return math.inf
    return cell.value if metric(by).direction == "lower" else -cell.value


def _about(
    files: RunFiles, place: int, marks: tuple[str, ...], cells: Mapping[str, Cell]
) -> dict[str, Any]:
    document = files.document
    return {
        "place": place,
        "path": str(files.path),
        "created_at": document["created_at"],
        "student": document["student"]["reference"],
        "teacher": document["teacher"]["reference"],
        "overall": document["verdict"]["overall"],
        "gate": document["verdict"]["gate"],
        "partial": document["run"]["partial"] or document["run"]["interrupted"],
        "front": list(marks),
        "figures": {
            name: {"value": cell.value, "ci95": cell.ci95, "why": cell.why}
            for name, cell in cells.items()
        },
    }


def _pair(test: PairTest, places: Mapping[int, int]) -> dict[str, Any]:
    """A pair, the one that stands higher in the table first."""
    ends = None if isinstance(test.ci95, Undefined) else test.ci95
    first, second = places[test.first], places[test.second]
    turned = first > second
    counts = (test.only_first, test.only_second)
    return {
        "first": min(first, second),
        "second": max(first, second),
        "difference": 0.0 - test.difference if turned else test.difference,
        "ci95": (0.0 - ends[1], 0.0 - ends[0]) if ends is not None and turned else ends,
        "why_no_interval": test.ci95.reason if isinstance(test.ci95, Undefined) else None,
        "only_first_right": counts[turned],
        "only_second_right": counts[not turned],
        "p_mcnemar": test.p,
        "p_holm": test.p_holm,
        "sources_known": test.sources_known,
    }
