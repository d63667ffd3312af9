"""Writing results: strict JSON, atomically, and what they replace kept in the history."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_fixtures.errors import OptionError
from distill_fixtures.report.atomic_files import write_atomically

__all__ = [
    "COMPARISON_FILE",
    "HISTORY_FOLDER",
    "METRICS_FILE",
    "check_writable",
    "history_name",
    "write_json",
    "write_results",
]

METRICS_FILE = "distillation_metrics.json"
COMPARISON_FILE = "comparison_results.json"
HISTORY_FOLDER = "history"


def check_writable(
    folder: Path, *, what: str = "metrics folder", flag: str = "--metrics-dir"
) -> None:
    """Make sure that files can be written to a folder, without leaving anything behind.

    Args:
        folder: need not be there yet.
        what: what it is, for the message.
        flag: the option that names it.

    Raises:
        OptionError: the folder, or the nearest folder above it that exists, takes no files.
    """
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        if not existing.is_dir():
            raise NotADirectoryError(f"{existing} is a file")
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OptionError(
            f"the {what} cannot be written",
            got=f"{folder} ({error.strerror or error})",
            wanted="a folder in which files can be made",
            next_step=f"give another folder with {flag}, or mend its permissions",
        ) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON, atomically.

    Raises:
        ValueError: the content holds NaN or infinity.
    """
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    # Half of a surrogate pair, which a path or a server's text may hold, is written as JSON has it.
    write_atomically(path, text.encode("utf-8", errors="backslashreplace"))


def history_name(document: Mapping[str, Any]) -> str:
    """File name of a run in the history: by time and models, safe on every file system."""
    moment = re.sub(r"[^0-9TZ]", "", str(document["created_at"]).replace("+00:00", "Z"))
    models = [
        re.sub(r"[^A-Za-z0-9._-]+", "-", str(document[role]["reference"])).strip("-.")[-40:]
        for role in ("teacher", "student")
    ]
    return "_".join([moment, *models]) + ".json"


def write_results(
    folder: Path, document: Mapping[str, Any], comparison: Mapping[str, Any] | None
) -> list[Path]:
    """Write a run's files.

    Args:
        folder: the metrics folder.
        document: the content of ``distillation_metrics.json``.
        comparison: the content of ``comparison_results.json``; None when nothing was answered: an
            older file then stays as it is, since it is no result of this run.

    Returns:
        The files written.
    """
    written = [folder / METRICS_FILE]
    if comparison is not None:
        write_json(folder / COMPARISON_FILE, comparison)
        written.append(folder / COMPARISON_FILE)
    archived = _free_name(folder / HISTORY_FOLDER / history_name(document))
    write_json(archived, document)
    write_json(written[0], document)
    return [*written, archived]


def _free_name(path: Path) -> Path:
    """Two runs within one microsecond must not overwrite each other."""
    candidate, number = path, 2
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return candidate
