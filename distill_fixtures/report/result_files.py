"""Reading a result file that somebody else may have written.

It may come from anywhere (a CI artifact, a colleague), so nothing in it is trusted: its size is
bounded, and it must be strict JSON and valid by this version's models.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import BaseModel, ValidationError

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.report.document import SCHEMA_VERSION
from distill_fixtures.tasks.input_file import read_bytes, shorten, utf8_text

__all__ = ["ResultKind", "read_result"]

MOST_FILE_BYTES: Final = 2**28
"""A document of ten thousand timed requests has a few MB."""


@dataclass(frozen=True, slots=True)
class ResultKind:
    """A kind of result file, in a role that messages name.

    Attributes:
        name: of the file as a run writes it.
        model: what it must be valid by.
        role: what it is here: ``the baseline``.
        next_step: what to do where it cannot be used.
        error: the kind of error raised.
    """

    name: str
    model: type[BaseModel]
    role: str
    next_step: str
    error: type[DistillBenchError]


def read_result(path: Path, kind: ResultKind) -> dict[str, Any]:
    """A valid result as plain types.

    Raises:
        DistillBenchError: of the kind's class: the file cannot be read, is no strict JSON, of
            another version, or not valid.
    """
    what = f"{kind.role} {path}"
    content = read_bytes(path, limit_bytes=MOST_FILE_BYTES, what=kind.role, error=kind.error)
    text = utf8_text(content, what, error=kind.error)
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise _refused(kind, f"{what} is no JSON", str(fault)) from fault
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        got = "no schema_version" if version is None else f"schema_version {shorten(repr(version))}"
        raise _refused(kind, f"{what} is no document of this version", got)
    try:
        return kind.model.model_validate(found).model_dump(mode="json")
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(
            kind, f"{what} is no valid document", f"{shorten(place)}: {first['msg']}"
        ) from fault


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refused(kind: ResultKind, what: str, got: str) -> DistillBenchError:
    return kind.error(
        what,
        got=shorten(got, 200),
        wanted=f"a {kind.name} of schema_version {SCHEMA_VERSION}",
        next_step=kind.next_step,
    )
