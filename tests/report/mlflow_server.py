"""A real MLflow server on loopback, with SQLite."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

__all__ = ["WHY_NO_SERVER", "started_server"]

# flask is what MLflow's server has and the package for logging alone has not.
WHY_NO_SERVER = (
    None if find_spec("mlflow") and find_spec("flask") else "MLflow's server is not installed"
)
LONGEST_START_S = 180.0
ANSWER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def started_server(folder: Path) -> Iterator[str]:
    """Start a server that keeps all it is told in a folder, and stop it with its processes."""
    uri = f"http://127.0.0.1:{_free_port()}"
    output = folder / "server.log"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server"),
                *("--backend-store-uri", f"sqlite:///{folder / 'runs.db'}"),
                *("--artifacts-destination", str(folder / "artifacts")),
                *("--host", "127.0.0.1", "--port", uri.rpartition(":")[2], "--workers", "1"),
            ],
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ
            | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            start_new_session=True,
        )
    try:
        _wait(uri, process, output)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def _wait(uri: str, process: subprocess.Popen[bytes], output: Path) -> None:
    last_s = time.monotonic() + LONGEST_START_S
    while time.monotonic() < last_s and process.poll() is None:
        try:
            with ANSWER.open(f"{uri}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise AssertionError("the server did not start:\n" + output.read_text("utf-8", "replace"))
