"""Preparing a session of several students, and putting its tests in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from distill_fixtures.errors import UsageError
from distill_fixtures.plugin.parametrize import STUDENT
from distill_fixtures.plugin.preparation import prepare_common, prepare_student
from distill_fixtures.plugin.resuming import kept_document
from distill_fixtures.plugin.several import SeveralStudents
from distill_fixtures.plugin.shared import SharedByStudents
from distill_fixtures.plugin.student_run import Selection, StudentRun
from distill_fixtures.plugin.warned import warn
from distill_fixtures.report.json_files import check_writable

if TYPE_CHECKING:
    from pathlib import Path

    from distill_fixtures.plugin.caches import Caches
    from distill_fixtures.plugin.preparation import CommonInputs, Inputs
    from distill_fixtures.plugin.students import Asked, Student

__all__ = ["grouped", "is_of_shared_model", "prepare_several", "repeats", "student_of_item"]

MEASURED_ONCE = frozenset(("size", "accuracy", "memory"))
"""Families whose figures of the teacher do not hang on the student beside it."""


def prepare_several(
    config: pytest.Config,
    asked: Asked,
    selections: Mapping[str, Selection],
    open_caches: Callable[[Path | None], Caches],
) -> tuple[SeveralStudents, dict[str, StudentRun]]:
    """Check everything the user gave; nothing is loaded yet.

    A student that cannot be used is noted, and the others are measured: a sweep is not lost for
    one training that left no weights.

    Args:
        config: pytest's.
        asked: who the students are.
        selections: the tests of each, by name.
        open_caches: opens the folder of kept scores.

    Raises:
        UsageError: something is wrong that is every student's, or no student can be used.
    """
    common = prepare_common(asked.config, config.rootpath)
    warn(config, common.warnings)
    wanted = [each for each in asked.students if each.name in selections]
    inputs, failures = _inputs(config, common, wanted)
    if failures and not inputs:
        raise next(iter(failures.values()))
    shared = SharedByStudents(asked.config, open_caches(common.cache_folder))
    several = SeveralStudents(
        asked, shared, common.questions.questions, selected=frozenset(selections)
    )
    for name, error in failures.items():
        several.fail(name, error, told=False)
        warn(config, [f"student {name} is left out: {error.what}: {error.got}"])
    runs = {
        str(each.name): StudentRun(
            config, each, inputs[str(each.name)], selections[str(each.name)], shared=shared
        )
        for each in wanted
        if each.name in inputs
    }
    if asked.config.resume:
        for run in runs.values():
            document = kept_document(run, shared.caches.digests, config.rootpath)
            if document is not None:
                several.keep(run.student, document)
    return several, {name: run for name, run in runs.items() if name not in several.halts}


def _inputs(
    config: pytest.Config, common: CommonInputs, students: Sequence[Student]
) -> tuple[dict[str, Inputs], dict[str, UsageError]]:
    """What each student works on, or why it cannot."""
    thresholds = {each.name: each.thresholds(common.thresholds) for each in students}
    found: dict[str, Inputs] = {}
    failures: dict[str, UsageError] = {}
    for each in students:
        name = str(each.name)
        try:
            check_writable(each.config.metrics_dir, what=f"folder of student {name}")
            found[name] = prepare_student(each.config, common, thresholds[each.name])
        except UsageError as error:
            failures[name] = error
            continue
        own = [one for one in found[name].warnings if one not in common.warnings]
        warn(config, [f"student {name}: {sentence}" for sentence in own])
    return found, failures


def student_of_item(item: pytest.Item) -> str | None:
    """The name of the student that a test is about; None where it is about the only one."""
    callspec = getattr(item, "callspec", None)
    name = None if callspec is None else callspec.params.get(STUDENT)
    return name if isinstance(name, str) else None


def is_of_shared_model(item: pytest.Item) -> str | None:
    """The role of a model that students share, where a test asks for that model's figures alone.

    What is timed in rounds is each pair's own, the teacher's too.
    """
    callspec = getattr(item, "callspec", None)
    params = {} if callspec is None else callspec.params
    merged = params.get("distill_adapter_role")
    role = params.get("distill_role", merged)
    if role not in ("teacher", "control"):
        return None
    names: Sequence[str] = getattr(item, "fixturenames", ())
    families = {mark.name for mark in item.iter_markers()}
    once = merged is not None or "distill_isolated" in names or bool(families & MEASURED_ONCE)
    return str(role) if once else None


def grouped(items: Sequence[pytest.Item], names: Sequence[str]) -> list[pytest.Item]:
    """The same tests, each student's together, in the order of the students.

    Tests that are about no student stay where they are; so do, among each other, those of one.
    """
    places = {name: place for place, name in enumerate(names)}
    mine = [item for item in items if student_of_item(item) in places]
    in_order = iter(sorted(mine, key=lambda item: places[str(student_of_item(item))]))
    return [next(in_order) if student_of_item(item) in places else item for item in items]


def repeats(items: Sequence[pytest.Item], runs: Mapping[str, StudentRun]) -> list[pytest.Item]:
    """Tests of a shared model's figures alone that an earlier student's tests hold already.

    Args:
        items: the selected tests.
        runs: of the students that will be measured, by name, in their order.
    """
    known: set[tuple[object, ...]] = set()
    found = []
    for item in grouped(items, list(runs)):
        run, role = runs.get(str(student_of_item(item))), is_of_shared_model(item)
        if run is None or role is None:
            continue
        params: Mapping[str, object] = getattr(item, "callspec").params  # noqa: B009
        rest = sorted((name, str(value)) for name, value in params.items() if name != STUDENT)
        reference = run.student.config.control if role == "control" else None
        key = (str(item.path), getattr(item, "originalname", item.name), reference, *rest)
        if key in known:
            found.append(item)
        known.add(key)
    return found
