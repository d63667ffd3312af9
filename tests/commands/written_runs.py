"""Runs on disk, as the suite leaves them."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from distill_fixtures.cli import main
from distill_fixtures.report.json_files import COMPARISON_FILE, METRICS_FILE
from tests.judge.judged_runs import as_json
from tests.report.made_up_run import MadeUpRun

__all__ = ["HOSTILE_NAMES", "Json", "made_documents", "output_of", "write_run"]

Json = dict[str, Any]

HOSTILE_NAMES = (
    "[red]x[/red]",
    "[link=https://evil.example]x[/link]",
    "<script>alert(1)</script>",
    "a\x1b[2J\x1b]0;t\x07b",
    "two\nlines\r",
    "\u202eright to left",
    "::error::x",
    "x" * 3000,
    "",
    " ",
    "\u0000",
    "\x9b31m",
)


@cache
def _made(questions: int) -> tuple[Json, Json]:
    found = MadeUpRun(questions=questions).documents()
    return as_json(found.metrics), as_json(found.comparison)


def made_documents(questions: int = 120) -> tuple[Json, Json]:
    """Copies of a run's two documents, to be changed at will."""
    return copy.deepcopy(_made(questions))


def write_run(folder: Path, document: Json, comparison: Json | None = None) -> Path:
    """Write a run's files; the path of its document."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / METRICS_FILE
    path.write_text(json.dumps(document), encoding="utf-8")
    if comparison is not None:
        (folder / COMPARISON_FILE).write_text(json.dumps(comparison), encoding="utf-8")
    return path


def output_of(capsys: Any, *words: object) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    status = main([str(word) for word in words])
    found = capsys.readouterr()
    return status, found.out, found.err
