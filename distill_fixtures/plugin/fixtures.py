"""Fixtures for the suite's tests and for a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import Model
    from distill_fixtures.plugin.judging import Judge
    from distill_fixtures.plugin.regressing import Regression
    from distill_fixtures.plugin.store import SessionStore
    from distill_fixtures.records import QuestionSet

__all__ = [
    "NO_BASELINE",
    "NO_CONTROL",
    "control",
    "distill_baseline",
    "distill_isolated",
    "distill_store",
    "distill_student",
    "judge",
    "questions",
    "student",
    "teacher",
]

NO_CONTROL = "no control model: give one with --control-model"
NO_BASELINE = "no baseline: give an earlier run with --distill-baseline"


@pytest.fixture(scope="session")
def distill_student(request: pytest.FixtureRequest) -> str | None:
    """The name of the student that a test is about; None where there is one student only."""
    name: str | None = getattr(request, "param", None)
    return name


@pytest.fixture(scope="session")
def distill_store(
    request: pytest.FixtureRequest, distill_student: str | None
) -> Iterator[SessionStore]:
    """The session's measurements of a student and the teacher: each is taken once, when it is
    first asked for. With several students it is let go before the next one's is made."""
    from distill_fixtures.plugin.suite import Suite

    suite = Suite.of(request.config)
    if request.config.pluginmanager.hasplugin("junitxml"):
        suite.record_property = request.getfixturevalue("record_testsuite_property")
    run = suite.session.run_of_student(distill_student)
    yield run.store
    suite.session.leave(run)


@pytest.fixture(scope="session")
def distill_isolated(distill_store: SessionStore) -> SessionStore:
    """The store, for a test of memory or load time.

    Asking for it by this name has those measured before the session loads any model, whatever
    the order of the tests.
    """
    return distill_store


@pytest.fixture(scope="session")
def teacher(distill_store: SessionStore) -> Model:
    """The teacher, loaded once."""
    return distill_store.model("teacher")


@pytest.fixture(scope="session")
def student(distill_store: SessionStore) -> Model:
    """The student, loaded once."""
    return distill_store.model("student")


@pytest.fixture(scope="session")
def control(distill_store: SessionStore) -> Model:
    """The control, loaded once; the test is skipped where there is none."""
    if "control" not in distill_store.roles:
        pytest.skip(NO_CONTROL)
    return distill_store.model("control")


@pytest.fixture(scope="session")
def questions(distill_store: SessionStore) -> QuestionSet:
    """The questions."""
    return distill_store.questions


@pytest.fixture(scope="session")
def judge(
    request: pytest.FixtureRequest, distill_student: str | None, distill_store: SessionStore
) -> Judge:
    """Grades a metric against the thresholds: ``judge("knowledge_retention_pct").grade``."""
    from distill_fixtures.plugin.suite import Suite

    return Suite.of(request.config).session.run_of_student(distill_student).judge


@pytest.fixture(scope="session")
def distill_baseline(
    request: pytest.FixtureRequest, distill_student: str | None, distill_store: SessionStore
) -> Regression:
    """Compares a metric with an earlier run's; the test is skipped where none was asked for."""
    from distill_fixtures.plugin.suite import Suite

    regression = Suite.of(request.config).session.run_of_student(distill_student).regression
    if not regression.wanted:
        pytest.skip(NO_BASELINE)
    return regression
