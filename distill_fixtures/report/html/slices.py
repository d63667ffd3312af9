"""Accuracy within subdomains or question types, and how much the student differs there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distill_fixtures.records import Undefined
from distill_fixtures.report.html.lookups import Node, find, why_missing

__all__ = ["Slice", "SliceKind", "slices_of"]

SliceKind = Literal["subdomain", "question_type"]


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


def slices_of(document: Node, kind: SliceKind) -> list[Slice] | Undefined:
    """All slices, that where the student lost most first."""
    by_role = [find(document, f"{role}.accuracy.by_{kind}") for role in ("teacher", "student")]
    if by_role[0] is None or by_role[1] is None:
        return Undefined(why_missing(document, f"student.accuracy.by_{kind}"))
    names = [name for name in by_role[0] if name in by_role[1]]
    if not names:
        return Undefined(f"no question has a {kind.replace('_', ' ')}")
    found = [
        _slice(name, by_role[0][name], by_role[1][name], _difference(document, kind, name))
        for name in names
    ]
    return sorted(found, key=lambda each: each.change)


def _slice(
    name: str, teacher: Node, student: Node, difference: tuple[float, float] | Undefined
) -> Slice:
    return Slice(
        name=name,
        questions=teacher["total"],
        teacher=teacher["accuracy"],
        student=student["accuracy"],
        teacher_interval=(teacher["ci95"][0], teacher["ci95"][1]),
        student_interval=(student["ci95"][0], student["ci95"][1]),
        difference=difference,
    )


def _difference(document: Node, kind: SliceKind, name: str) -> tuple[float, float] | Undefined:
    """The interval of a slice's accuracy_loss, or why the document has none."""
    place = f"accuracy_loss_by_{kind}"
    record = (document["distillation"][place] or {}).get(name)
    interval = None if record is None else record["ci95"]
    if interval is None:
        return Undefined(why_missing(document, f"distillation.{place}.{name}.ci95"))
    return interval[0], interval[1]
