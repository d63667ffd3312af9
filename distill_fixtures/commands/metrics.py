"""``distill-bench metrics``: what thresholds can name."""

from __future__ import annotations

import argparse
import sys

from distill_fixtures.catalog import CATALOG
from distill_fixtures.metrics.sections import why_not_gradable

__all__ = ["add_arguments", "metrics_text", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--all", action="store_true", help="also those that no single bound can judge"
    )


def run(given: argparse.Namespace) -> int:
    sys.stdout.write(metrics_text(everything=given.all))
    return 0


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
