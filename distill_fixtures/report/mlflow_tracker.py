"""Logging a run to MLflow.

MLflow is imported when there is something to log, never before. It is told to stay quiet: no
telemetry, no words of its own on the terminal, and no minutes of patience with a server that is
down. What a user has set for these in the environment stands.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import DistillBenchError, TrackerError
from distill_fixtures.report.printable import printable
from distill_fixtures.report.tracked_run import TrackedRun
from distill_fixtures.tasks.input_file import shorten

__all__ = ["MISSING_FILE", "SUMMARY_FILE", "MlflowPlace", "check_place", "log_run"]

MISSING_FILE = "missing_figures.json"
SUMMARY_FILE = "summary.md"

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
LOOKING = QUIET | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
LOGGING = QUIET | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""Seconds a request, and how often it is tried again. By default MLflow would try for minutes."""

MOST_METRICS = 1000
MOST_PARAMS = 100
"""In one request: MLflow takes no more."""

MOST_NOTE_CHARACTERS = 5000


@dataclass(frozen=True, slots=True)
class MlflowPlace:
    """Where runs are logged.

    Attributes:
        uri: MLflow's tracking URI, without a name or password.
        experiment: the experiment's name.
        flag: the option that gave the URI, for messages.
    """

    uri: str
    experiment: str
    flag: str = "--distill-mlflow"

    def run_address(self, experiment_id: str, run_id: str) -> str:
        """Where people look at a run; in a store without pages its name."""
        if self.uri.startswith(("http://", "https://")):
            return f"{self.uri.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
        return f"run {run_id} of experiment {self.experiment} in {self.uri}"


def check_place(place: MlflowPlace) -> None:
    """See that MLflow is installed, and its server there; nothing is logged.

    Raises:
        TrackerError: it is not, or the experiment was deleted.
    """
    with _environment(LOOKING), _told_in_four_parts(place):
        _experiment_id(_connected(place), place)


def log_run(place: MlflowPlace, run: TrackedRun, files: Sequence[Path]) -> str:
    """Log a run with its files as artifacts.

    Args:
        place: the experiment is made where it is not there.
        run: what is told of it.
        files: regular files of different names.

    Returns:
        Where people look at it.

    Raises:
        TrackerError: it was not logged, or not all of it: MLflow then calls the run failed.
    """
    with _environment(LOGGING), _told_in_four_parts(place):
        client = _connected(place)
        experiment_id = _experiment_id(client, place) or _new_experiment(client, place)
        tags = dict(run.tags)
        if len(run.summary) <= MOST_NOTE_CHARACTERS:
            tags["mlflow.note.content"] = run.summary  # MLflow's pages show it as the description
        created = client.create_run(
            experiment_id, start_time=run.began_ms, tags=tags, run_name=run.name
        )
        run_id: str = created.info.run_id
        try:
            _fill(client, run_id, run, files)
        except BaseException:
            # The fault that is told is the first; where the server has gone, this one is its echo.
            with contextlib.suppress(Exception):
                client.set_terminated(run_id, status="FAILED")
            raise
        status = "FINISHED" if run.finished else "KILLED"
        client.set_terminated(run_id, status=status, end_time=run.ended_ms)
    return place.run_address(experiment_id, run_id)


def _fill(client: Any, run_id: str, run: TrackedRun, files: Sequence[Path]) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, value, run.ended_ms, 0) for name, value in run.metrics.items()]
    for start in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MOST_METRICS], synchronous=True)
    params = [Param(name, value) for name, value in run.params.items()]
    for start in range(0, len(params), MOST_PARAMS):
        client.log_batch(run_id, params=params[start : start + MOST_PARAMS], synchronous=True)
    for path in files:
        client.log_artifact(run_id, str(path))
    missing = json.dumps(dict(run.missing), indent=2, ensure_ascii=False)
    client.log_text(run_id, missing + "\n", MISSING_FILE)
    client.log_text(run_id, run.summary, SUMMARY_FILE)


def _connected(place: MlflowPlace) -> Any:
    """MLflow's client, which has not said a word yet.

    Raises:
        TrackerError: MLflow is not installed.
    """
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise TrackerError(
            f"{place.flag} needs MLflow",
            got=f"no package {error.name}",
            wanted="the extra mlflow",
            next_step=f'pip install "distill-bench[mlflow]", or leave {place.flag} out',
        ) from error
    return MlflowClient(tracking_uri=place.uri)


def _experiment_id(client: Any, place: MlflowPlace) -> str | None:
    """The experiment's id; None where there is none of this name yet.

    Raises:
        TrackerError: it was deleted; MLflow keeps the name.
    """
    found = client.get_experiment_by_name(place.experiment)
    if found is None:
        return None
    if found.lifecycle_stage != "active":
        raise TrackerError(
            f"the experiment {place.experiment!r} was deleted",
            got=f"lifecycle stage {found.lifecycle_stage} at {place.uri}",
            wanted="an active experiment, or a name that there is not yet",
            next_step=f"mlflow experiments restore --experiment-id {found.experiment_id}, or "
            "another name",
        )
    return str(found.experiment_id)


def _new_experiment(client: Any, place: MlflowPlace) -> str:
    """Make the experiment, or find the one that another run has made meanwhile."""
    try:
        return str(client.create_experiment(place.experiment))
    except Exception:
        found = _experiment_id(client, place)
        if found is None:
            raise
        return found


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """MLflow reads its settings from the environment alone; what is set there already stands."""
    added = [name for name in settings if name not in os.environ]
    os.environ.update({name: settings[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _told_in_four_parts(place: MlflowPlace) -> Iterator[None]:
    """Whatever MLflow raises as an error of this package.

    MLflow lets through what its stores' libraries raise, which may be anything.
    """
    try:
        yield
    except DistillBenchError:
        raise
    except Exception as error:
        raise TrackerError(
            f"{place.flag} leads to no MLflow server that takes the run",
            got=shorten(printable(f"{type(error).__name__}: {error}"), 400),
            wanted=f"one that answers at {place.uri}",
            next_step="start it, or mend the URI; MLFLOW_TRACKING_USERNAME, "
            "MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN hold what it asks for",
        ) from error
