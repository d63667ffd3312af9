"""What a number of questions can decide: how wide intervals are, and how often a bound is missed.

    python -m studies.threshold_odds --teacher 0.9 --poor 80

Accuracies and retention are graded by their value, so a student whose true retention is just above
the bound fails in nearly half of all sets of questions. How far above it must be to pass nearly
always hangs on the number of questions. Nothing is measured here: the questions are drawn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from distill_fixtures.metrics.intervals import paired_interval, retention_pct_of, wilson
from distill_fixtures.records import Undefined

__all__ = ["cells_of", "chance_of_poor", "retention_interval", "table"]

QUESTIONS = (50, 100, 200, 500, 1000, 3000)
AWAY_POINTS = (-10, -5, -2, 0, 2, 5, 10)
"""True retention less the bound, percentage points."""

SETS = 20_000
SEED = 0


def cells_of(teacher: float, retention_pct: float, gained: float) -> tuple[float, ...]:
    """Shares of questions: both right, only the teacher, only the student, neither.

    Args:
        teacher: the teacher's accuracy, 0 to 1.
        retention_pct: the student's accuracy as a share of it, per cent.
        gained: share of questions that only the student answers rightly.

    Raises:
        ValueError: no student can be like that.

    >>> [round(share, 3) for share in cells_of(0.9, 80, 0.02)]
    [0.7, 0.2, 0.02, 0.08]
    """
    both = teacher * retention_pct / 100 - gained
    cells = (both, teacher - both, gained, 1 - teacher - gained)
    if min(cells) < 0:
        raise ValueError(f"no student has these shares of questions: {cells}")
    return cells


def retention_interval(cells: Sequence[float], questions: int) -> tuple[float, float]:
    """The suite's 95 % interval of retention, per cent, where the counts are as expected."""
    counts = np.round(np.array(cells) * questions).astype(int)
    flags = np.repeat([(True, True), (True, False), (False, True), (False, False)], counts, axis=0)
    found = paired_interval(flags[:, 0], flags[:, 1], retention_pct_of)
    assert not isinstance(found, Undefined), found.reason
    return found


def chance_of_poor(cells: Sequence[float], questions: int, poor_pct: float) -> float:
    """In how many sets of so many independent questions retention is short of the bound."""
    counts = np.random.default_rng(SEED).multinomial(questions, cells, size=SETS)
    known = counts[:, :2].sum(axis=1) > 0
    return float((retention_pct_of(counts[known] / questions) < poor_pct).mean())


def table(teacher: float, poor_pct: float, gained: float) -> Iterator[str]:
    """The lines that are printed."""
    on_bound = cells_of(teacher, poor_pct, gained)
    student = teacher * poor_pct / 100
    yield f"teacher right in {100 * teacher:g} %, student right alone in {100 * gained:g} %"
    yield f"95 % intervals of a student that keeps {poor_pct:g} %:"
    yield "questions  accuracy          retention"
    for questions in QUESTIONS:
        low, high = wilson(student * questions, questions)
        kept = retention_interval(on_bound, questions)
        yield (
            f"{questions:9}  {100 * low:.1f} to {100 * high:.1f} %"
            f"    {kept[0]:.1f} to {kept[1]:.1f} %"
        )
    yield f"graded poor at poor = {poor_pct:g}, by what the student truly keeps:"
    kept_pct = [poor_pct + away for away in AWAY_POINTS if poor_pct + away <= 100]
    yield "questions" + "".join(f"{each:6g} %" for each in kept_pct)
    for questions in QUESTIONS:
        odds = [
            chance_of_poor(cells_of(teacher, each, gained), questions, poor_pct)
            for each in kept_pct
        ]
        yield f"{questions:9}" + "".join(f"{100 * each:6.1f} %" for each in odds)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--teacher", type=float, default=0.9, help="its accuracy, 0 to 1")
    parser.add_argument("--poor", type=float, default=80.0, help="the bound, per cent retained")
    parser.add_argument(
        "--gained", type=float, default=0.02, help="share of questions that the student alone gets"
    )
    given = parser.parse_args(arguments)
    try:
        lines = [*table(given.teacher, given.poor, given.gained)]
    except ValueError as fault:
        parser.error(str(fault))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
