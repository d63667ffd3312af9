"""``distill-bench report``: draw a run's page and plots again, or one page of several runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from distill_fixtures.commands.run_files import RunFiles, read_run
from distill_fixtures.errors import OptionError
from distill_fixtures.judge.same_run import NO_ANSWERS
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.files import REPORT_FILE, write_report
from distill_fixtures.report.html.joint_page import JOINT_METRICS, JointRun, draw_joint_report
from distill_fixtures.report.html.page import Report, draw_report
from distill_fixtures.report.printable import printable, printable_lines

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a distillation_metrics.json under any name, or the folder that holds one; several "
        "make one page together",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the page (default: beside the file; of several, the nearest folder that "
        "holds them all)",
    )


def run(given: argparse.Namespace) -> int:
    files = [read_run(path) for path in given.files]
    for each in files:
        if isinstance(each.comparison, Undefined) and each.comparison != NO_ANSWERS:
            said = f"{each.path}: {each.comparison.reason}"
            sys.stderr.write(f"{printable_lines(said)}\n")
    target = _nearest(files) if given.output is None else given.output
    report = _drawn(files, target)
    try:
        written = write_report(target, report)
    except OSError as error:
        raise OptionError(
            "the page cannot be written",
            got=f"{target} ({error.strerror or error})",
            wanted="a folder in which files can be made",
            next_step="give another folder with --output",
        ) from error
    sys.stdout.writelines(f"written: {printable(str(path))}\n" for path in written)
    return 0


def _drawn(files: Sequence[RunFiles], target: Path) -> Report:
    if len(files) > 1:
        from distill_fixtures.commands.compare import leaderboard

        board = leaderboard(files, JOINT_METRICS, "accuracy")
        links = _links(files, target)
        given = [row["given"] - 1 for row in board["runs"]]
        runs = [JointRun(files[place].document, links[place]) for place in given]
        return draw_joint_report(board, runs)
    document, answers = files[0].document, files[0].comparison
    return draw_report(document, None if isinstance(answers, Undefined) else answers)


def _nearest(files: Sequence[RunFiles]) -> Path:
    """The deepest folder that holds all documents."""
    return Path(os.path.commonpath([each.path.resolve().parent for each in files]))


def _links(files: Sequence[RunFiles], target: Path) -> list[str]:
    """From the joint page to each run's own, where it has one; else empty."""
    joint = (target / REPORT_FILE).resolve()
    pages = [each.path.resolve().with_name(REPORT_FILE) for each in files]
    return [
        os.path.relpath(page, joint.parent).replace(os.sep, "/")
        if page.is_file() and page != joint
        else ""
        for page in pages
    ]
