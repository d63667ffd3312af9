"""Texts with their label, ``{"text": …, "label": …}``, as multiple-choice questions.

The choices of each are the labels of the whole file. A classifier's own labels take their place
once it is known which models are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distill_fixtures.errors import QuestionFileError
from distill_fixtures.records import Question
from distill_fixtures.tasks.input_file import shorten
from distill_fixtures.tasks.json_lines import (
    FORMAT_HELP,
    JsonLine,
    refuse,
    refuse_unknown_fields,
    type_name,
)
from distill_fixtures.tasks.question_set import MOST_OPTIONS, LocatedQuestion

__all__ = [
    "LABEL_FIELDS",
    "LabelledText",
    "is_labelled",
    "label_lines",
    "labelled_text",
    "questions_of_labelled",
]

# Python refuses to read a number of thousands of digits; no class has one.
MOST_DIGITS = 18

LABEL_FIELDS = ("id", "text", "label", "subdomain", "question_type", "source")


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, not yet a question: its choices are known once the whole file is read.

    Attributes:
        question: without choices and answer.
        label: as text, white space around it dropped.
        line: of the file, from 1.
    """

    question: Question
    label: str
    line: int


def is_labelled(line: JsonLine) -> bool:
    """Whether a line is meant as a labelled text; what is wrong with it is said later."""
    return "question" not in line.fields and not {"text", "label"}.isdisjoint(line.fields)


def labelled_text(line: JsonLine) -> LabelledText:
    """Check one line.

    Raises:
        QuestionFileError: an unknown field, a blank text, or a label that is neither a text nor a
            whole number.
    """
    refuse_unknown_fields(line, LABEL_FIELDS)
    text, label = line.text("text"), line.needed("label")
    if isinstance(label, bool) or not isinstance(label, int | str):
        refuse(f"{line.where}: wrong type of 'label'", type_name(label), "a text or a whole number")
    label = str(label).strip()
    for name, value in (("text", text), ("label", label)):
        if not value.strip():
            raise QuestionFileError(
                f"{line.where}: the {name} is blank",
                got=repr(shorten(value, 20)),
                wanted="text",
                next_step="fill it in, or leave the line out",
            )
    question = Question(
        id=line.identifier(),
        question=text,
        subdomain=line.slice_name("subdomain"),
        question_type=line.slice_name("question_type"),
        source=line.slice_name("source"),
    )
    return LabelledText(question, label, line.number)


def label_lines(labelled: Sequence[LabelledText], path: Path) -> dict[str, int]:
    """Every label with the line on which it first stands; sorted, whole numbers by their value.

    Raises:
        QuestionFileError: fewer than two labels, or more than a question may have options.
    """
    first: dict[str, int] = {}
    for entry in labelled:
        first.setdefault(entry.label, entry.line)
    if len(first) < 2:
        raise QuestionFileError(
            f"{path} has fewer than two labels",
            got=f"{shorten(next(iter(first)))!r} on every line",
            wanted="texts of at least two labels: with one there is nothing to tell apart",
            next_step="add texts of the other labels",
        )
    if len(first) > MOST_OPTIONS:
        raise QuestionFileError(
            f"{path} has too many labels",
            got=f"{len(first)} different ones",
            wanted=f"at most {MOST_OPTIONS}",
            next_step=f"check that 'label' holds a class and no text of its own; {FORMAT_HELP}",
        )
    numbers = all(_is_whole_number(label) for label in first)
    return dict(sorted(first.items(), key=lambda each: int(each[0]) if numbers else each[0]))


def questions_of_labelled(
    labelled: Sequence[LabelledText], labels: tuple[str, ...]
) -> list[LocatedQuestion]:
    """Multiple-choice questions whose choices are ``labels``."""
    places = {label: place for place, label in enumerate(labels)}
    return [
        LocatedQuestion(
            replace(entry.question, choices=labels, answer=places[entry.label]), entry.line
        )
        for entry in labelled
    ]


def _is_whole_number(label: str) -> bool:
    digits = label.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS
