"""Which earlier run may be a baseline."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from distill_fixtures.judge.comparability import conditions_of
from distill_fixtures.judge.usable_baseline import why_no_baseline

TIMED = {"device": "cpu", "dtype": "float32", "threads": 2}
NOISE = {"severity": "too_noisy", "sentence": "the host took 40 % of its cores' time"}
USABLE: dict[str, Any] = {
    "run": {"partial": False, "interrupted": False, "options": {"--distill-new-tokens": 32}},
    "verdict": {"gate": "pass"},
    "environment": {"machine_check": {"problems": []}, "device": "cpu"},
    "dataset": {"digest": "a" * 64},
    "teacher": {"digest": "b" * 64},
    "student": {"reference": "s", "accuracy": {"correct_by_question": [True]}},
    "process_timing": TIMED,
    "regression": [{"verdict": "pass"}],
}
EVERY = ("inference_time_s", "accuracy", "disk_bytes", "peak_memory_bytes")


def changed(*path: str, to: Any) -> dict[str, Any]:
    """The usable document with one place changed."""
    document = copy.deepcopy(USABLE)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return document


def why(document: dict[str, Any], *metrics: str) -> str | None:
    return why_no_baseline(document, conditions_of(USABLE), student="s", metrics=metrics or EVERY)


def test_a_complete_run_that_passed_is_one() -> None:
    assert why(USABLE) is None
    assert why(changed("regression", to=None)) is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (changed("run", "partial", to=True), "partial"),
        (changed("run", "interrupted", to=True), "partial"),
        (changed("verdict", "gate", to="fail"), "failed"),
        (
            changed("environment", "machine_check", "problems", to=[NOISE]),
            "timed on a machine too noisy to judge by",
        ),
        (changed("student", "reference", to="another"), "of another student"),
        (
            changed("regression", to=[{"verdict": "pass"}, {"verdict": "inconclusive"}]),
            "still open against a baseline of its own",
        ),
        (changed("process_timing", to=None), "without times in several processes"),
        (changed("student", "accuracy", "correct_by_question", to=None), "without answers"),
        (changed("dataset", "digest", to="c" * 64), "under other conditions (questions)"),
        (changed("teacher", "digest", to="c" * 64), "under other conditions (teacher)"),
        (
            changed("run", "options", "--distill-new-tokens", to=8),
            "under other conditions (--distill-new-tokens)",
        ),
    ],
)
def test_and_any_other_is_not(document: dict[str, Any], reason: str) -> None:
    assert why(document) == reason


@pytest.mark.parametrize(
    ("document", "metric", "other"),
    [
        (changed("process_timing", to=None), "accuracy", "inference_time_s"),
        (
            changed("student", "accuracy", "correct_by_question", to=None),
            "disk_bytes",
            "accuracy",
        ),
        (changed("dataset", "digest", to="c" * 64), "disk_bytes", "accuracy"),
        (changed("teacher", "digest", to="c" * 64), "accuracy", "inference_time_s"),
    ],
)
def test_only_what_is_compared_counts(document: dict[str, Any], metric: str, other: str) -> None:
    assert why(document, metric) is None
    assert why(document, other) is not None
