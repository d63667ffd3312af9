"""What the document says of how timing went."""

from __future__ import annotations

from typing import Any, cast

import pytest

from distill_fixtures.errors import MeasurementError
from tests.report.made_up_run import MadeUpRun


def test_each_batch_size_tells_how_it_went() -> None:
    metrics = MadeUpRun(rounds=12).documents().metrics
    assert set(metrics["timing"]) == {"1", "4"}
    assert metrics["timing"]["4"] == {
        "rounds": 12,
        "seconds": 12.5,
        "stopped_by": "precision",
        "half_width": 0.02,
        "held_bounds": [],
        "warm_up_rounds": {"teacher": 2, "student": 3},
        "steady": {"teacher": True, "student": False},
        "threads": 2,
        "time_stamp_cost_s": 6e-8,
        "same_prompt_tokens": True,
    }


def test_bounds_are_written_as_speedups_and_a_gap_has_its_reason() -> None:
    metrics = MadeUpRun(rounds=1).documents().metrics
    assert metrics["timing"]["1"]["held_bounds"] == [1.0]
    assert metrics["timing"]["1"]["half_width"] is None
    assert metrics["reasons"]["timing.1.half_width"] == "one round has no spread"


def test_nothing_was_timed() -> None:
    metrics = MadeUpRun(asked=frozenset(("size",))).documents().metrics
    assert metrics["timing"] is None
    assert metrics["reasons"]["timing"] == "no test that measures it was run"


def test_a_size_whose_timing_failed() -> None:
    run = MadeUpRun(asked=frozenset(("size",)))
    store = run.store()
    judge = run.play(store)
    store.rounds(1)

    def fail(*arguments: object) -> Any:
        raise MeasurementError("the threads changed", got="1", wanted="2", next_step="look")

    cast(Any, store._measuring).rounds = fail
    with pytest.raises(MeasurementError):
        store.rounds(4)
    metrics = run.documents_of(store, judge).metrics
    assert metrics["timing"]["1"]["rounds"] == 12
    assert metrics["timing"]["4"] is None
    assert metrics["reasons"]["timing.4"] == "the threads changed"
