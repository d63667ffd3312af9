"""``distill-bench badge``: a run's verdict, or one of its figures, as an SVG."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_fixtures.catalog import format_value
from distill_fixtures.commands.named_metrics import named_metric
from distill_fixtures.commands.run_files import add_run_argument, document_path
from distill_fixtures.errors import OptionError
from distill_fixtures.judge.run_figures import find_figure
from distill_fixtures.report.atomic_files import write_atomically
from distill_fixtures.report.badge import badge_svg
from distill_fixtures.report.grade_words import short_label
from distill_fixtures.report.printable import printable
from distill_fixtures.report.reading import read_document

__all__ = ["add_arguments", "run"]

LABEL = "distilled model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_argument(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="SVG", help="the file to write, badge.svg say"
    )
    parser.add_argument(
        "--metric", metavar="NAME", help="show this figure of the student, not the verdict"
    )
    parser.add_argument("--label", metavar="TEXT", help="the words on the left")


def run(given: argparse.Namespace) -> int:
    document = read_document(document_path(given.file))
    message: str
    grade: str | None
    if given.metric is None:
        label, (message, grade) = LABEL, _verdict(document)
    else:
        metric = named_metric(given.metric, "--metric")
        label, (message, grade) = short_label(metric.name), _figure(document, metric.name)
    svg = badge_svg(label if given.label is None else given.label, message, grade)
    try:
        write_atomically(given.out, svg.encode())
    except OSError as error:
        raise OptionError(
            "--out cannot be written",
            got=f"{given.out} ({error.strerror or error})",
            wanted="a file in a folder in which files can be made",
            next_step="give another file with --out",
        ) from error
    sys.stdout.write(f"written: {printable(str(given.out))}\n")
    return 0


def _verdict(document: Mapping[str, Any]) -> tuple[str, str]:
    """Message and grade: a gate that fails is never shown in the colour of one that holds."""
    verdict = document["verdict"]
    overall = verdict["overall"].replace("_", " ")
    if verdict["gate"] == "pass":
        return overall, verdict["overall"]
    return (overall if overall == "poor" else f"{overall}, gate fails"), "poor"


def _figure(document: Mapping[str, Any], name: str) -> tuple[str, str | None]:
    """Message, and the grade where a criterion judges the figure."""
    _, value = find_figure(document, name)
    if value is None:
        return "not measured", "not_judged"
    criteria = document["verdict"]["criteria"]
    grades = [
        each["grade"] for each in criteria if each["metric"] == name and each["slice"] is None
    ]
    return format_value(name, value), next(iter(grades), None)
