"""The runs that a folder keeps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from distill_fixtures.errors import OptionError, ResultFileError
from distill_fixtures.judge.steps import PastRun
from distill_fixtures.report.json_files import HISTORY_FOLDER
from distill_fixtures.report.reading import read_document

__all__ = ["Kept", "history_folder", "moment_of", "read_history"]


@dataclass(frozen=True)
class Kept:
    """One run of a history.

    Attributes:
        path: its file.
        moment: when it began.
        teacher, student: references.
        overall, gate: its verdict.
        whole: neither partial nor interrupted.
        past: its figures.
    """

    path: Path
    moment: datetime
    teacher: str
    student: str
    overall: str
    gate: str
    whole: bool
    past: PastRun

    @property
    def when(self) -> str:
        return self.moment.strftime("%Y-%m-%d %H:%M")


def history_folder(given: Path) -> Path:
    """The history of a metrics folder, or the folder itself where it has none."""
    below = given / HISTORY_FOLDER
    return below if os.path.isdir(below) else given


def read_history(folder: Path, names: Sequence[str]) -> tuple[list[Kept], list[tuple[str, str]]]:
    """The runs of a folder, oldest first, and the files that are none, with the reason.

    Args:
        folder: holds ``distillation_metrics.json`` of runs under any names.
        names: metrics that are asked for.

    Raises:
        OptionError: there is no such folder, or no run in it.
    """
    kept: list[Kept] = []
    skipped: list[tuple[str, str]] = []
    try:
        paths = sorted(folder.glob("*.json"))
    except OSError as error:
        raise _no_runs(folder, error.strerror or str(error)) from error
    for path in paths:
        try:
            kept.append(_kept(path, names))
        except ResultFileError as error:
            fault = error.what.partition(str(path))[2].strip() or error.what
            skipped.append((path.name, f"{fault}: {error.got}"))
    if not kept:
        found = f"{len(skipped)} files, none of them a run" if skipped else "no file of a run"
        raise _no_runs(folder, found)
    kept.sort(key=lambda each: each.moment)
    return kept, skipped


def _no_runs(folder: Path, got: str) -> OptionError:
    return OptionError(
        f"there is no history in {folder}",
        got=got,
        wanted="a folder with the distillation_metrics.json of earlier runs",
        next_step="run the suite first: each run is kept in metrics/history",
    )


def _kept(path: Path, names: Sequence[str]) -> Kept:
    """One run.

    Raises:
        ResultFileError: the file cannot be used.
    """
    document = read_document(path)
    run, verdict = document["run"], document["verdict"]
    return Kept(
        path=path,
        moment=moment_of(path, document["created_at"]),
        teacher=document["teacher"]["reference"],
        student=document["student"]["reference"],
        overall=verdict["overall"],
        gate=verdict["gate"],
        whole=not (run["partial"] or run["interrupted"]),
        past=PastRun(document, names),
    )


def moment_of(path: Path, text: str) -> datetime:
    """When a run began, UTC, from its ``created_at``.

    Raises:
        ResultFileError: it is no point in time.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise ResultFileError(
            f"the results file {path} does not tell when it was made",
            got=text[:80],
            wanted="created_at as in ISO 8601",
            next_step="give files as a run wrote them",
        ) from fault
