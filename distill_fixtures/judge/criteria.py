"""What thresholds.toml says, as frozen records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from distill_fixtures.catalog import CATALOG, Metric
from distill_fixtures.records import Question
from distill_fixtures.training.trainer_state import checkpoint_step

__all__ = [
    "EVERY",
    "GRADES",
    "SLICE_KINDS",
    "Criterion",
    "Gate",
    "Grade",
    "Slice",
    "SliceKind",
    "Slices",
    "Thresholds",
    "names_of",
    "slices_of",
]

Grade = Literal["good", "acceptable", "poor", "not_judged", "not_applicable", "not_run"]
GRADES: tuple[Grade, ...] = (
    "good",
    "acceptable",
    "poor",
    "not_judged",
    "not_applicable",
    "not_run",
)
SliceKind = Literal["subdomain", "question_type"]
SLICE_KINDS: tuple[SliceKind, ...] = ("subdomain", "question_type")
Slices = Mapping[SliceKind, Mapping[str, int]]
"""How many questions each slice has, by kind and name."""

EVERY = "*"
"""In place of a slice's name: every slice of the kind that the questions have."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the questions: those of one subdomain or of one question type."""

    kind: SliceKind
    name: str

    def __str__(self) -> str:
        kind = self.kind.replace("_", " ")
        return f"every {kind}" if self.name == EVERY else f"{kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Criterion:
    """Two bounds on one metric.

    Attributes:
        metric: its name in the catalogue. Where each model has one, the student's is meant.
        good: beyond it the grade is good.
        poor: short of it the grade is poor. On either bound, and between them: acceptable.
        slice: the questions it is about; None: all.
        student: the one student it is for; None: every student.
        by_wildcard: it stands in a section for every slice of its kind; nobody named the slice.
    """

    metric: str
    good: float
    poor: float
    slice: Slice | None = None
    student: str | None = None
    by_wildcard: bool = False

    @property
    def entry(self) -> Metric:
        """The catalogue's entry of the metric."""
        return CATALOG[self.metric]

    @property
    def name(self) -> str:
        """For people and test ids: ``knowledge_retention_pct[subdomain Optics]``."""
        return self.metric if self.slice is None else f"{self.metric}[{self.slice}]"

    @property
    def section(self) -> str:
        """Where it stands in thresholds.toml."""
        parts = ["criteria", self.metric]
        if self.student is not None:
            parts = ["student", f'"{self.student}"', *parts]
        if self.slice is not None:
            name = EVERY if self.by_wildcard else self.slice.name
            parts += [self.slice.kind, f'"{name}"']
        return "[" + ".".join(parts) + "]"

    def beats(self, value: float, bound: float) -> bool:
        """``value`` is better than ``bound``, in the metric's own direction; never when equal."""
        return value > bound if self.entry.direction == "higher" else value < bound


@dataclass(frozen=True, slots=True)
class Gate:
    """What fails a run.

    Attributes:
        fail_on: grades that do.
        borderline: whether a noisy figure does that may be poor but is not surely so.
    """

    fail_on: tuple[Grade, ...] = ("poor", "not_judged")
    borderline: Literal["pass", "fail"] = "pass"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A whole thresholds.toml.

    Attributes:
        path: the file it came from.
        criteria: in file order, those for one student after those for all.
        gate: what fails a run.
        regression_tolerance_pct: how much worse than the baseline a metric may be, by metric.
        student_name: what the one student at hand is called beside its reference; None: nothing.
    """

    path: Path
    criteria: tuple[Criterion, ...]
    gate: Gate
    regression_tolerance_pct: Mapping[str, float]
    student_name: str | None = None

    @property
    def has_wildcards(self) -> bool:
        """A criterion is for every slice, so that the questions tell how many it is."""
        return any(criterion.by_wildcard for criterion in self.criteria)

    def of_student(self, name: str, own: Sequence[Criterion]) -> Thresholds:
        """The same for one student of several.

        Args:
            name: what it is called; a section of its name is for it.
            own: criteria that stand elsewhere; they outrank those of the file.
        """
        return replace(self, criteria=(*self.criteria, *own), student_name=name)

    def criteria_for(self, *names: str, slices: Slices | None = None) -> tuple[Criterion, ...]:
        """The criteria that a student is held to.

        A criterion of the student's own replaces the general one of the same metric and slice.

        Args:
            names: what the student is called: its reference, its short name, or both.
            slices: those of the questions: a criterion for every slice becomes one for each that
                has no criterion of its own, by name. None leaves such a criterion as it is; so
                does a kind of slice that the questions do not have.
        """
        chosen: dict[tuple[str, Slice | None], Criterion] = {}
        known = {*names, self.student_name, None}
        for criterion in self.criteria:
            if criterion.student in known:
                chosen[criterion.metric, criterion.slice] = criterion
        return tuple(each for one in chosen.values() for each in _expanded(one, slices, chosen))


def _expanded(
    criterion: Criterion,
    slices: Slices | None,
    named: Mapping[tuple[str, Slice | None], Criterion],
) -> Iterator[Criterion]:
    """The criterion; for every slice of a kind, one for each that is not in ``named``."""
    found = (slices or {}).get(criterion.slice.kind, {}) if criterion.slice is not None else {}
    if criterion.slice is None or not criterion.by_wildcard or not found:
        yield criterion
        return
    for name in found:
        part = Slice(criterion.slice.kind, name)
        if (criterion.metric, part) not in named:
            yield replace(criterion, slice=part)


def slices_of(questions: Sequence[Question]) -> Slices:
    """How many questions each slice has, by kind and name, names in order.

    >>> slices_of([Question("1", "?", subdomain="Optics"), Question("2", "?")])
    {'subdomain': {'Optics': 1}, 'question_type': {}}
    """
    found: dict[SliceKind, dict[str, int]] = {}
    for kind in SLICE_KINDS:
        names = Counter(name for q in questions if (name := getattr(q, kind)) is not None)
        found[kind] = dict(sorted(names.items()))
    return found


def names_of(reference: str) -> tuple[str, ...]:
    """What a student may be called in thresholds.toml: its reference, or the last part of it.

    A checkpoint goes by the names of its training run too.

    >>> names_of("models/student-v2/")
    ('models/student-v2/', 'student-v2')
    >>> names_of("runs/a/checkpoint-500")
    ('runs/a/checkpoint-500', 'checkpoint-500', 'runs/a', 'a')
    """
    path = Path(reference)
    if checkpoint_step(path.name) is None:
        return reference, path.name
    return reference, path.name, str(path.parent), path.parent.name
