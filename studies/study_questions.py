"""Which questions a study asks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from distill_fixtures.demo import questions_file
from distill_fixtures.options.of_questions import PUBLISHED_PASSWORD
from distill_fixtures.records import Question
from distill_fixtures.tasks.readers import read_questions

__all__ = ["DATA_VARIABLE", "evenly", "questions_path", "read_evenly"]

DATA_VARIABLE = "QUANTUMBENCH_PATH"


def questions_path(given: Path | None = None) -> Path | None:
    """The questions file: the one given, else what the variable names; None for the built-in."""
    named = os.environ.get(DATA_VARIABLE)
    return given or (Path(named) if named else None)


def read_evenly(count: int, data_path: Path | None = None) -> tuple[str, list[Question]]:
    """A name for the set, and so many of its questions, taken evenly from its whole length.

    Args:
        data_path: as ``questions_path`` takes it.
    """
    path = questions_path(data_path)
    found = read_questions(
        path or questions_file(),
        password=PUBLISHED_PASSWORD,
        limit=None,
        name="built-in" if path is None else None,
    )
    return found.name, evenly(found.questions, count)


def evenly(questions: Sequence[Question], count: int) -> list[Question]:
    """So many of them, first to last at equal distances; all where there are no more.

    >>> questions = [Question(id=str(number), question="") for number in range(10)]
    >>> [question.id for question in evenly(questions, 4)]
    ['0', '2', '5', '7']
    """
    if count >= len(questions):
        return list(questions)
    return [questions[place * len(questions) // count] for place in range(count)]
