"""Taken once, by one student or by all; failures too."""

from __future__ import annotations

import pytest

from distill_fixtures.errors import MeasurementError
from distill_fixtures.metrics.recordings import UNASKED
from distill_fixtures.plugin.taken_once import TakenOnce
from distill_fixtures.records import Undefined

FAULT = MeasurementError("it broke", got="nothing", wanted="something", next_step="mend it")


def fail() -> str:
    raise FAULT


def never() -> str:
    raise AssertionError("taken twice")


def test_what_is_shared_is_taken_by_the_first_student() -> None:
    teacher = TakenOnce()
    first, second = TakenOnce({"teacher": teacher}), TakenOnce({"teacher": teacher})
    assert first.once(("answers", "teacher"), lambda: "T") == "T"
    assert second.once(("answers", "teacher"), never) == "T"
    assert first.once(("answers", "student"), lambda: "A") == "A"
    assert second.known(("answers", "student")) == UNASKED
    assert second.once(("answers", "student"), lambda: "B") == "B"


def test_rounds_are_each_students_own() -> None:
    teacher = TakenOnce()
    first, second = TakenOnce({"teacher": teacher}), TakenOnce({"teacher": teacher})
    first.once(("rounds", 1), lambda: "with A")
    assert second.once(("rounds", 1), lambda: "with B") == "with B"


def test_a_shared_failure_is_every_students() -> None:
    teacher = TakenOnce()
    first, second = TakenOnce({"teacher": teacher}), TakenOnce({"teacher": teacher})
    with pytest.raises(MeasurementError):
        first.once(("answers", "teacher"), fail)
    with pytest.raises(MeasurementError):
        second.once(("answers", "teacher"), never)
    assert second.known(("answers", "teacher")) == Undefined("it broke")
    assert teacher.failed_with(FAULT)
    assert not first.failed_with(FAULT)


def test_kinds_and_forgetting() -> None:
    teacher = TakenOnce()
    taken = TakenOnce({"teacher": teacher})
    taken.once(("model", "teacher"), lambda: "weights")
    taken.once(("card", "student"), lambda: "card")
    assert taken.own_kinds == frozenset({"card"})
    assert taken.kinds == frozenset({"card", "model"})
    teacher.forget("model")
    assert taken.once(("model", "teacher"), lambda: "loaded again") == "loaded again"
