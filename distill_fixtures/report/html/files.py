"""Writing a page and its plots, and drawing them again from the files of runs that are over."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from distill_fixtures.errors import ResultFileError
from distill_fixtures.report.atomic_files import write_atomically
from distill_fixtures.report.html.joint_page import draw_joint_report
from distill_fixtures.report.html.page import Report, draw_report
from distill_fixtures.report.html.saved_runs import SavedRun, read_run

__all__ = ["PLOT_NAMES", "REPORT_FILE", "plot_file", "redraw", "write_report"]

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


def redraw(paths: Sequence[Path], folder: Path | None, say: Callable[[str], object]) -> list[Path]:
    """Draw the page of one run, or of several together, from their files.

    Args:
        paths: of documents, or of folders that hold one.
        folder: where to write; None: beside the document, of several in the nearest folder that
            holds them all.
        say: takes a sentence on what could not be used.

    Returns:
        The files written.

    Raises:
        ResultFileError: a document cannot be used, or the page cannot be written.
    """
    runs = [read_run(path) for path in paths]
    for run in runs:
        if run.note:
            say(f"not used: {run.note}")
    target = folder or _nearest(runs)
    if len(runs) == 1:
        report = draw_report(runs[0].document, runs[0].comparison)
    else:
        report = draw_joint_report([run.document for run in runs], _links(runs, target))
    try:
        return write_report(target, report)
    except OSError as fault:
        raise ResultFileError(
            "the page cannot be written",
            got=f"{target} ({fault.strerror or fault})",
            wanted="a folder in which files can be made",
            next_step="give another folder with --output",
        ) from fault


def _nearest(runs: Sequence[SavedRun]) -> Path:
    """The deepest folder that holds all documents."""
    return Path(os.path.commonpath([run.path.resolve().parent for run in runs]))


def _links(runs: Sequence[SavedRun], target: Path) -> list[str]:
    """From the joint page to each run's own, where it has one; else empty."""
    pages = [run.path.with_name(REPORT_FILE) for run in runs]
    return [
        os.path.relpath(page.resolve(), target.resolve()).replace(os.sep, "/")
        if page.is_file() and page.resolve() != (target / REPORT_FILE).resolve()
        else ""
        for page in pages
    ]
