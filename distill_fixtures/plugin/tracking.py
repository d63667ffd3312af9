"""A run on its way to an experiment tracker, where one was asked for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from distill_fixtures.errors import TrackerError
from distill_fixtures.options.table import option_named
from distill_fixtures.report.github import on_github, warning_line
from distill_fixtures.report.json_files import HISTORY_FOLDER, METRICS_FILE
from distill_fixtures.report.mlflow_tracker import MlflowPlace, check_place, log_run
from distill_fixtures.report.printable import printable, printable_lines
from distill_fixtures.report.tracked_run import tracked_run

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.plugin.export import Documents, RunState

__all__ = ["check_tracker", "say_tracked", "track"]


def check_tracker(config: RunConfig) -> None:
    """See before anything is measured that the tracker that was asked for is there.

    Raises:
        TrackerError: it is not.
    """
    place = _place(config)
    if place is not None:
        check_place(place)


def track(config: RunConfig, documents: Documents, state: RunState) -> str | TrackerError | None:
    """Log the run with the files that it has written.

    Returns:
        Where it is to be looked at, or why it was not logged: the results are there without it,
        and the exit code stays what the gate makes it. None where no tracker was asked for.
    """
    place = _place(config)
    if place is None:
        return None
    run = tracked_run(documents.metrics, began=state.created_at, ended=datetime.now(UTC))
    files = [path for path in state.written if path.parent.name != HISTORY_FOLDER]
    try:
        return log_run(place, run, files)
    except TrackerError as error:
        return error


def say_tracked(
    tracked: str | TrackerError | None, config: RunConfig, terminalreporter: Any
) -> None:
    """Tell what became of it, a failure so that nobody misses it."""
    if tracked is None:
        return
    if isinstance(tracked, str):
        terminalreporter.write_line(f"logged to MLflow: {printable(tracked)}")
        return
    document = config.metrics_dir / METRICS_FILE
    again = f"distill-bench log {document} --mlflow {config.mlflow}"
    if config.mlflow_experiment != option_named("mlflow_experiment").default:
        again += f" --experiment '{config.mlflow_experiment}'"
    for line in (
        "NOT LOGGED TO MLFLOW. The result files are written; the exit code is the gate's own.",
        printable_lines(str(tracked)),
        f"  later:  {printable(again)}",
    ):
        terminalreporter.write_line(line, red=True, bold=True)
    if on_github(os.environ):
        terminalreporter.write_line(warning_line("not logged to MLflow", str(tracked)))


def _place(config: RunConfig) -> MlflowPlace | None:
    if config.mlflow is None:
        return None
    return MlflowPlace(config.mlflow, config.mlflow_experiment)
