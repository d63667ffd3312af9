"""Reading the file of ``--distill-students``. Anything doubtful in it is an error, never a guess.

::

    [[student]]
    reference = "runs/small"      # any model reference; a relative path starts from this file
    name = "small"                # of its folder below --metrics-dir; else made of the reference
    control = "runs/small-alone"  # in place of --control-model, for this student

    [student.criteria.knowledge_retention_pct]   # its own thresholds
    good = 80.0
    poor = 60.0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from distill_fixtures.errors import OptionError
from distill_fixtures.options.table import option_named
from distill_fixtures.plugin.student_names import MOST_CHARACTERS, is_safe_name, safe_name
from distill_fixtures.tasks.input_file import (
    did_you_mean,
    read_toml,
    shorten,
    shown_value,
)

__all__ = ["StudentEntry", "read_students"]

MOST_FILE_BYTES = 2**20
MOST_STUDENTS = 1000
KEYS = ("reference", "name", "control", "criteria")
WHAT = "the students file"
HELP = "docs/many-students.md shows such a file"


@dataclass(frozen=True, slots=True)
class StudentEntry:
    """One student as the file has it.

    Attributes:
        reference: of its model, as written.
        name: None where the file gives none.
        control: its own control's reference; None where the file gives none.
        criteria: sections of its own thresholds by metric, still to be checked.
        where: its place in the file, for messages.
    """

    reference: str
    name: str | None = None
    control: str | None = None
    criteria: Mapping[str, Any] | None = None
    where: str = ""


def read_students(path: Path) -> tuple[StudentEntry, ...]:
    """Read and check the file; thresholds in it are checked by who knows the metrics.

    Raises:
        OptionError: it cannot be read or parsed, names no student, or holds an unknown key or a
            value that cannot be used. The message names the file and the place.
    """
    document = read_toml(
        path,
        limit_bytes=MOST_FILE_BYTES,
        what=WHAT,
        error=OptionError,
        wanted="a [[student]] section for each student",
        next_step=HELP,
    )
    return _Reader(path).entries(document)


class _Reader:
    """Checks one parsed file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self, document: Mapping[str, Any]) -> tuple[StudentEntry, ...]:
        self._known_keys(document, ("student",), "the top level")
        found = document.get("student")
        if not isinstance(found, list) or not found:
            got = "no student" if not found else shown_value(found)
            self._refuse("names no student", got, "a [[student]] section for each")
        if len(found) > MOST_STUDENTS:
            got = f"{len(found)} students"
            self._refuse("names too many students", got, f"at most {MOST_STUDENTS}")
        return tuple(self._entry(each, number) for number, each in enumerate(found, start=1))

    def _entry(self, table: Any, number: int) -> StudentEntry:
        where = f"student {number}"
        if not isinstance(table, dict):
            self._refuse(f"{where} is no section", shown_value(table), "a [[student]] section")
        self._known_keys(table, KEYS, where)
        if "reference" not in table:
            got = "only " + ", ".join(table) if table else "an empty section"
            self._refuse(f"{where} lacks 'reference'", got, "the reference of its model")
        texts = {key: self._text(table, key, where) for key in ("reference", "name", "control")}
        criteria = table.get("criteria")
        if criteria is not None and not isinstance(criteria, dict):
            got = shown_value(criteria)
            self._refuse(f"{where}.criteria is no section", got, "[student.criteria.METRIC]")
        name = texts["name"]
        if name is not None and not is_safe_name(name):
            self._refuse_name(name, where)
        assert texts["reference"] is not None
        return StudentEntry(texts["reference"], name, texts["control"], criteria, where)

    def _text(self, table: Mapping[str, Any], key: str, where: str) -> str | None:
        value = table.get(key)
        is_text = isinstance(value, str) and value.strip() and "\0" not in value
        if value is not None and not is_text:
            self._refuse(f"{where}.{key} is no text", shown_value(value), "a text in quotes")
        return value

    def _refuse_name(self, name: str, where: str) -> NoReturn:
        near = safe_name(name)
        self._refuse(
            f"{where}.name cannot be that of a folder",
            repr(shorten(name)),
            f"at most {MOST_CHARACTERS} letters, digits, '.', '_' and '-', the first and last a "
            "letter or digit or '_', and not what other results are called",
            f"write for example {near!r}" if is_safe_name(near) else HELP,
        )

    def _known_keys(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        names = tuple(known)
        for key in table:
            if key not in names:
                wanted = "one of " + ", ".join(names) + did_you_mean(key, names)
                self._refuse(f"{where} has an unknown key", repr(shorten(key)), wanted)

    def _refuse(self, fault: str, got: str, wanted: str, next_step: str = HELP) -> NoReturn:
        raise OptionError(
            f"{option_named('students').flag} {self._path}: {fault}",
            got=got,
            wanted=wanted,
            next_step=next_step,
        )
