"""How many processes are timed: planned looks, early ends, slow loads."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from distill_fixtures.measure.processes.process_looks import (
    FEWEST_PROCESSES,
    LONG_LOAD_S,
    LOOKS,
    ProcessTimings,
    take_processes,
)
from distill_fixtures.records import ProcessTiming


class Taker:
    """Hands out processes with running pids, and counts the looks."""

    def __init__(self, load_s: float = 1.0) -> None:
        self.load_s = load_s
        self.taken = 0
        self.looked: list[int] = []

    def take(self) -> ProcessTiming:
        self.taken += 1
        return ProcessTiming(rounds={}, threads=2, load_s=self.load_s, pid=self.taken)

    def settled_after(self, look: int) -> bool:
        return len(self.looked) >= look


@pytest.mark.parametrize(
    ("settling_look", "expected"), [(1, LOOKS[0]), (2, LOOKS[1]), (3, LOOKS[1])]
)
def test_more_are_timed_only_while_it_is_open(settling_look: int, expected: int) -> None:
    taker = Taker()

    def settled(taken: Sequence[ProcessTiming]) -> bool:
        taker.looked.append(len(taken))
        return taker.settled_after(settling_look)

    steps: list[int] = []
    taken, note = take_processes(taker.take, settled, progress=steps.append)
    assert [each.pid for each in taken] == list(range(1, expected + 1))
    assert taker.looked == list(LOOKS[: min(settling_look, len(LOOKS))])
    assert steps == [1] * expected
    assert note is None


def test_slow_loads_make_them_fewer_and_it_is_said() -> None:
    taker = Taker(load_s=LONG_LOAD_S + 1)
    looked: list[int] = []

    def settled(taken: Sequence[ProcessTiming]) -> bool:
        looked.append(len(taken))
        return False

    taken, note = take_processes(taker.take, settled)
    assert len(taken) == FEWEST_PROCESSES
    assert looked == [FEWEST_PROCESSES], "whoever judges them must have seen them"
    assert note is not None
    assert f"{FEWEST_PROCESSES} processes only" in note


def test_one_slow_load_alone_changes_nothing() -> None:
    loads = iter([LONG_LOAD_S * 2, *[1.0] * 20])
    taken, note = take_processes(
        lambda: ProcessTiming(rounds={}, threads=1, load_s=next(loads), pid=1), lambda taken: True
    )
    assert (len(taken), note) == (LOOKS[0], None)


def test_threads_are_those_of_the_processes() -> None:
    one = ProcessTiming(rounds={}, threads=3, load_s=1.0, pid=1)
    assert ProcessTimings((one,), "cpu", "float32", samples=1, new_tokens=8).threads == 3
