"""One run of the suite: registered as a plugin of its own when a selected test needs it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from distill_fixtures.catalog import metric
from distill_fixtures.errors import (
    DistillBenchError,
    MissingFigureError,
    UsageError,
    WorkerError,
)
from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.ci import (
    add_summary,
    annotate,
    criterion_properties,
    record_suite,
    regression_properties,
)
from distill_fixtures.plugin.export import (
    RunState,
    build_documents,
    check_document,
    export,
    say,
)
from distill_fixtures.plugin.fixtures import NO_BASELINE, NO_CONTROL
from distill_fixtures.plugin.judging import Judge
from distill_fixtures.plugin.options import run_config
from distill_fixtures.plugin.preparation import prepare_inputs
from distill_fixtures.plugin.progress import ProgressDisplay
from distill_fixtures.plugin.regressing import Regression
from distill_fixtures.plugin.store import SessionStore
from distill_fixtures.plugin.waiting import after_training
from distill_fixtures.plugin.warned import warn

if TYPE_CHECKING:
    from distill_fixtures.plugin.export import Documents

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

T = TypeVar("T")
NOTHING_TO_DO = (NO_CONTROL, NO_BASELINE, "got empty parameter set")
"""Why a test is skipped that has done all it could."""


class Suite:
    """Holds what a run measured, and writes it when the run ends.

    Attributes:
        record_property: pytest's ``record_testsuite_property``; None until a test of the suite
            was set up, and where pytest's JUnit plugin is off.
    """

    NAME = "distill_fixtures.plugin.suite"

    def __init__(
        self,
        config: pytest.Config,
        store: SessionStore,
        judge: Judge,
        regression: Regression,
        state: RunState,
        criteria: Mapping[str, Criterion],
        compared: Mapping[str, str],
    ) -> None:
        self.store = store
        self.judge = judge
        self.regression = regression
        self.state = state
        self._config = config
        self._criteria = criteria
        self._compared = compared
        self._began = False
        self._documents: Documents | None = None
        self.record_property: Callable[[str, object], None] | None = None

    @classmethod
    def prepare(
        cls, config: pytest.Config, items: Sequence[pytest.Item], *, deselected: int
    ) -> Suite:
        """Check everything the user gave; nothing is loaded yet.

        Raises:
            UsageError: something cannot be used.
        """
        asked = run_config(config)
        if asked.wait_for_training is not None:
            asked = after_training(asked, config)
        inputs = prepare_inputs(asked, config.rootpath)
        warn(config, inputs.warnings)
        criteria = _parameters(items, "distill_criterion", Criterion)
        compared = _parameters(items, "distill_regression", str)
        judged = [criterion.metric for criterion in criteria.values()]
        if asked.baseline is not None:
            judged += compared.values()
        store = SessionStore(
            asked,
            inputs,
            isolate_first=_needs_isolation(items, judged),
            progress=ProgressDisplay(config),
            caches=Caches.open(
                inputs.cache_folder,
                rehash=asked.rehash,
                warn=lambda sentence: warn(config, [sentence]),
            ),
        )
        state = RunState(
            created_at=datetime.now(UTC),
            selected=tuple(item.nodeid for item in items),
            families=frozenset(mark.name for item in items for mark in item.iter_markers()),
            deselected=deselected,
        )
        regression = Regression(
            store,
            inputs.thresholds,
            rootpath=config.rootpath,
            selected=compared.values(),
        )
        judge = Judge(store, inputs.thresholds, criteria.values())
        return cls(config, store, judge, regression, state, criteria, compared)

    @classmethod
    def of(cls, config: pytest.Config) -> Suite:
        """The run's suite.

        A test that asks for our fixtures by ``request.getfixturevalue`` is not seen by
        collection: the suite is then prepared here, and bad input ends the run here.
        """
        found: Suite | None = config.pluginmanager.getplugin(cls.NAME)
        if found is None:
            if hasattr(config, "workerinput"):
                pytest.fail(XDIST_MESSAGE, pytrace=False)
            try:
                found = cls.prepare(config, (), deselected=0)
            except UsageError as error:
                pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
            config.pluginmanager.register(found, cls.NAME)
            found._began = True
        return found

    def documents(self) -> Documents:
        """The run's documents, built once, for whoever asks first."""
        if self._documents is None:
            built = build_documents(
                self.store,
                self.judge,
                self.regression,
                self.state,
                rootpath=self._config.rootpath,
            )
            self._documents = replace(built, metrics=self._amended(built.metrics))
        return self._documents

    def _amended(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document as users' hooks leave it, or unamended where they leave it unusable."""
        amended = copy.deepcopy(document)
        try:
            self._config.hook.pytest_distill_document(config=self._config, document=amended)
            check_document(amended)
        except Exception as error:  # a hook may raise anything; the results must survive it
            self.state.hook_error = UsageError(
                "a pytest_distill_document hook left no usable document; it was written without "
                "the hook's changes",
                got=f"{type(error).__name__}: {error}",
                wanted="keys of your own at the top level only, all plain JSON types",
                next_step="correct the hook; docs/json.md describes the document",
            )
            return document
        return amended

    # Hooks, called by pytest from here on.

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._began = self._began or item.nodeid in self.state.selected_set

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Skip a test of a figure that cannot be had of these models; its criterion still fails."""
        try:
            return (yield)
        except MissingFigureError as error:
            gates = item.nodeid in self._criteria or item.nodeid in self._compared
            if gates or isinstance(error, WorkerError):
                raise
            pytest.skip(f"{error.what}: {error.got}")
        finally:
            item.user_properties += self._properties(item.nodeid)

    def _properties(self, nodeid: str) -> list[tuple[str, object]]:
        """What reports say of a criterion's own test, JUnit's for one."""
        if nodeid in self._criteria:
            judged = self.judge.known(self._criteria[nodeid])
            return [] if judged is None else criterion_properties(judged)
        if nodeid in self._compared:
            compared = self.regression.known(self._compared[nodeid])
            return [] if compared is None else regression_properties(compared)
        return []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and report.when == "setup" and report.nodeid in self._criteria:
            self.judge.note_skipped(self._criteria[report.nodeid])
        if report.skipped and report.when == "setup" and report.nodeid in self._compared:
            self.regression.note_skipped(self._compared[report.nodeid])
        if report.nodeid not in self.state.selected_set:
            return
        words = str(report.longrepr) if report.skipped else ""
        if report.when == "call" or any(reason in words for reason in NOTHING_TO_DO):
            self.state.finished.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Of an error with a message of its own show no code: the message says it all."""
        report = yield
        error = None if call.excinfo is None else call.excinfo.value
        if isinstance(error, DistillBenchError) and report.failed:
            # A fault that ends the run is told in full by pytest's last words.
            report.longrepr = error.what if _ends_the_run(error) else str(error)
        return report

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        """End the run at a fault that makes every further figure worthless."""
        error = None if call.excinfo is None else call.excinfo.value
        if isinstance(error, DistillBenchError) and _ends_the_run(error):
            self.state.stopped_by = error
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        json_report["distillation"] = self.documents().metrics

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._has_results():
            return
        warn(self._config, [f"the machine: {each}" for each in self.store.machine.problems])
        export(self.store.config.metrics_dir, self.documents(), self.state)
        if self.record_property is not None:
            record_suite(self.documents().metrics, self.record_property)
        if self.state.hook_error is not None:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _has_results(self) -> bool:
        """Whether there is anything that earlier results should give way to."""
        if self.state.stopped_by is not None:
            return self.store.measured
        return self._began

    def pytest_keyboard_interrupt(self) -> None:
        self.state.interrupted = True

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.state.written:
            say(self.documents(), self.state, terminalreporter)
            self._tell_ci(terminalreporter)

    def _tell_ci(self, terminalreporter: Any) -> None:
        fault = add_summary(self.documents().metrics, os.environ)
        if fault is not None:
            terminalreporter.write_line(fault, red=True)
        terminalreporter.ensure_newline()
        for line in annotate(self.judge, self.regression, os.environ):
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        self.store.close()


def _ends_the_run(error: DistillBenchError) -> bool:
    """Whether an error makes every further figure worthless."""
    return not isinstance(error, MissingFigureError)


def _parameters(items: Sequence[pytest.Item], name: str, kind: type[T]) -> dict[str, T]:
    """The parameter of this name of each selected test that has one, by node id.

    Where there is nothing to run a test over, pytest selects it once with no value.
    """
    found = {}
    for item in items:
        callspec = getattr(item, "callspec", None)
        value = None if callspec is None else callspec.params.get(name)
        if isinstance(value, kind):
            found[item.nodeid] = value
    return found


def _needs_isolation(items: Sequence[pytest.Item], judged: Sequence[str]) -> bool:
    """Whether memory or load time is wanted, which come before any model is loaded.

    Of criteria only memory: a load time cannot be one.
    """
    if any("distill_isolated" in getattr(item, "fixturenames", ()) for item in items):
        return True
    return any(metric(name).family == "memory" for name in judged)
