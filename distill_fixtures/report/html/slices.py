"""Accuracy within subdomains or question types, and how much the student differs there.

The document has each model's accuracy and interval. The interval of their difference is not in it
and is taken here, as that of all questions is, from the questions answered one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.intervals import accuracy_loss_of, paired_interval
from distill_fixtures.records import Question, Undefined
from distill_fixtures.report.html.lookups import Node, find, why_missing

__all__ = ["MOST_SLICES", "Slice", "SliceKind", "slices_of"]

SliceKind = Literal["subdomain", "question_type"]
MOST_SLICES = 60
NO_ANSWERS = Undefined("the answers one by one, in comparison_results.json, are not at hand")


@dataclass(frozen=True, slots=True)
class Slice:
    """One subdomain or question type.

    Attributes:
        name: as in the questions.
        questions: how many.
        teacher, student: accuracies, fractions.
        teacher_interval, student_interval: 95 %.
        difference: 95 % interval of the student's accuracy minus the teacher's.
    """

    name: str
    questions: int
    teacher: float
    student: float
    teacher_interval: tuple[float, float]
    student_interval: tuple[float, float]
    difference: tuple[float, float] | Undefined

    @property
    def change(self) -> float:
        return self.student - self.teacher


def slices_of(document: Node, comparison: Node | None, kind: SliceKind) -> list[Slice] | Undefined:
    """All slices, that where the student lost most first.

    Differences have intervals in the ``MOST_SLICES`` first alone.
    """
    by_role = [find(document, f"{role}.accuracy.by_{kind}") for role in ("teacher", "student")]
    if by_role[0] is None or by_role[1] is None:
        return Undefined(why_missing(document, f"student.accuracy.by_{kind}"))
    names = [name for name in by_role[0] if name in by_role[1]]
    if not names:
        return Undefined(f"no question has a {kind.replace('_', ' ')}")
    names.sort(key=lambda name: by_role[1][name]["accuracy"] - by_role[0][name]["accuracy"])
    seed = find(document, "run.options.--distill-seed") or 0
    answers = _by_slice(comparison, kind)
    return [
        _slice(
            name,
            by_role[0][name],
            by_role[1][name],
            _difference(answers.get(name, []), seed) if place < MOST_SLICES else NO_ANSWERS,
        )
        for place, name in enumerate(names)
    ]


def _by_slice(comparison: Node | None, kind: SliceKind) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for prediction in () if comparison is None else comparison["predictions"]:
        if prediction[kind] is not None:
            found.setdefault(prediction[kind], []).append(prediction)
    return found


def _slice(name: str, teacher: Node, student: Node, difference: Any) -> Slice:
    return Slice(
        name=name,
        questions=teacher["total"],
        teacher=teacher["accuracy"],
        student=student["accuracy"],
        teacher_interval=(teacher["ci95"][0], teacher["ci95"][1]),
        student_interval=(student["ci95"][0], student["ci95"][1]),
        difference=difference,
    )


def _difference(predictions: Sequence[Node], seed: int) -> tuple[float, float] | Undefined:
    if not predictions:
        return NO_ANSWERS
    right = [
        np.array([each[role]["correct"] for each in predictions], dtype=np.bool_)
        for role in ("teacher", "student")
    ]
    sources = clusters_of([Question(each["id"], "", source=each["source"]) for each in predictions])
    return paired_interval(right[0], right[1], accuracy_loss_of, clusters=sources, seed=seed)
