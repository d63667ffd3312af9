"""An earlier run's document, and finding the newest one that a run may be held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import BaselineError
from distill_fixtures.report.reading import Reader

__all__ = ["Baseline", "NoBaseline", "newest_baseline", "read_baseline"]

READER = Reader(
    what="the baseline",
    error=BaselineError,
    next_step="give the file of a run of this version, or run once without a baseline",
)


@dataclass(frozen=True)
class Baseline:
    """An earlier run.

    Attributes:
        path: its file.
        document: ``distillation_metrics.json``, validated, as plain types.
    """

    path: Path
    document: Mapping[str, Any]


@dataclass(frozen=True)
class NoBaseline:
    """No earlier run will do, and why each that is there will not.

    Attributes:
        folder: where was looked.
        refused: by reason, how many files.
    """

    folder: Path
    refused: Mapping[str, int]

    def __str__(self) -> str:
        if not self.refused:
            return f"{self.folder} holds no earlier run: this is the first"
        counts = "; ".join(f"{count} {reason}" for reason, count in self.refused.items())
        return f"no run in {self.folder} will do: {counts}"


def read_baseline(path: Path) -> Baseline:
    """Read and check a document.

    Raises:
        BaselineError: the file cannot be read, is no strict JSON, of another version, or no
            valid document.
    """
    return Baseline(path, READER.document(path))


def newest_baseline(
    folder: Path, why_not: Callable[[Mapping[str, Any]], str | None]
) -> Baseline | NoBaseline:
    """The newest run of a history folder that will do.

    Newest by file name: the history's begin with the time. Older ones than the first that will do
    are not read.

    Args:
        folder: need not be there.
        why_not: why a document will not do, as a clause after a count ("of another student");
            None: it will.
    """
    refused: dict[str, int] = {}
    for path in sorted(folder.glob("*.json"), reverse=True) if folder.is_dir() else ():
        try:
            candidate = read_baseline(path)
        except BaselineError:
            reason = "unreadable or of another version"
        else:
            unfit = why_not(candidate.document)
            if unfit is None:
                return candidate
            reason = unfit
        refused[reason] = refused.get(reason, 0) + 1
    return NoBaseline(folder, refused)
