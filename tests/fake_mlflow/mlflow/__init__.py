"""MLflow as far as this package uses it: what it is told goes into a file, a JSON array a line.

The tracking URI ``fake:///FOLDER/NAME`` says which file, and by the end of NAME how the server
behaves: ``.down`` never answers, ``.gone`` answers until a run is made, ``.full`` takes no
artifact, ``.deleted`` has the experiment, but deleted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SETTINGS = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_HTTP_REQUEST_TIMEOUT")


class MlflowException(Exception):  # noqa: N818
    """As MLflow's own."""


class MlflowClient:
    """The client of one fake server."""

    def __init__(self, tracking_uri: str) -> None:
        self._told = Path(tracking_uri.removeprefix("fake://"))
        self._note("settings", {name: os.environ.get(name) for name in SETTINGS})

    def get_experiment_by_name(self, name: str) -> SimpleNamespace | None:
        if self._told.suffix == ".down":
            raise MlflowException("connection refused: me:secret")
        if self._told.suffix == ".deleted":
            return SimpleNamespace(experiment_id="4", lifecycle_stage="deleted")
        made = [each[1] for each in told(self._told) if each[0] == "create_experiment"]
        if name in made:
            return SimpleNamespace(experiment_id="7", lifecycle_stage="active")
        return None

    def create_experiment(self, name: str) -> str:
        self._note("create_experiment", name)
        return "7"

    def create_run(
        self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> SimpleNamespace:
        if self._told.suffix == ".gone":
            raise MlflowException("the server has gone")
        self._note("create_run", experiment_id, start_time, tags, run_name)
        return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

    def log_batch(
        self,
        run_id: str,
        metrics: Any = (),
        params: Any = (),
        *,
        synchronous: bool,
    ) -> None:
        assert len(metrics) <= 1000
        assert len(params) <= 100
        assert synchronous
        self._note("log_batch", {each.key: each.value for each in [*metrics, *params]})

    def log_artifact(self, run_id: str, local_path: str) -> None:
        if self._told.suffix == ".full":
            raise OSError("no space left")
        self._note("log_artifact", local_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        self._note("log_text", artifact_file, text)

    def set_terminated(self, run_id: str, status: str, end_time: int | None = None) -> None:
        self._note("set_terminated", status, end_time)

    def _note(self, *call: object) -> None:
        with self._told.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(call) + "\n")


def told(path: Path) -> list[list[Any]]:
    """All that a fake server was told, in order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
