"""What a session measures: one student, or several with a part of the session each."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.ci import add_summary, annotate
from distill_fixtures.plugin.estimate_options import refuse_unfit_estimate
from distill_fixtures.plugin.preparation import prepare_inputs
from distill_fixtures.plugin.resuming import note_finished
from distill_fixtures.plugin.several_runs import (
    grouped,
    is_of_shared_model,
    prepare_several,
    repeats,
    student_of_item,
)
from distill_fixtures.plugin.student_run import Selection, StudentRun
from distill_fixtures.plugin.students import asked
from distill_fixtures.plugin.tracking import check_tracker, say_tracked, track
from distill_fixtures.plugin.waiting import after_training
from distill_fixtures.plugin.warned import warn

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.errors import TrackerError
    from distill_fixtures.plugin.several import SeveralStudents
    from distill_fixtures.plugin.students import Student

__all__ = ["Session"]

ASKED_BY_NAME = (
    "with several students a test must name this fixture among its arguments: it is then run once "
    "for each student"
)
IN_PARTS = "the tests of student {} do not stand together; what it measured was let go"


class Session:
    """Knows which student each test is about, and writes what was measured.

    Args:
        config: pytest's.
        runs: of the students to be measured, in their order, by name.
        students: the name of the student that each selected test is about, by node id.
        several: where there are several students.

    Attributes:
        annotations: lines for GitHub, of all that fails the gate.
        faults: what could not be told to the place in which the session runs.
    """

    def __init__(
        self,
        config: pytest.Config,
        runs: Mapping[str, StudentRun] | Mapping[None, StudentRun],
        students: Mapping[str, str | None],
        several: SeveralStudents | None = None,
    ) -> None:
        self.runs: dict[str | None, StudentRun] = dict(runs.items())
        self.students = dict(students)
        self.several = several
        self.annotations: list[str] = []
        self.faults: list[str] = []
        self._tracked: list[tuple[RunConfig, str | TrackerError]] = []
        self._config = config

    @classmethod
    def prepare(
        cls,
        config: pytest.Config,
        items: Sequence[pytest.Item],
        *,
        deselected: Sequence[pytest.Item],
    ) -> Session:
        """Check everything the user gave; nothing is loaded yet.

        Raises:
            UsageError: something cannot be used.
        """
        found = asked(config)
        if found.config.only_estimates:
            refuse_unfit_estimate(found.config)

        def open_caches(folder: Path | None) -> Caches:
            return Caches.open(
                folder,
                rehash=found.config.rehash,
                warn=lambda sentence: warn(config, [sentence]),
            )

        students = {item.nodeid: student_of_item(item) for item in items}
        if not found.several:
            student = _after_training(found.students[0], config)
            inputs = prepare_inputs(student.config, config.rootpath)
            check_tracker(student.config)
            warn(config, inputs.warnings)
            run = StudentRun(
                config,
                student,
                inputs,
                Selection(items, len(deselected)),
                caches=open_caches(inputs.cache_folder),
            )
            return cls(config, {None: run}, students)
        selections = _selections(items, deselected)
        several, runs = prepare_several(config, found, selections, open_caches)
        check_tracker(found.config)
        return cls(config, runs, students, several)

    @property
    def only_estimates(self) -> bool:
        """Whether the session says what it would cost, and measures nothing."""
        return asked(self._config).config.only_estimates

    @property
    def only_run(self) -> StudentRun | None:
        """The part of the only student; None where there are several."""
        return None if self.several is not None else self.runs[None]

    def run_of_test(self, node_id: str) -> StudentRun | None:
        """The part that a test is about; the only student's tests are all about it."""
        return self.only_run or self.runs.get(self.students.get(node_id, ""))

    def run_of_student(self, name: str | None) -> StudentRun:
        """The part of the session that is about a student."""
        if self.several is not None and name is None:
            pytest.fail(ASKED_BY_NAME, pytrace=False)
        if name not in self.runs:
            pytest.fail(IN_PARTS.format(name), pytrace=False)
        return self.runs[name]

    def put_in_order(self, items: list[pytest.Item]) -> None:
        """Put each student's tests together, and what is about the teacher alone in once."""
        if self.several is None:
            return
        runs = {str(name): run for name, run in self.runs.items()}
        again = repeats(items, runs)
        left_out = {item.nodeid for item in again}
        for run in runs.values():
            run.leave_out(left_out)
        if again:
            self._config.hook.pytest_deselected(items=again)
        names = [str(each.name) for each in self.several.asked.students]
        kept = [item for item in items if item.nodeid not in left_out]
        items[:] = grouped(kept, names)

    def leave(self, run: StudentRun) -> None:
        """A student's tests are done: with several students, write its files and let it go."""
        several = self.several
        name = run.student.name
        if several is None or name is None or name not in self.runs:
            return
        try:
            if run.has_results:
                self.write(run)
                several.note_written(run.state)
                if name not in several.failures:
                    several.finish(run.student, run.documents().metrics)
                if run.finished_whole:
                    note_finished(run, several.shared.caches.digests, self._config.rootpath)
        finally:
            del self.runs[name]
            following = next(iter(self.runs.values()), None)
            keep = following is not None and not following.needs_empty_memory
            several.shared.let_go(keep_teacher=keep)

    def leave_all(self) -> None:
        """Write and let go of every student that is left."""
        for run in list(self.runs.values()):
            self.leave(run)

    def write(self, run: StudentRun) -> None:
        """Write a student's files, and tell the place in which the session runs."""
        name = run.student.name
        about = "the machine" if name is None else f"the machine, beside student {name}"
        warn(self._config, [f"{about}: {each}" for each in run.store.machine.problems])
        run.write()
        tracked = track(run.student.config, run.documents(), run.state)
        if tracked is not None:
            self._tracked.append((run.student.config, tracked))
        fault = add_summary(run.documents().metrics, os.environ)
        if fault is not None and fault not in self.faults:
            self.faults.append(fault)
        self.annotations += annotate(run.judge, run.regression, os.environ, student=name)

    def say_tracked(self, terminalreporter: Any) -> None:
        """Tell what became of each run on its way to a tracker."""
        for config, tracked in self._tracked:
            say_tracked(tracked, config, terminalreporter)

    def close(self) -> None:
        """Free all models and close the caches."""
        for run in self.runs.values():
            run.store.close()
        if self.several is not None:
            self.several.shared.close()


def _after_training(student: Student, config: pytest.Config) -> Student:
    """The student with the model of the training run that was waited for, where one was.

    Raises:
        UsageError: something else cannot be used, or the run leaves no model that can.
    """
    if student.config.wait_for_training is None:
        return student
    # Hours later would be late to hear of it.
    check_tracker(student.config)
    return replace(student, config=after_training(student.config, config))


def _selections(
    items: Sequence[pytest.Item], deselected: Sequence[pytest.Item]
) -> dict[str, Selection]:
    """The tests of each of several students, by name."""
    found: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        name = student_of_item(item)
        if name is not None:
            found[name].append(item)
    left_out = Counter(map(student_of_item, deselected))
    return {
        name: Selection(
            own,
            left_out[name],
            frozenset(item.nodeid for item in own if is_of_shared_model(item)),
        )
        for name, own in found.items()
    }
