"""The questions on which the student lost what the teacher knew, and those on which it gained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.lookups import Node, shown
from distill_fixtures.report.html.parts import Cell, Table, left_out, table

__all__ = ["flip_table", "option_letter"]

MOST_QUESTIONS: Final = 15
MOST_CHARACTERS: Final = 160
CAPTIONS: Final = {
    "lost": "Lost: the teacher is right, the student is wrong",
    "gained": "Gained: the student is right, the teacher is wrong",
}


def flip_table(comparison: Node, kind: Literal["lost", "gained"]) -> Table:
    """Questions that changed sides, those that the model in the right was surest of first."""
    right, wrong = ("teacher", "student") if kind == "lost" else ("student", "teacher")
    flips = [
        each
        for each in comparison["predictions"]
        if each[right]["correct"] and not each[wrong]["correct"]
    ]
    flips.sort(key=lambda each: -_sureness(each[right]))
    notes = left_out(len(flips), MOST_QUESTIONS, "questions")
    if any(isinstance(each["reference"], int) for each in flips):
        notes += (
            "Letters count a question's options in the order of its file, a classifier's labels in "
            "theirs. Beside an answer stands its probability; where it is wrong, also that of the "
            "reference.",
        )
    return table(
        f"{CAPTIONS[kind]} ({len(flips)})",
        ("Question", "Reference", "Teacher", "Student"),
        [
            (
                Cell(
                    label(each["id"], MOST_CHARACTERS),
                    note=label(each["subdomain"] or "", MOST_CHARACTERS),
                ),
                _reference(each["reference"]),
                _answer(each, "teacher"),
                _answer(each, "student"),
            )
            for each in flips[:MOST_QUESTIONS]
        ],
        words=range(4),
        notes=notes,
    )


def _sureness(answer: Node) -> float:
    """Probability of the answer given; 0 where the scoring gives none."""
    probabilities: Sequence[float] = answer.get("probabilities") or (0.0,)
    return max(probabilities)


def option_letter(place: int) -> str:
    """A, B, ... by place, as in a list of options; the number from 27 on.

    >>> option_letter(0), option_letter(30)
    ('A', '31')
    """
    return chr(ord("A") + place) if 0 <= place < 26 else f"{place + 1}"


def _reference(reference: Any) -> str:
    if isinstance(reference, int):
        return option_letter(reference)
    texts = [reference] if isinstance(reference, str) else reference
    return label(" | ".join(texts), MOST_CHARACTERS)


def _answer(prediction: Node, role: str) -> Cell:
    """What a model answered and how sure it was; under it what it wrote."""
    answer = prediction[role]
    given = answer["answer"]
    text = label(answer.get("text") or "", MOST_CHARACTERS)
    if given is None:
        return Cell("no answer found", note=text)
    if isinstance(given, str):
        return Cell(label(given, MOST_CHARACTERS))
    probabilities = answer.get("probabilities")
    if probabilities is None:
        return Cell(option_letter(given), note=text)
    said = _option(probabilities, given)
    reference = prediction["reference"]
    if not answer["correct"] and isinstance(reference, int):
        said += f", {_option(probabilities, reference)}"
    return Cell(said)


def _option(probabilities: Sequence[float], place: int) -> str:
    """An option's letter and probability, which stay on one line."""
    sure = shown("mcnemar_p", probabilities[place]) if 0 <= place < len(probabilities) else "—"
    return f"{option_letter(place)}\N{NO-BREAK SPACE}{sure}"
