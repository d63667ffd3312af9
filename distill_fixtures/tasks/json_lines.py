"""Lines of JSON that somebody else wrote: one object each, and the fields that every kind has."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from distill_fixtures.errors import QuestionFileError
from distill_fixtures.tasks.input_file import did_you_mean, read_bytes, shorten, utf8_text

__all__ = [
    "FORMAT_HELP",
    "JsonLine",
    "read_json_lines",
    "refuse",
    "refuse_unknown_fields",
    "type_name",
]

MOST_FILE_BYTES = 2**30
MOST_LINE_BYTES = 2**20
MOST_LINES = 10**6
FORMAT_HELP = "docs/questions.md shows the format"


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One object.

    Attributes:
        number: of its line, from 1.
        where: file and line, for messages.
        fields: what it holds.
    """

    number: int
    where: str
    fields: dict[str, Any]

    def identifier(self) -> str:
        """The id, or the line's number where it has none."""
        value = self.fields.get("id")
        if value is None:
            return str(self.number)
        if isinstance(value, bool) or not isinstance(value, int | str):
            refuse(f"{self.where}: wrong type of 'id'", type_name(value), "text or a whole number")
        return str(value)

    def text(self, name: str) -> str:
        """A text that has to be there."""
        value = self.needed(name)
        if not isinstance(value, str):
            refuse(f"{self.where}: wrong type of '{name}'", type_name(value), "text")
        return value

    def needed(self, name: str) -> Any:
        """The value of a field that has to be there."""
        if name not in self.fields:
            refuse(
                f"{self.where}: '{name}' is missing",
                "the fields " + ", ".join(self.fields) if self.fields else "no field",
                f"a field '{name}'",
            )
        return self.fields[name]

    def slice_name(self, name: str) -> str | None:
        """A text that may be missing or blank, which is the same."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            refuse(f"{self.where}: wrong type of '{name}'", type_name(value), "text or null")
        return value.strip() or None if value is not None else None


def read_json_lines(path: Path) -> Iterator[JsonLine]:
    """The objects of a file, in order; blank lines are left out.

    Ids stand on every line or on none; that is seen at the end.

    Raises:
        QuestionFileError: the file is too large, no UTF-8, a line is no JSON object, or one lacks
            the id that others have; names the line.
    """
    content = read_bytes(path, limit_bytes=MOST_FILE_BYTES)
    count, without_id = 0, list[str]()
    for number, text in _lines(content, path):
        where = f"{path}, line {number}"
        line = JsonLine(number, where, _parse_line(text, where))
        count += 1
        if line.fields.get("id") is None:
            without_id.append(where)
        yield line
    if without_id and len(without_id) < count:
        raise QuestionFileError(
            f"{without_id[0]}: the id is missing",
            got="no id here, but ids on other lines",
            wanted="an id for every question, or for none (then the line number is the id)",
            next_step=FORMAT_HELP,
        )


def refuse_unknown_fields(line: JsonLine, known: Collection[str]) -> None:
    """A field that nobody knows is most likely a misspelt one."""
    for name in line.fields:
        if name not in known:
            refuse(
                f"{line.where}: unknown field",
                repr(shorten(name)),
                "one of " + ", ".join(known) + did_you_mean(name, known),
            )


def _lines(content: bytes, path: Path) -> list[tuple[int, str]]:
    """The lines that hold something, numbered from 1. Only ``\\n`` ends a line."""
    if content.count(b"\n") > MOST_LINES:
        refuse(f"{path} has too many lines", f"more than {MOST_LINES}", f"at most {MOST_LINES}")
    lines: list[tuple[int, str]] = []
    start_byte = 0
    for number, raw in enumerate(content.split(b"\n"), 1):
        where = f"{path}, line {number}"
        if len(raw) > MOST_LINE_BYTES:
            refuse(f"{where} is too long", f"{len(raw)} bytes", f"at most {MOST_LINE_BYTES} a line")
        text = utf8_text(raw, where, start_byte=start_byte)
        start_byte += len(raw) + 1
        if text.strip():
            lines.append((number, text))
    return lines


def _parse_line(line: str, where: str) -> dict[str, Any]:
    def object_from(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            refuse(f"{where}: a field stands twice", repr(shorten(twice)), "each field once")
        return record

    def constant(text: str) -> NoReturn:
        refuse(f"{where}: a value that JSON does not have", text, "text, numbers and lists")

    try:
        record = json.loads(line, object_pairs_hook=object_from, parse_constant=constant)
    except json.JSONDecodeError as fault:
        raise QuestionFileError(
            f"{where} is no complete JSON",
            got=f"{fault.msg} at column {fault.colno}: {shorten(line[: fault.pos][-40:])}",
            wanted="one whole JSON object on the line",
            next_step=f"complete or remove the line; {FORMAT_HELP}",
        ) from fault
    except (RecursionError, ValueError) as fault:
        # Nested too deeply for the parser, or a number of thousands of digits.
        raise QuestionFileError(
            f"{where} cannot be parsed",
            got=shorten(str(fault)),
            wanted="one JSON object of texts, small numbers and one list",
            next_step=FORMAT_HELP,
        ) from fault
    if not isinstance(record, dict):
        refuse(f"{where} is no JSON object", type_name(record), "one object a line, as {…}")
    return record


def type_name(value: Any) -> str:
    """A value for people: what kind of JSON it is, and how it begins."""
    names = {bool: "true or false", int: "a whole number", float: "a number with a point"}
    names |= {str: "text", list: "a list", dict: "an object", type(None): "null"}
    # reprlib, because the value may be nested so deeply that repr itself fails.
    return "null" if value is None else f"{names[type(value)]}: {reprlib.repr(value)}"


def refuse(what: str, got: str, wanted: str) -> NoReturn:
    raise QuestionFileError(what, got=got, wanted=wanted, next_step=FORMAT_HELP)
