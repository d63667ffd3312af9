"""The pytest plugin: options, session store, fixtures, hooks. Nothing else imports pytest.

pytest loads this package in every test run of an environment that has it, so it imports nothing
heavy. What a run of the suite needs is imported, and registered as :class:`Suite`, only when a
selected test uses the suite.
"""

from __future__ import annotations

from distill_fixtures.plugin.fixtures import (
    control,
    distill_baseline,
    distill_isolated,
    distill_store,
    distill_student,
    judge,
    questions,
    student,
    teacher,
)
from distill_fixtures.plugin.hooks import (
    pytest_addhooks,
    pytest_addoption,
    pytest_cmdline_main,
    pytest_collection_finish,
    pytest_configure,
    pytest_deselected,
    pytest_generate_tests,
    pytest_sessionfinish,
    pytest_testnodedown,
)

__all__ = [
    "control",
    "distill_baseline",
    "distill_isolated",
    "distill_store",
    "distill_student",
    "judge",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_deselected",
    "pytest_generate_tests",
    "pytest_sessionfinish",
    "pytest_testnodedown",
    "questions",
    "student",
    "teacher",
]
