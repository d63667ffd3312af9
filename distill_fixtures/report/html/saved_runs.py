"""The runs that a page is drawn from: their files, and whether the two of a run belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.errors import ResultFileError
from distill_fixtures.metrics.pairing import flags_to_text
from distill_fixtures.report.comparison import Comparison
from distill_fixtures.report.document import Document
from distill_fixtures.report.html.lookups import Node
from distill_fixtures.report.json_files import COMPARISON_FILE, METRICS_FILE
from distill_fixtures.report.result_files import ResultKind, read_result

__all__ = ["SavedRun", "belongs", "read_run"]

METRICS: Final = ResultKind(
    name=METRICS_FILE,
    model=Document,
    role="the result file",
    next_step="give the file of a run of this version",
    error=ResultFileError,
)
COMPARISON: Final = ResultKind(
    name=COMPARISON_FILE,
    model=Comparison,
    role="the comparison",
    next_step="run again to have it",
    error=ResultFileError,
)


@dataclass(frozen=True, slots=True)
class SavedRun:
    """One run's files.

    Attributes:
        path: of its ``distillation_metrics.json``, or a copy of it.
        document: its content.
        comparison: content of the ``comparison_results.json`` beside it; None where there is none
            that can be used.
        note: why the one that lies there cannot be used; empty: it can, or there is none.
    """

    path: Path
    document: dict[str, Any]
    comparison: dict[str, Any] | None
    note: str = ""


def read_run(path: Path) -> SavedRun:
    """Read a run's document, and the answers one by one where they lie beside it.

    Args:
        path: the document, or the folder that holds it.

    Raises:
        ResultFileError: the document cannot be read, or is no valid one of this version.
    """
    file = path / METRICS_FILE if path.is_dir() else path
    document = read_result(file, METRICS)
    _check_metrics(file, document)
    beside = file.with_name(COMPARISON_FILE)
    if not beside.is_file():
        return SavedRun(file, document, None)
    try:
        comparison = read_result(beside, COMPARISON)
    except ResultFileError as fault:
        # It may be years older than the document: all else can still be drawn.
        return SavedRun(file, document, None, f"{fault.what}: {fault.got}")
    if not belongs(document, comparison):
        return SavedRun(file, document, None, f"{beside} holds the answers of another run")
    return SavedRun(file, document, comparison)


def belongs(document: Node, comparison: Node) -> bool:
    """Whether both are of the same answers: a run that answered nothing leaves an older one."""
    predictions = comparison["predictions"]
    return bool(predictions) and all(
        document[role]["accuracy"]["correct_by_question"]
        == flags_to_text([each[role]["correct"] for each in predictions])
        for role in ("teacher", "student")
    )


def _check_metrics(file: Path, document: Node) -> None:
    named = [each["metric"] for each in document["verdict"]["criteria"]]
    named += [each["metric"] for each in document["regression"] or ()]
    unknown = [name for name in named if name not in CATALOG]
    if unknown:
        raise ResultFileError(
            f"the result file {file} judges a metric that is not known",
            got=f"{unknown[0]!r}"[:200],
            wanted="metrics that `distill-bench metrics --all` lists",
            next_step=METRICS.next_step,
        )
