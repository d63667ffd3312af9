"""Reader of ``.jsonl`` questions: one JSON object a line.

Fields: ``question``, ``choices`` and ``answer`` (zero-based index or letter), or ``question`` with
``answer`` or ``answers`` (texts) for free text, or ``text`` with ``label``; ``id``, ``subdomain``,
``question_type`` and ``source`` may be added. Where no line has an id, the line number is the id.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from distill_fixtures.records import Question, QuestionSet, Scoring
from distill_fixtures.tasks.input_file import shorten
from distill_fixtures.tasks.json_lines import (
    JsonLine,
    read_json_lines,
    refuse,
    refuse_unknown_fields,
    type_name,
)
from distill_fixtures.tasks.labelled_texts import (
    LabelledText,
    is_labelled,
    label_lines,
    labelled_text,
    questions_of_labelled,
)
from distill_fixtures.tasks.question_set import LocatedQuestion, build_question_set

__all__ = ["FIELDS", "read_jsonl"]

FIELDS = (
    "id",
    "question",
    "choices",
    "answer",
    "answers",
    "subdomain",
    "question_type",
    "source",
)


def read_jsonl(path: Path, *, name: str | None = None, limit: int | None = None) -> QuestionSet:
    """Read a ``.jsonl`` file.

    Args:
        name: of the set; None takes the file's stem.
        limit: keep the first questions only.

    Raises:
        QuestionFileError: anything wrong with the file; names the file and the line.
    """
    located: list[LocatedQuestion] = []
    labelled: list[LabelledText] = []
    for line in read_json_lines(path):
        if is_labelled(line):
            labelled.append(labelled_text(line))
        else:
            located.append(LocatedQuestion(_question(line), line.number))
    if located and labelled:
        refuse(
            f"{path} mixes questions with labelled texts",
            f"a question on line {located[0].line}, a labelled text on line {labelled[0].line}",
            "'question' on every line, or 'text' with 'label' on every line",
        )
    if labelled:
        lines = label_lines(labelled, path)
        located = questions_of_labelled(labelled, tuple(lines))
        return dataclasses.replace(_built(path, name, located, limit), labels=lines)
    return _built(path, name, located, limit)


def _built(
    path: Path, name: str | None, located: list[LocatedQuestion], limit: int | None
) -> QuestionSet:
    free_text = bool(located) and all(entry.question.is_free_text for entry in located)
    scoring: Scoring = "generate" if free_text else "cloze"
    return build_question_set(
        name or path.stem, located, file=path, default_scoring=scoring, limit=limit
    )


def _question(line: JsonLine) -> Question:
    refuse_unknown_fields(line, FIELDS)
    record, where = line.fields, line.where
    choices = _texts(record, "choices", where)
    answer = record.get("answer")
    answers = _texts(record, "answers", where)
    if choices is None:
        accepted = _free_text_answers(answer, answers, where)
        index = None
    else:
        if answers is not None:
            refuse(f"{where}: 'answers' beside 'choices'", "both", "'choices' with 'answer'")
        accepted = ()
        index = _answer_index(answer, choices, where)
    return Question(
        id=line.identifier(),
        question=line.text("question"),
        choices=choices or (),
        answer=index,
        answers=accepted,
        subdomain=line.slice_name("subdomain"),
        question_type=line.slice_name("question_type"),
        source=line.slice_name("source"),
    )


def _texts(record: dict[str, Any], name: str, where: str) -> tuple[str, ...] | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        refuse(f"{where}: wrong type of '{name}'", type_name(value), "a list of texts")
    for number, text in enumerate(value, 1):
        if not isinstance(text, str):
            refuse(f"{where}: wrong type of entry {number} in '{name}'", type_name(text), "text")
    if not value:
        refuse(f"{where}: '{name}' is empty", "[]", "at least one text; of choices, two")
    return tuple(value)


def _answer_index(answer: Any, choices: tuple[str, ...], where: str) -> int:
    """The zero-based index that an index or a letter means; its range is checked later."""
    if isinstance(answer, bool) or not isinstance(answer, int | str):
        refuse(f"{where}: no usable 'answer'", type_name(answer), "an index or a letter")
    if isinstance(answer, int):
        return answer
    if not (len(answer) == 1 and answer.isascii() and answer.isalpha()):
        refuse(
            f"{where}: 'answer' is text, but no letter",
            repr(shorten(answer)),
            f"a number from 0 to {len(choices) - 1} without quotes, or a letter from A",
        )
    index = ord(answer.upper()) - ord("A")
    if index >= len(choices):
        refuse(
            f"{where}: the answer is out of range",
            f"letter {answer!r} for {len(choices)} options",
            f"a letter from A to {chr(ord('A') + min(len(choices), 26) - 1)}",
        )
    return index


def _free_text_answers(answer: Any, answers: tuple[str, ...] | None, where: str) -> tuple[str, ...]:
    if (answer is None) == (answers is None):
        got = "neither" if answer is None else "both"
        refuse(
            f"{where}: a question without choices needs its answer",
            f"{got} of 'answer' and 'answers'",
            "'answer' (a text) or 'answers' (a list of texts)",
        )
    if answers is not None:
        return answers
    if not isinstance(answer, str):
        refuse(
            f"{where}: wrong type of 'answer' in a question without choices",
            type_name(answer),
            "text, or 'choices' beside it",
        )
    return (answer,)
