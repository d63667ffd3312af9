"""``distill-bench log``: a run's files, on their way to an MLflow server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from distill_fixtures.commands.past_runs import moment_of
from distill_fixtures.commands.run_files import RunFiles, add_run_argument, read_run
from distill_fixtures.option_checks import as_text, as_tracking_uri
from distill_fixtures.options.table import option_named
from distill_fixtures.records import Undefined
from distill_fixtures.report.json_files import COMPARISON_FILE
from distill_fixtures.report.mlflow_tracker import MlflowPlace, log_run
from distill_fixtures.report.printable import printable
from distill_fixtures.report.tracked_run import tracked_run

__all__ = ["add_arguments", "run"]

DRAWN = ("report.html", "*.png")
"""What may lie beside a document, drawn from it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_argument(parser)
    parser.add_argument(
        "--mlflow", required=True, metavar="URI", help="the MLflow server's tracking URI"
    )
    parser.add_argument(
        "--experiment",
        default=option_named("mlflow_experiment").default,
        metavar="NAME",
        help="MLflow's experiment; made where it is not there (default: %(default)s)",
    )


def run(given: argparse.Namespace) -> int:
    place = MlflowPlace(
        as_tracking_uri("--mlflow", given.mlflow, Path.cwd()),
        as_text("--experiment", given.experiment, Path.cwd()),
        "--mlflow",
    )
    found = read_run(given.file)
    # A document tells when its run began. When it ended, nobody knows any more.
    began = moment_of(found.path, found.document["created_at"])
    files, left_out = _files(found)
    address = log_run(place, tracked_run(found.document, began=began, ended=began), files)
    for sentence in left_out:
        sys.stdout.write(printable(sentence) + "\n")
    sys.stdout.write(f"logged to MLflow: {printable(address)}\n")
    return 0


def _files(found: RunFiles) -> tuple[list[Path], list[str]]:
    """A run's files, and a sentence for each that lies beside them and is of another run."""
    files, left_out = [found.path], []
    if isinstance(found.comparison, Undefined):
        left_out.append(f"without {COMPARISON_FILE}: {found.comparison.reason}")
    else:
        files.append(found.path.with_name(COMPARISON_FILE))
    written_s = found.path.stat().st_mtime
    for pattern in DRAWN:
        for path in sorted(found.path.parent.glob(pattern)):
            if path.is_file() and path.stat().st_mtime >= written_s:
                files.append(path)
            else:
                left_out.append(f"without {path.name}: it is older than {found.path.name}")
    return files, left_out
