"""One session of the suite: registered as a plugin of its own when a selected test needs it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.errors import (
    DistillBenchError,
    MissingFigureError,
    UsageError,
    WorkerError,
)
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.ci import add_summary, annotate, record_students, record_suite
from distill_fixtures.plugin.export import say
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
from distill_fixtures.plugin.warned import warn

if TYPE_CHECKING:
    from distill_fixtures.plugin.several import SeveralStudents

__all__ = ["XDIST_MESSAGE", "Suite"]

XDIST_MESSAGE = str(
    UsageError(
        "the suite cannot run under pytest-xdist",
        got="-n, or another way of distributing tests over processes",
        wanted="one process: models side by side would disturb each other's timing, and each "
        "worker would load and score them again",
        next_step="run it without -n (-p no:xdist switches the plugin off)",
    )
)

ASKED_BY_NAME = (
    "with several students a test must name this fixture among its arguments: it is then run once "
    "for each student"
)
IN_PARTS = "the tests of student {} do not stand together; what it measured was let go"


class Suite:
    """Knows which student each test is about, and writes what was measured.

    Attributes:
        record_property: pytest's ``record_testsuite_property``; None until a test of the suite
            was set up, and where pytest's JUnit plugin is off.
    """

    NAME = "distill_fixtures.plugin.suite"

    def __init__(
        self,
        config: pytest.Config,
        runs: Mapping[str, StudentRun] | Mapping[None, StudentRun],
        students: Mapping[str, str | None],
        several: SeveralStudents | None = None,
    ) -> None:
        """
        Args:
            config: pytest's.
            runs: of the students to be measured, in their order, by name.
            students: the name of the student that each selected test is about, by node id.
            several: where there are several students.
        """
        self._config = config
        self._runs: dict[str | None, StudentRun] = dict(runs.items())
        self._students = dict(students)
        self._several = several
        self._annotations: list[str] = []
        self._faults: list[str] = []
        self.record_property: Callable[[str, object], None] | None = None

    @classmethod
    def prepare(
        cls,
        config: pytest.Config,
        items: Sequence[pytest.Item],
        *,
        deselected: Sequence[pytest.Item],
    ) -> Suite:
        """Check everything the user gave; nothing is loaded yet.

        Raises:
            UsageError: something cannot be used.
        """
        found = asked(config)

        def open_caches(folder: Path | None) -> Caches:
            return Caches.open(
                folder,
                rehash=found.config.rehash,
                warn=lambda sentence: warn(config, [sentence]),
            )

        students = {item.nodeid: student_of_item(item) for item in items}
        if not found.several:
            inputs = prepare_inputs(found.config, config.rootpath)
            warn(config, inputs.warnings)
            run = StudentRun(
                config,
                found.students[0],
                inputs,
                Selection(items, len(deselected)),
                caches=open_caches(inputs.cache_folder),
            )
            return cls(config, {None: run}, students)
        selections = _selections(items, deselected)
        several, runs = prepare_several(config, found, selections, open_caches)
        return cls(config, runs, students, several)

    @classmethod
    def of(cls, config: pytest.Config) -> Suite:
        """The session's suite.

        A test that asks for our fixtures by ``request.getfixturevalue`` is not seen by
        collection: the suite is then prepared here, and bad input ends the run here.
        """
        found: Suite | None = config.pluginmanager.getplugin(cls.NAME)
        if found is None:
            if hasattr(config, "workerinput"):
                pytest.fail(XDIST_MESSAGE, pytrace=False)
            try:
                found = cls.prepare(config, (), deselected=())
            except UsageError as error:
                pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
            config.pluginmanager.register(found, cls.NAME)
            for run in found._runs.values():
                run.began = True
        return found

    def run_of_student(self, name: str | None) -> StudentRun:
        """The part of the session that is about a student."""
        if self._several is not None and name is None:
            pytest.fail(ASKED_BY_NAME, pytrace=False)
        if name not in self._runs:
            pytest.fail(IN_PARTS.format(name), pytrace=False)
        return self._runs[name]

    def put_in_order(self, items: list[pytest.Item]) -> None:
        """Put each student's tests together, and what is about the teacher alone in once."""
        if self._several is None:
            return
        runs = {str(name): run for name, run in self._runs.items()}
        again = repeats(items, runs)
        left_out = {item.nodeid for item in again}
        for run in runs.values():
            run.leave_out(left_out)
        if again:
            self._config.hook.pytest_deselected(items=again)
        names = [str(each.name) for each in self._several.asked.students]
        kept = [item for item in items if item.nodeid not in left_out]
        items[:] = grouped(kept, names)

    def leave(self, run: StudentRun) -> None:
        """A student's tests are done: with several students, write its files and let it go."""
        several = self._several
        name = run.student.name
        if several is None or name is None or name not in self._runs:
            return
        try:
            if run.has_results:
                self._write(run)
                several.finish(run.student, run.documents().metrics, run.state.hook_error)
                if run.finished_whole:
                    note_finished(run, several.shared.caches.digests, self._config.rootpath)
        finally:
            del self._runs[name]
            following = next(iter(self._runs.values()), None)
            keep = following is not None and not following.needs_empty_memory
            several.shared.let_go(keep_teacher=keep)

    def _write(self, run: StudentRun) -> None:
        name = run.student.name
        about = "the machine" if name is None else f"the machine, beside student {name}"
        warn(self._config, [f"{about}: {each}" for each in run.store.machine.problems])
        run.write()
        fault = add_summary(run.documents().metrics, os.environ)
        if fault is not None and fault not in self._faults:
            self._faults.append(fault)
        self._annotations += annotate(run.judge, run.regression, os.environ, student=name)

    def _only_run(self) -> StudentRun | None:
        return None if self._several is not None else self._runs[None]

    def _run_of(self, node_id: str) -> StudentRun | None:
        """The run that a test is about; the only one's tests are all about it."""
        return self._only_run() or self._runs.get(self._students.get(node_id, ""))

    # Hooks, called by pytest from here on.

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if item.nodeid not in self._students:
            return
        run = self._run_of(item.nodeid)
        if self._several is not None:
            self._refuse_halted(item, run)
        if run is not None:
            run.began = True

    def _refuse_halted(self, item: pytest.Item, run: StudentRun | None) -> None:
        """Skip a test of a student that is not measured any more; the first of them may fail."""
        assert self._several is not None
        halt = self._several.halts.get(str(self._students[item.nodeid]))
        if halt is None or (run is not None and is_of_shared_model(item)):
            return
        message, halt.message = halt.message, None
        if message is not None:
            pytest.fail(message, pytrace=False)
        pytest.skip(halt.reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Skip a test of a figure that cannot be had of these models; its criterion still fails."""
        run = self._run_of(item.nodeid)
        try:
            return (yield)
        except MissingFigureError as error:
            gates = run is not None and run.gates(item.nodeid)
            if gates or isinstance(error, WorkerError):
                raise
            pytest.skip(f"{error.what}: {error.got}")
        finally:
            item.user_properties += [] if run is None else run.properties(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        run = self._run_of(report.nodeid)
        if run is None or (self._is_halted(report.nodeid) and report.skipped):
            return
        run.note(report)

    def _is_halted(self, node_id: str) -> bool:
        halts = {} if self._several is None else self._several.halts
        return self._students.get(node_id) in halts

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Of an error with a message of its own show no code: the message says it all."""
        report = yield
        error = None if call.excinfo is None else call.excinfo.value
        if isinstance(error, DistillBenchError) and report.failed:
            # A fault that ends the run is told in full by pytest's last words.
            report.longrepr = error.what if self._ends_the_run(error) else str(error)
        return report

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]
    ) -> None:
        """End the run, or the student's part of it, at a fault that makes every further figure
        worthless."""
        error = None if call.excinfo is None else call.excinfo.value
        if not isinstance(error, DistillBenchError) or not _makes_worthless(error):
            return
        run = self._run_of(node.nodeid)
        if run is not None:
            run.state.stopped_by = error
        if self._several is None or self._ends_the_run(error):
            if self._several is not None:
                self._several.stopped_by = error
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        name = self._students.get(node.nodeid)
        if name is not None:
            self._several.fail(name, error, told=True)

    def _ends_the_run(self, error: DistillBenchError) -> bool:
        """Whether an error is no single student's."""
        if self._several is None:
            return _makes_worthless(error)
        return _makes_worthless(error) and self._several.shared.fault_of_teacher(error)

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        run = self._only_run()
        if run is not None:
            json_report["distillation"] = run.documents().metrics
        elif self._several is not None:
            self._leave_all()
            json_report["distillation"] = self._several.leaderboard

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        run = self._only_run()
        if self._several is not None:
            self._finish_several(self._several, session)
        elif run is not None and run.has_results:
            self._write(run)
            if self.record_property is not None:
                record_suite(run.documents().metrics, self.record_property)
            if run.state.hook_error is not None:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _finish_several(self, several: SeveralStudents, session: pytest.Session) -> None:
        self._leave_all()
        if not several.documents and not several.failures:
            return
        several.write()
        if self.record_property is not None:
            record_students(several.leaderboard, self.record_property)
        if several.hook_errors:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _leave_all(self) -> None:
        for run in list(self._runs.values()):
            self.leave(run)

    def pytest_keyboard_interrupt(self) -> None:
        for run in self._runs.values():
            run.state.interrupted = True
        if self._several is not None:
            self._several.interrupted = True

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        run = self._only_run()
        if self._several is not None and self._several.written:
            self._several.say(terminalreporter)
        elif run is not None and run.state.written:
            say(run.documents(), run.state, terminalreporter)
        else:
            return
        for fault in self._faults:
            terminalreporter.write_line(fault, red=True)
        terminalreporter.ensure_newline()
        for line in self._annotations:
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        for run in self._runs.values():
            run.store.close()
        if self._several is not None:
            self._several.shared.close()


def _makes_worthless(error: DistillBenchError) -> bool:
    """Whether an error makes every further figure of its models worthless."""
    return not isinstance(error, MissingFigureError)


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
