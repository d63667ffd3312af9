"""Several runs as one leaderboard in plain types: sorted, with Pareto front and tested pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.catalog import metric
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

__all__ = ["BoardEntry", "board_of"]


@dataclass(frozen=True)
class BoardEntry:
    """One run of several.

    Attributes:
        path: of its document, as it shall be shown.
        run: what it holds.
    """

    path: str
    run: Contestant


def board_of(
    entries: Sequence[BoardEntry], names: Sequence[str], by: str, seed: int = 0
) -> dict[str, Any]:
    """All that is to be told of several runs.

    Args:
        entries: the first is the one that the others are held against.
        names: metrics to show.
        by: the metric that sorts them, best first; runs without it come last.
        seed: of the intervals' draws.
    """
    runs = [each.run for each in entries]
    shown = list(dict.fromkeys(names))
    needed = dict.fromkeys([*shown, by, "accuracy", *COSTS])
    cells = {name: [cell_of(each, runs[0], name) for each in runs] for name in needed}
    marks = front(cells)
    order = sorted(range(len(runs)), key=lambda place: _rank(by, cells[by][place]))
    places = {old: new for new, old in enumerate(order, start=1)}
    return {
        "sorted_by": by,
        "held_against": places[0],
        "metrics": shown,
        "runs": [
            {"place": places[old], "given": old + 1}
            | _about(entries[old], marks[old], {n: cells[n][old] for n in shown})
            for old in order
        ],
        "pairs": [_pair(each, places) for each in pair_tests(runs, seed)],
    }


def _rank(by: str, cell: Cell) -> float:
    """Less is better; what is missing comes last."""
    if cell.value is None:
        return math.inf
    return cell.value if metric(by).direction == "lower" else -cell.value


def _about(entry: BoardEntry, marks: tuple[str, ...], cells: Mapping[str, Cell]) -> dict[str, Any]:
    document = entry.run.document
    return {
        "path": entry.path,
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
