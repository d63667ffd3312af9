"""``distill-bench``: what works without pytest and without torch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distill_fixtures.catalog import CATALOG
from distill_fixtures.errors import DistillBenchError
from distill_fixtures.metrics.sections import why_not_gradable

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 2 for what cannot be used (argparse's own code for arguments).
    """
    parser = argparse.ArgumentParser(prog="distill-bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_metrics(commands)
    _add_report(commands)
    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except DistillBenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _add_metrics(commands: Commands) -> None:
    parser = commands.add_parser("metrics", help="list the metrics that thresholds can name")
    parser.add_argument(
        "--all", action="store_true", help="also those that no single bound can judge"
    )
    parser.set_defaults(run=lambda given: sys.stdout.write(metrics_text(everything=given.all)))


def _add_report(commands: Commands) -> None:
    parser = commands.add_parser(
        "report", help="draw report.html and its plots again from result files"
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="a distillation_metrics.json, a copy of one (metrics/history/*.json) or the folder "
        "that holds one; several make one page together",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the page (default: beside the file; of several, the nearest folder that "
        "holds them all)",
    )
    parser.set_defaults(run=_report)


def _report(given: argparse.Namespace) -> None:
    from distill_fixtures.report.html.files import redraw

    for path in redraw(given.files, given.output, lambda words: sys.stderr.write(f"{words}\n")):
        sys.stdout.write(f"written: {path}\n")


def metrics_text(*, everything: bool) -> str:
    """A line a metric: name, unit, better direction, label; by family."""
    lines: list[str] = []
    family = ""
    for metric in CATALOG.values():
        if not everything and why_not_gradable(metric.name) is not None:
            continue
        if metric.family != family:
            family = metric.family
            lines.append(f"{family}:")
        better = "" if metric.direction == "none" else f"{metric.direction} is better"
        lines.append(f"  {metric.name:32} {metric.unit:24} {better:18} {metric.label}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
