"""One student's part of a session: what it measured, its verdict, its files."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from distill_fixtures.catalog import metric
from distill_fixtures.errors import UsageError
from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.plugin.ci import criterion_properties, regression_properties
from distill_fixtures.plugin.export import RunState, build_documents, check_document, export
from distill_fixtures.plugin.fixtures import NO_BASELINE, NO_CONTROL
from distill_fixtures.plugin.judging import Judge
from distill_fixtures.plugin.progress import ProgressDisplay
from distill_fixtures.plugin.regressing import Regression
from distill_fixtures.plugin.store import SessionStore

if TYPE_CHECKING:
    from distill_fixtures.plugin.caches import Caches
    from distill_fixtures.plugin.export import Documents
    from distill_fixtures.plugin.preparation import Inputs
    from distill_fixtures.plugin.shared import SharedByStudents
    from distill_fixtures.plugin.students import Student

__all__ = ["Selection", "StudentRun"]

T = TypeVar("T")
NOTHING_TO_DO = (NO_CONTROL, NO_BASELINE, "got empty parameter set")
"""Why a test is skipped that has done all it could."""


@dataclass(frozen=True)
class Selection:
    """The tests of one student.

    Attributes:
        items: those selected.
        deselected: how many were not.
        of_shared_models: ids of those that are about a model which students share, alone.
    """

    items: Sequence[pytest.Item]
    deselected: int
    of_shared_models: frozenset[str] = frozenset()

    @property
    def own_tests(self) -> tuple[str, ...]:
        return tuple(each for each in self.node_ids if each not in self.of_shared_models)

    @property
    def node_ids(self) -> tuple[str, ...]:
        return tuple(item.nodeid for item in self.items)

    def parameters(self, name: str, kind: type[T]) -> dict[str, T]:
        """The parameter of this name of each selected test that has one, by node id.

        Where there is nothing to run a test over, pytest selects it once with no value.
        """
        found = {}
        for item in self.items:
            callspec = getattr(item, "callspec", None)
            value = None if callspec is None else callspec.params.get(name)
            if isinstance(value, kind):
                found[item.nodeid] = value
        return found

    def needs_isolation(self, judged: Sequence[str]) -> bool:
        """Whether memory or load time is wanted, which come before any model is loaded.

        Of criteria only memory: a load time cannot be one.
        """
        if any("distill_isolated" in getattr(item, "fixturenames", ()) for item in self.items):
            return True
        return any(metric(name).family == "memory" for name in judged)


class StudentRun:
    """Holds what was measured of a student beside the teacher, and writes it.

    Args:
        config: pytest's.
        student: which one.
        inputs: all that was prepared for it.
        selection: its tests.
        caches: scores and digests of earlier runs; None where they are shared.
        shared: with several students what they share.

    Attributes:
        began: a test of its was set up.
        faulty: a test failed that is no criterion's, so that the verdict does not tell of it.
        own_tests: the selected tests that are about this student.
    """

    def __init__(
        self,
        config: pytest.Config,
        student: Student,
        inputs: Inputs,
        selection: Selection,
        *,
        caches: Caches | None = None,
        shared: SharedByStudents | None = None,
    ) -> None:
        self.student = student
        self.began = False
        self.faulty = False
        self.criteria: Mapping[str, Criterion] = selection.parameters(
            "distill_criterion", Criterion
        )
        self.compared: Mapping[str, str] = selection.parameters("distill_regression", str)
        self._config = config
        self._documents: Documents | None = None
        judged = [criterion.metric for criterion in self.criteria.values()]
        if student.config.baseline is not None:
            judged += self.compared.values()
        self.own_tests = selection.own_tests
        self.needs_isolation = selection.needs_isolation(judged)
        self.store = SessionStore(
            student.config,
            inputs,
            isolate_first=self.needs_isolation,
            progress=ProgressDisplay(config, about=student.name),
            caches=caches,
            shared=shared,
        )
        self.state = RunState(
            created_at=datetime.now(UTC),
            selected=selection.node_ids,
            families=frozenset(
                mark.name for item in selection.items for mark in item.iter_markers()
            ),
            deselected=selection.deselected,
        )
        self.regression = Regression(
            self.store,
            inputs.thresholds,
            rootpath=config.rootpath,
            selected=self.compared.values(),
        )
        self.judge = Judge(self.store, inputs.thresholds, self.criteria.values())

    @property
    def needs_empty_memory(self) -> bool:
        """Whether a process of its own will hold its models, for which memory is left free."""
        return self.needs_isolation or self.store.needs_processes

    @property
    def has_results(self) -> bool:
        """Whether there is anything that earlier results should give way to."""
        if self.state.stopped_by is not None:
            return self.store.measured
        return self.began

    @property
    def finished_whole(self) -> bool:
        """Whether every selected test ran, and what failed is told by the verdict."""
        state = self.state
        ended = state.interrupted or state.stopped_by is not None or state.hook_error is not None
        return not ended and not self.faulty and state.finished >= state.selected_set

    def leave_out(self, node_ids: Collection[str]) -> None:
        """Tests that are another student's: they ask for what is shared and taken once."""
        kept = tuple(each for each in self.state.selected if each not in node_ids)
        self.state = replace(self.state, selected=kept)

    def documents(self) -> Documents:
        """The run's documents, built once, for whoever asks first."""
        if self._documents is None:
            if self.state.interrupted or self.state.stopped_by is not None:
                self.regression.end()
            built = build_documents(
                self.store,
                self.judge,
                self.regression,
                self.state,
                rootpath=self._config.rootpath,
            )
            self._documents = replace(built, metrics=self._amended(built.metrics))
        return self._documents

    def write(self) -> None:
        """Write the documents."""
        export(self.student.config.metrics_dir, self.documents(), self.state)

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

    def gates(self, node_id: str) -> bool:
        """Whether a test is a criterion's or a comparison's own."""
        return node_id in self.criteria or node_id in self.compared

    def _is_told(self, node_id: str) -> bool:
        """Whether the verdict tells how a test went: it is a criterion's or a comparison's own, and
        came so far as to have a result."""
        if node_id in self.criteria:
            return self.judge.known(self.criteria[node_id]) is not None
        compared = self.compared.get(node_id)
        return compared is not None and self.regression.known(compared) is not None

    def properties(self, node_id: str) -> list[tuple[str, object]]:
        """What reports say of a criterion's own test, JUnit's for one."""
        if node_id in self.criteria:
            judged = self.judge.known(self.criteria[node_id])
            return [] if judged is None else criterion_properties(judged)
        if node_id in self.compared:
            compared = self.regression.known(self.compared[node_id])
            return [] if compared is None else regression_properties(compared)
        return []

    def note(self, report: pytest.TestReport) -> None:
        """Remember how a test of this student went."""
        if report.skipped and report.when == "setup":
            if report.nodeid in self.criteria:
                self.judge.note_skipped(self.criteria[report.nodeid])
            if report.nodeid in self.compared:
                self.regression.note_skipped(self.compared[report.nodeid])
        if report.failed and not (report.when == "call" and self._is_told(report.nodeid)):
            self.faulty = True
        if report.nodeid not in self.state.selected_set:
            return
        words = str(report.longrepr) if report.skipped else ""
        if report.when == "call" or any(reason in words for reason in NOTHING_TO_DO):
            self.state.finished.add(report.nodeid)
