"""What timing processes are asked and answer, and what is no answer."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.slowdown import InjectedSlowdown
from distill_fixtures.measure.processes.timing_request import (
    TimingProcessRequest,
    timing_from_json,
    timing_to_json,
)
from distill_fixtures.records import GenerationTrace, ProcessTiming, Round

MODELS = {"teacher": ModelToLoad("t", base_model="b"), "student": ModelToLoad("s", location="/s")}
REQUEST = TimingProcessRequest(
    MODELS, ("one", "two", "three"), new_tokens=2, rounds=2, batch_size=2, threads=1
)
TRACE = GenerationTrace(2, 7, (0.5, 0.75))
TIMING = ProcessTiming(
    rounds={
        "teacher": (Round((TRACE, TRACE), 0), Round((TRACE, TRACE), 3)),
        "student": (Round((TRACE, TRACE), 1), Round((TRACE, TRACE), 2)),
    },
    threads=1,
    load_s=0.25,
    pid=17,
    major_faults=3,
)


def by_json(content: dict[str, Any]) -> Any:
    return json.loads(json.dumps(content))


def test_request_survives_json() -> None:
    slowed = InjectedSlowdown("student+10", "student", 10.0)
    request = TimingProcessRequest(MODELS, ("one",), slowdowns=(slowed,))
    assert TimingProcessRequest.from_json(by_json(request.to_json())) == request
    assert request.roles == ("teacher", "student", "student+10")


def test_a_slowed_role_may_take_the_others_place() -> None:
    slowed = InjectedSlowdown("student+10", "student", 10.0, instead=True)
    request = TimingProcessRequest(MODELS, ("one",), slowdowns=(slowed,))
    assert TimingProcessRequest.from_json(by_json(request.to_json())) == request
    assert request.roles == ("teacher", "student+10")


def test_answer_survives_json() -> None:
    assert timing_from_json(by_json(timing_to_json(TIMING)), REQUEST) == TIMING


def test_a_classifier_answers_with_one_time_whatever_it_was_asked() -> None:
    trace = GenerationTrace(2, 7, (0.5,), writes_tokens=False)
    rounds = tuple(Round((trace, trace), order) for order in (0, 3))
    timing = replace(TIMING, rounds={"teacher": rounds, "student": rounds})
    assert timing_from_json(by_json(timing_to_json(timing)), REQUEST) == timing


@pytest.mark.parametrize(
    "changes",
    [
        {"models": {}},
        {"prompts": ()},
        {"rounds": 0},
        {"rounds": 2, "fewest_rounds": 3},
        {"fewest_rounds": 0},
        {"rounds": 5, "enough_rounds": 6},
        {"rounds": 5, "enough_rounds": 2, "fewest_rounds": 3},
        {"new_tokens": 0},
        {"batch_size": 0},
        {"slowdowns": (InjectedSlowdown("x", "nobody", 1.0),)},
        {"slowdowns": (InjectedSlowdown("teacher", "student", 1.0),)},
        {"slowdowns": (InjectedSlowdown("x", "student", 1.0),) * 2},
    ],
)
def test_a_request_that_asks_nothing_sensible(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least|must not fall|a new role|two slowdowns"):
        TimingProcessRequest(**{"models": MODELS, "prompts": ("one",)} | changes)


def test_fewer_rounds_only_where_the_request_allows_them() -> None:
    content = by_json(timing_to_json(TIMING))
    for role in MODELS:
        del content["rounds"][role][1]
    with pytest.raises(ValueError, match="1 rounds of teacher, not 2 to 2"):
        timing_from_json(content, REQUEST)
    bounded = replace(REQUEST, fewest_rounds=1, max_seconds=5.0)
    assert len(timing_from_json(content, bounded).rounds["student"]) == 1


def changed(path: str, value: Any) -> Any:
    content: Any = by_json(timing_to_json(TIMING))
    *folders, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place = content
    for part in folders:
        place = place[part]
    place[last] = value
    return content


TIMES = "rounds.teacher.1.traces.0.token_times_s"


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (TIMES, [0.5], "1 tokens"),
        (TIMES, [0.5, 0.5], "do not rise"),
        (TIMES, [0.0, 0.5], "do not rise"),
        (TIMES, [0.5, float("inf")], "do not rise"),
        (TIMES, [0.5, float("nan")], "do not rise"),
        (TIMES, None, "not shaped"),
        ("rounds.teacher.1.traces.0.writes_tokens", False, "one time a request"),
        ("rounds.teacher.0.traces.0.batch_size", 1, "requests of 2"),
        ("rounds.teacher.0.traces", [], "requests of 2"),
        ("rounds.student", [], "not as many rounds of one role"),
        ("rounds.control", [], "rounds of"),
        ("rounds", {}, "not shaped"),
        ("threads", None, "not shaped"),
    ],
)
def test_what_is_no_answer(path: str, value: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        timing_from_json(changed(path, value), REQUEST)


@pytest.mark.parametrize("content", [None, [], "yes", {"pid": 1}])
def test_what_is_nothing_like_an_answer(content: Any) -> None:
    with pytest.raises(ValueError, match="not shaped"):
        timing_from_json(copy.copy(content), REQUEST)
