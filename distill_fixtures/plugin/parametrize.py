"""Which students, models, batch sizes and criteria the suite's tests run over."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distill_fixtures.errors import ThresholdsError, UsageError
from distill_fixtures.judge.criteria import names_of, slices_of
from distill_fixtures.judge.thresholds import find_thresholds, read_thresholds
from distill_fixtures.plugin.students import Student, tolerant

if TYPE_CHECKING:
    from distill_fixtures.judge.criteria import Criterion, Slices, Thresholds

__all__ = ["criterion_id", "parametrize"]

STUDENT = "distill_student"
THRESHOLDS: pytest.StashKey[Thresholds | None] = pytest.StashKey()
SLICES: pytest.StashKey[Slices] = pytest.StashKey()


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give a test its parameters.

    ``distill_role``: teacher, student and, where there is one, the control; a test of
    time or memory leaves the control out, which is there for accuracy alone.
    ``distill_adapter_role``: those of teacher and student that may be adapters.
    ``distill_batch_size``: ``--distill-batch-sizes``.
    ``distill_criterion``: the criteria of the thresholds, each marked by its metric's family; one
    for every slice becomes as many as the questions have.
    ``distill_regression``: the metrics for which the thresholds hold a tolerance.

    With several students each test is there once for each, with the student's name first in its
    id: students may differ in their criteria, in having a control and in being adapters.
    """
    found = tolerant(metafunc.config)
    names = [name for name in _VALUES if name in metafunc.fixturenames]
    if not found.several or STUDENT not in metafunc.fixturenames:
        for name in names:
            metafunc.parametrize(name, _VALUES[name](metafunc, found.students[0]))
        return
    sets = []
    for student in found.students:
        values = [_VALUES[name](metafunc, student) for name in names]
        sets += [_joined(student, each) for each in itertools.product(*values)]
    # Of the session's scope, for so is the fixture; by it pytest puts a student's tests together.
    metafunc.parametrize([STUDENT, *names], sets, indirect=[STUDENT], scope="session")


def _joined(student: Student, values: Sequence[pytest.ParameterSet]) -> pytest.ParameterSet:
    """A student's own set of parameters for one test."""
    return pytest.param(
        student.name,
        *(value for each in values for value in each.values),
        id="-".join([str(student.name), *(str(each.id) for each in values)]),
        marks=[mark for each in values for mark in each.marks],
    )


def _roles(metafunc: pytest.Metafunc, student: Student) -> list[pytest.ParameterSet]:
    roles = ["teacher", "student"]
    if student.config.control is not None and not _is_timed(metafunc):
        roles.append("control")
    return [pytest.param(role, id=role) for role in roles]


def _adapter_roles(metafunc: pytest.Metafunc, student: Student) -> list[pytest.ParameterSet]:
    references = {"teacher": student.config.teacher, "student": student.config.student}
    is_awaited = student.config.wait_for_training is not None  # what it will be is not known yet
    return [
        pytest.param(role, id=role)
        for role, reference in references.items()
        if _may_be_adapter(reference) or (role == "student" and is_awaited)
    ]


def _batch_sizes(metafunc: pytest.Metafunc, student: Student) -> list[pytest.ParameterSet]:
    return [pytest.param(size, id=f"batch{size}") for size in student.config.batch_sizes]


def _criteria(metafunc: pytest.Metafunc, student: Student) -> list[pytest.ParameterSet]:
    """The student's criteria; none if the thresholds cannot be used, which is said later."""
    thresholds = _thresholds(metafunc.config)
    if thresholds is None:
        return []
    try:
        thresholds = student.thresholds(thresholds)
    except ThresholdsError:
        return []
    slices = _slices(metafunc.config) if thresholds.has_wildcards else {}
    criteria = thresholds.criteria_for(*names_of(student.config.student), slices=slices)
    return [
        pytest.param(
            criterion,
            id=criterion_id(criterion),
            marks=getattr(pytest.mark, criterion.entry.family),
        )
        for criterion in criteria
    ]


def _compared(metafunc: pytest.Metafunc, student: Student) -> list[pytest.ParameterSet]:
    """Metrics with a tolerance."""
    thresholds = _thresholds(metafunc.config)
    tolerances = () if thresholds is None else thresholds.regression_tolerance_pct
    return [pytest.param(name, id=name) for name in tolerances]


_VALUES: Mapping[str, Callable[[pytest.Metafunc, Student], list[pytest.ParameterSet]]] = {
    "distill_role": _roles,
    "distill_adapter_role": _adapter_roles,
    "distill_batch_size": _batch_sizes,
    "distill_criterion": _criteria,
    "distill_regression": _compared,
}


def _is_timed(metafunc: pytest.Metafunc) -> bool:
    return bool({"distill_isolated", "distill_batch_size"} & set(metafunc.fixturenames)) or any(
        mark.name in ("latency", "throughput", "memory")
        for mark in metafunc.definition.iter_markers()
    )


def _may_be_adapter(reference: str) -> bool:
    """Whether it leads to an adapter, as far as that is told in no time: of the Hub's any may."""
    from distill_fixtures.models.hub import parse_hub_id

    path = Path(reference).expanduser()
    if path.exists():
        return (path / "adapter_config.json").is_file()
    return parse_hub_id(reference) is not None


def _thresholds(config: pytest.Config) -> Thresholds | None:
    """Read once; None where they cannot be used, which is said later."""
    if THRESHOLDS not in config.stash:
        path = find_thresholds(tolerant(config).config.thresholds, config.rootpath)
        try:
            config.stash[THRESHOLDS] = read_thresholds(path)
        except ThresholdsError:
            config.stash[THRESHOLDS] = None
    return config.stash[THRESHOLDS]


def _slices(config: pytest.Config) -> Slices:
    """Those of the questions, read once; none if these cannot be used, which is said later."""
    from distill_fixtures.plugin.preparation import questions_of

    if SLICES not in config.stash:
        try:
            config.stash[SLICES] = slices_of(questions_of(tolerant(config).config).questions)
        except UsageError:
            config.stash[SLICES] = {}
    return config.stash[SLICES]


MOST_ID_CHARACTERS = 120


def criterion_id(criterion: Criterion) -> str:
    """A test id that names the criterion, and can be given to pytest again.

    The names of slices are the question file's, and may hold anything: what is not fit for a
    command line is replaced, and a digest then keeps two such names apart.
    """
    name = criterion.name
    safe = re.sub(r"[^\w .,/()&+\[\]-]|\.\.", "_", name)[:MOST_ID_CHARACTERS]
    if safe == name:
        return name
    return f"{safe}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
