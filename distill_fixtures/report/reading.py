"""Reading result files, which may come from anywhere (a CI artifact, a colleague).

Nothing in them is trusted: the size is bounded, no number is too large to calculate with, and what
comes out is a valid document of this version, also of a file of the one before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from distill_fixtures.catalog import CATALOG
from distill_fixtures.errors import ResultFileError, UsageError
from distill_fixtures.report.comparison import Comparison
from distill_fixtures.report.document import SCHEMA_VERSION, Document
from distill_fixtures.report.earlier_version import EARLIER_VERSION, in_this_version
from distill_fixtures.report.json_files import COMPARISON_FILE, METRICS_FILE
from distill_fixtures.tasks.input_file import read_bytes, shorten, utf8_text

__all__ = ["Reader", "read_comparison", "read_document"]

MOST_FILE_BYTES = 2**28
"""A document of ten thousand timed requests has a few MB."""

MOST_DIGITS = 18
"""Of a whole number: no count of bytes has more, and so every one of them fits a float."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one kind of file, and says in what role when it cannot.

    Attributes:
        what: the file's role, for messages: ``the baseline``.
        error: the kind of error raised, always with the path in it.
        next_step: what the reader of a message can do.
    """

    what: str = "the results file"
    error: type[UsageError] = ResultFileError
    next_step: str = "give the file of a run of this version, or run the suite again"

    def document(self, path: Path) -> dict[str, Any]:
        """``distillation_metrics.json``, validated, as plain types.

        Raises:
            UsageError: of the kind ``error``; the file cannot be read, is no strict JSON, of
                another version, no valid document, or judges what is no metric.
        """
        document = self._validated(path, Document, METRICS_FILE)
        judged = [*document["verdict"]["criteria"], *(document["regression"] or ())]
        for each in judged:
            if each["metric"] not in CATALOG:
                self._refuse(
                    path, "judges what is no metric", shorten(repr(each["metric"])), METRICS_FILE
                )
        return document

    def comparison(self, path: Path) -> dict[str, Any]:
        """``comparison_results.json``, validated, as plain types.

        Raises:
            UsageError: as ``document``.
        """
        return self._validated(path, Comparison, COMPARISON_FILE)

    def _validated(self, path: Path, model: type[BaseModel], name: str) -> dict[str, Any]:
        content = read_bytes(path, limit_bytes=MOST_FILE_BYTES, what=self.what, error=self.error)
        text = utf8_text(content, f"{self.what} {path}", error=self.error)
        try:
            document = json.loads(text, parse_constant=_refuse_constant, parse_int=_whole_number)
        except (ValueError, RecursionError) as fault:
            self._refuse(path, "is no JSON", str(fault), name, fault)
        document = in_this_version(document) if isinstance(document, dict) else None
        version = None if document is None else document.get("schema_version")
        if version != SCHEMA_VERSION:
            got = "no schema_version"
            if version is not None:
                got = f"schema_version {shorten(repr(version))}"
            self._refuse(path, "is no document of this version", got, name)
        try:
            return model.model_validate(document).model_dump(mode="json")
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            place = shorten(".".join(str(part) for part in first["loc"]))
            self._refuse(path, "is no valid document", f"{place}: {first['msg']}", name, fault)

    def _refuse(
        self, path: Path, fault: str, got: str, name: str, cause: Exception | None = None
    ) -> NoReturn:
        raise self.error(
            f"{self.what} {path} {fault}",
            got=shorten(got, 200),
            wanted=f"a {name} of schema_version {SCHEMA_VERSION} or {EARLIER_VERSION}",
            next_step=self.next_step,
        ) from cause


def read_document(path: Path) -> dict[str, Any]:
    """A run's ``distillation_metrics.json``.

    Raises:
        ResultFileError: it cannot be used.
    """
    return Reader().document(path)


def read_comparison(path: Path) -> dict[str, Any]:
    """A run's ``comparison_results.json``.

    Raises:
        ResultFileError: it cannot be used.
    """
    return Reader().comparison(path)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)
