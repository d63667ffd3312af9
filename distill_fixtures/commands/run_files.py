"""A run's two files, found by the path of one of them or of their folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ResultFileError
from distill_fixtures.judge.same_run import NO_ANSWERS, why_not_of_run
from distill_fixtures.records import Undefined
from distill_fixtures.report.json_files import COMPARISON_FILE, METRICS_FILE
from distill_fixtures.report.reading import read_comparison, read_document

__all__ = ["RunFiles", "add_run_argument", "document_path", "read_run"]


@dataclass(frozen=True)
class RunFiles:
    """What a run wrote.

    Attributes:
        path: of its document.
        document: a valid ``distillation_metrics.json``.
        comparison: its ``comparison_results.json``, or why it is not used.
    """

    path: Path
    document: Mapping[str, Any]
    comparison: Mapping[str, Any] | Undefined


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the one run that a command works on, as ``file``."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a distillation_metrics.json, or the folder that holds one",
    )


def document_path(given: Path) -> Path:
    """A run's document: the file given, or the one in the folder given."""
    return given / METRICS_FILE if os.path.isdir(given) else given


def read_run(given: Path) -> RunFiles:
    """Read a run's document and, where it lies beside it, its comparison.

    Args:
        given: a ``distillation_metrics.json`` under any name, or the folder that holds one.

    Raises:
        ResultFileError: the document cannot be used. A comparison that cannot is left out, with the
            reason: a run that asked no question leaves an older one where it lies.
    """
    path = document_path(given)
    document = read_document(path)
    beside = path.with_name(COMPARISON_FILE)
    if not os.path.isfile(beside):
        return RunFiles(path, document, NO_ANSWERS)
    try:
        comparison = read_comparison(beside)
    except ResultFileError as error:
        reason = f"{COMPARISON_FILE} beside it cannot be used: {error.what}: {error.got}"
        return RunFiles(path, document, Undefined(reason))
    unlike = why_not_of_run(document, comparison)
    if unlike is not None:
        reason = f"{COMPARISON_FILE} beside it is of another run: {unlike}"
        return RunFiles(path, document, Undefined(reason))
    return RunFiles(path, document, comparison)
