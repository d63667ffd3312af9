"""Puts a fake MLflow in the place of the real one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fake_mlflow.mlflow import told

__all__ = ["FAKE", "Told", "fake_installed", "none_installed"]

FAKE = Path(__file__).parent / "mlflow"
"""The package, to be copied to where a run of pytest finds it."""


class Told:
    """What a fake server was told.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def uri(self) -> str:
        return f"fake://{self._path}"

    def calls(self, name: str) -> list[list[Any]]:
        """The arguments of each call of this name."""
        known = told(self._path) if self._path.exists() else []
        return [call[1:] for call in known if call[0] == name]

    def logged(self) -> dict[str, Any]:
        """Metrics and parameters together."""
        return {key: each for (values,) in self.calls("log_batch") for key, each in values.items()}


@contextmanager
def fake_installed() -> Iterator[None]:
    """The fake in this process, whether or not the real one is there."""
    with _without_mlflow():
        sys.path.insert(0, str(FAKE.parent))
        try:
            yield
        finally:
            sys.path.remove(str(FAKE.parent))


@contextmanager
def none_installed() -> Iterator[None]:
    """No MLflow in this process."""
    with _without_mlflow():
        sys.modules["mlflow"] = None  # type: ignore[assignment]
        yield


@contextmanager
def _without_mlflow() -> Iterator[None]:
    def loaded() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == "mlflow"]

    kept = {name: sys.modules.pop(name) for name in loaded()}
    try:
        yield
    finally:
        for name in loaded():
            del sys.modules[name]
        sys.modules.update(kept)
