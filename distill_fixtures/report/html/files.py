"""Writing a page and its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from distill_fixtures.report.atomic_files import write_atomically
from distill_fixtures.report.html.page import Report

__all__ = ["PLOT_NAMES", "REPORT_FILE", "plot_file", "write_report"]

REPORT_FILE: Final = "report.html"
PLOT_NAMES: Final = (
    "accuracy",
    "subdomains",
    "question_types",
    "calibration",
    "agreement",
    "latency",
    "times",
    "throughput",
    "memory",
    "tradeoff",
    "regression",
)


def plot_file(name: str) -> str:
    """A plot's file name.

    >>> plot_file("accuracy")
    'report_accuracy.png'
    """
    return f"report_{name}.png"


def write_report(folder: Path, report: Report) -> list[Path]:
    """Write the page and its plots; plots of an earlier page that this one lacks are taken away.

    Returns:
        The files written, the page first.

    Raises:
        OSError: a file cannot be written.
    """
    page = folder / REPORT_FILE
    # A lone surrogate can stand in a file of somebody else's; UTF-8 has none.
    write_atomically(page, report.html.encode("utf-8", "replace"))
    written = [page]
    for name, png in report.pngs.items():
        written.append(folder / plot_file(name))
        write_atomically(written[-1], png)
    for name in PLOT_NAMES:
        if name not in report.pngs:
            (folder / plot_file(name)).unlink(missing_ok=True)
    return written
