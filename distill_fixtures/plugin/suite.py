"""The session's hooks: registered as a plugin of its own when a selected test needs the suite."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.errors import (
    DistillBenchError,
    MissingFigureError,
    UsageError,
    WorkerError,
)
from distill_fixtures.plugin.ci import record_students, record_suite
from distill_fixtures.plugin.export import say
from distill_fixtures.plugin.session import Session
from distill_fixtures.plugin.several_runs import is_of_shared_model

if TYPE_CHECKING:
    from distill_fixtures.plugin.several import SeveralStudents
    from distill_fixtures.plugin.student_run import StudentRun

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


class Suite:
    """Passes to the session what pytest tells.

    Args:
        session: what is measured.

    Attributes:
        record_property: pytest's ``record_testsuite_property``; None until a test of the suite
            was set up, and where pytest's JUnit plugin is off.
    """

    NAME = "distill_fixtures.plugin.suite"

    def __init__(self, session: Session) -> None:
        self.session = session
        self.record_property: Callable[[str, object], None] | None = None

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
                found = cls(Session.prepare(config, (), deselected=()))
            except UsageError as error:
                pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
            config.pluginmanager.register(found, cls.NAME)
            for run in found.session.runs.values():
                run.began = True
        return found

    # Hooks, called by pytest from here on.

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if item.nodeid not in self.session.students:
            return
        run = self.session.run_of_test(item.nodeid)
        if self.session.several is not None:
            self._refuse_halted(item, run)
        if run is not None:
            run.began = True

    def _refuse_halted(self, item: pytest.Item, run: StudentRun | None) -> None:
        """Skip a test of a student that is not measured any more; the first of them may fail."""
        assert self.session.several is not None
        halt = self.session.several.halts.get(str(self.session.students[item.nodeid]))
        if halt is None or (run is not None and is_of_shared_model(item)):
            return
        message, halt.message = halt.message, None
        if message is not None:
            pytest.fail(message, pytrace=False)
        pytest.skip(halt.reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Skip a test of a figure that cannot be had of these models; its criterion still fails."""
        run = self.session.run_of_test(item.nodeid)
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
        run = self.session.run_of_test(report.nodeid)
        if run is None or (self._is_halted(report.nodeid) and report.skipped):
            return
        run.note(report)

    def _is_halted(self, node_id: str) -> bool:
        halts = {} if self.session.several is None else self.session.several.halts
        return self.session.students.get(node_id) in halts

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
        run = self.session.run_of_test(node.nodeid)
        if run is not None:
            run.state.stopped_by = error
        if self.session.several is None or self._ends_the_run(error):
            if self.session.several is not None:
                self.session.several.stopped_by = error
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        name = self.session.students.get(node.nodeid)
        if name is not None:
            self.session.several.fail(name, error, told=True)

    def _ends_the_run(self, error: DistillBenchError) -> bool:
        """Whether an error is no single student's."""
        if self.session.several is None:
            return _makes_worthless(error)
        return _makes_worthless(error) and self.session.several.shared.fault_of_teacher(error)

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        run = self.session.only_run
        if run is not None:
            json_report["distillation"] = run.documents().metrics
        elif self.session.several is not None:
            self.session.leave_all()
            json_report["distillation"] = self.session.several.leaderboard

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        run = self.session.only_run
        if self.session.several is not None:
            self._finish_several(self.session.several, session)
        elif run is not None and run.has_results:
            self.session.write(run)
            if self.record_property is not None:
                record_suite(run.documents().metrics, self.record_property)
            if run.state.hook_error is not None:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _finish_several(self, several: SeveralStudents, session: pytest.Session) -> None:
        self.session.leave_all()
        if not several.documents and not several.failures:
            return
        several.write()
        if self.record_property is not None:
            record_students(several.leaderboard, self.record_property)
        if several.hook_errors:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_keyboard_interrupt(self) -> None:
        for run in self.session.runs.values():
            run.state.interrupted = True
        if self.session.several is not None:
            self.session.several.interrupted = True

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        run = self.session.only_run
        if self.session.several is not None and self.session.several.written:
            self.session.several.say(terminalreporter)
        elif run is not None and run.state.written:
            say(run.documents(), run.state, terminalreporter)
        else:
            return
        self.session.say_tracked(terminalreporter)
        for fault in self.session.faults:
            terminalreporter.write_line(fault, red=True)
        terminalreporter.ensure_newline()
        for line in self.session.annotations:
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        self.session.close()


def _makes_worthless(error: DistillBenchError) -> bool:
    """Whether an error makes every further figure of its models worthless."""
    return not isinstance(error, MissingFigureError)
