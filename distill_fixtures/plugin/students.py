"""Who the students of a session are: one by ``--student-model``, or several.

Several are each measured as if alone, with options of their own (reference, control, folder), in
the order in which they were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distill_fixtures.config import RunConfig, build_config
from distill_fixtures.errors import OptionError
from distill_fixtures.option_checks import as_reference
from distill_fixtures.options.table import option_named
from distill_fixtures.plugin.options import given_options, repeated
from distill_fixtures.plugin.student_names import told_apart
from distill_fixtures.plugin.students_file import StudentEntry, read_students

if TYPE_CHECKING:
    from distill_fixtures.judge.criteria import Thresholds

__all__ = ["Asked", "Student", "asked", "tolerant"]

Given = Mapping[str, tuple[str, Path]]
ASKED: pytest.StashKey[Asked | OptionError] = pytest.StashKey()


@dataclass(frozen=True, slots=True)
class Student:
    """One student, and what its part of the session is asked to do.

    Attributes:
        name: of its folder, in test ids and in thresholds.toml; None where it is the only one.
        config: the options, with its own reference, control and folder.
        entry: what the students file says of it; None without one.
    """

    name: str | None
    config: RunConfig
    entry: StudentEntry | None = None

    def thresholds(self, found: Thresholds) -> Thresholds:
        """The thresholds with this student's own.

        Raises:
            ThresholdsError: what the students file says of them cannot be used.
        """
        if self.name is None:
            return found
        from distill_fixtures.judge.thresholds import criteria_of_student

        if self.entry is None or self.config.students is None:
            return found.of_student(self.name, ())
        where = f"{self.entry.where}.criteria"
        tables = self.entry.criteria or {}
        own = criteria_of_student(self.config.students, tables, self.name, where)
        return found.of_student(self.name, own)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session was asked to do.

    Attributes:
        config: the options; of several students the first one's, with the folder of all.
        students: in the order in which they are measured.
    """

    config: RunConfig
    students: tuple[Student, ...]

    @property
    def several(self) -> bool:
        """Whether each student has a folder and test ids of its own: a students file may also hold
        one."""
        return self.students[0].name is not None


def asked(config: pytest.Config) -> Asked:
    """The checked options and students of a session, made once.

    Raises:
        OptionError: one of them cannot be used.
    """
    if ASKED not in config.stash:
        try:
            config.stash[ASKED] = _asked(config)
        except OptionError as error:
            config.stash[ASKED] = error
    found = config.stash[ASKED]
    if isinstance(found, OptionError):
        raise found
    return found


def tolerant(config: pytest.Config) -> Asked:
    """The same for naming tests during collection: the defaults where something cannot be used.

    Collection goes on with a bad option, and the error is said once, after it, only when a
    selected test uses the suite.
    """
    try:
        return asked(config)
    except OptionError:
        default = build_config({})
        return Asked(default, (Student(None, default),))


def _asked(config: pytest.Config) -> Asked:
    given = given_options(config)
    base = build_config(given)
    if base.wait_for_training is None:
        _refuse_idle_waiting(given)
    else:
        _refuse_student_beside_training(given)
    if base.students is not None:
        entries = read_students(base.students)
        folder = base.students.parent
    else:
        references = repeated(config, "student")
        if len(references) < 2:
            _refuse_idle_resuming(base)
            return Asked(base, (Student(None, base),))
        entries = tuple(StudentEntry(reference) for reference in references)
        folder = config.invocation_params.dir
    names = told_apart([each.reference for each in entries], [each.name for each in entries])
    _refuse_doubles(names, entries)
    students = tuple(
        _student(name, entry, given, base.metrics_dir, folder)
        for name, entry in zip(names, entries, strict=True)
    )
    return Asked(replace(students[0].config, metrics_dir=base.metrics_dir), students)


def _refuse_student_beside_training(given: Given) -> None:
    waiting = option_named("wait_for_training")
    for field in ("student", "students"):
        if field not in given:
            continue
        student = option_named(field)
        raise OptionError(
            f"{student.flag} and {waiting.flag} exclude each other",
            got=f"both, {student.flag} {given[field][0]}",
            wanted=f"one of them: the training run that {waiting.flag} names gives the student",
            next_step=f"leave one out; -o {student.ini_key}= unsets the one of an ini file",
        )


def _refuse_idle_waiting(given: Given) -> None:
    """A time-out alone may stand in an ini file for all runs; the others say what is measured."""
    waiting = option_named("wait_for_training").flag
    for field in ("wait_pid", "wait_marker", "checkpoint"):
        if field in given:
            flag = option_named(field).flag
            raise OptionError(
                f"{flag} has no effect in this run",
                got=f"{flag} {given[field][0]} without {waiting}",
                wanted="a training run to wait for",
                next_step=f"add {waiting} DIR, or leave {flag} out",
            )


def _refuse_idle_resuming(config: RunConfig) -> None:
    """Of a single student nothing is kept, and a user would wait for nothing."""
    if config.resume:
        flag, file = option_named("resume").flag, option_named("students").flag
        raise OptionError(
            f"{flag} has no effect in this run",
            got=f"{flag} with one student",
            wanted="several students, of which an earlier run finished some",
            next_step=f"leave {flag} out (the score cache keeps answers anyway), or give {file}",
        )


def _student(
    name: str, entry: StudentEntry, given: Given, metrics_dir: Path, folder: Path
) -> Student:
    """A student whose options are those of the session but for what is its own."""
    flag = option_named("student").flag
    own = {"student": (as_reference(flag, entry.reference, folder), Path.cwd())}
    if entry.control is not None:
        own["control"] = (as_reference(flag, entry.control, folder), Path.cwd())
    config = build_config({**given, **own})
    from_file = entry if config.students is not None else None
    return Student(name, replace(config, metrics_dir=metrics_dir / name), from_file)


def _refuse_doubles(names: Sequence[str], entries: Sequence[StudentEntry]) -> None:
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        # Folders of names that differ in case alone are one folder on some systems.
        before = first.setdefault(name.casefold(), place)
        if before != place:
            one, two = entries[before].reference, entries[place].reference
            raise OptionError(
                f"two students are called {name!r}" if one != two else "a student is given twice",
                got=f"{one} and {two}" if one != two else one,
                wanted="a name of its own for each: it is that of the student's folder",
                next_step=f"name them in a file for {option_named('students').flag}, or leave one "
                "out",
            )
