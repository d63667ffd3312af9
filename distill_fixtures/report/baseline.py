"""Reading an earlier run's document, and finding the newest one that a run may be held against.

A baseline may come from anywhere (a CI artifact, a colleague), so nothing in it is trusted: its
size is bounded and it must be a valid document of this version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from distill_fixtures.errors import BaselineError
from distill_fixtures.report.document import SCHEMA_VERSION, Document
from distill_fixtures.tasks.input_file import read_bytes, shorten, utf8_text

__all__ = ["Baseline", "NoBaseline", "newest_baseline", "read_baseline"]

MOST_FILE_BYTES = 2**28
"""A document of ten thousand timed requests has a few MB."""


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
    what = f"the baseline {path}"
    content = read_bytes(
        path, limit_bytes=MOST_FILE_BYTES, what="the baseline", error=BaselineError
    )
    text = utf8_text(content, what, error=BaselineError)
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise _refused(f"{what} is no JSON", str(fault)) from fault
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        got = "no schema_version" if version is None else f"schema_version {shorten(repr(version))}"
        raise _refused(f"{what} is no document of this version", got)
    try:
        return Baseline(path, Document.model_validate(document).model_dump(mode="json"))
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(
            f"{what} is no valid document", f"{shorten(place)}: {first['msg']}"
        ) from fault


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


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refused(what: str, got: str) -> BaselineError:
    return BaselineError(
        what,
        got=shorten(got, 200),
        wanted=f"a distillation_metrics.json of schema_version {SCHEMA_VERSION}",
        next_step="give the file of a run of this version, or run once without a baseline",
    )
