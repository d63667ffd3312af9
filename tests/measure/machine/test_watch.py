"""The machine before the first timing and during each."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.measure.machine import watch
from distill_fixtures.measure.machine.check import MachineCheck
from distill_fixtures.measure.machine.watch import MachineRecord, MachineWatch
from distill_fixtures.records import Undefined
from tests.measure.machine.made_up_machine import MadeUpMachine, make_check, make_load


def test_a_watch_tells_what_ran_meanwhile(tmp_path: Path) -> None:
    machine = MadeUpMachine(tmp_path)
    watch = MachineWatch(machine.write(), machine.now)
    machine.pass_time(20.0, busy=(1.0, 0.2), used_s={70: 18.0})
    found = watch.stop()
    assert found.window_s == 20.0
    assert found.own_cores == pytest.approx(0.9)
    assert found.others_cores == pytest.approx(0.3)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[MachineCheck]:
    """What is found before timing, in order; taken away as it is asked for."""
    waiting: list[MachineCheck] = []
    monkeypatch.setattr(watch, "check_machine", lambda device, root: waiting.pop(0))
    return waiting


def test_the_check_comes_before_the_first_timing_alone(
    tmp_path: Path, checks: list[MachineCheck]
) -> None:
    checks.append(make_check())
    record = MachineRecord(tmp_path)
    assert record.before is None
    for size in (1, 8):
        with record.timing("cpu", size):
            assert record.before == make_check()
    assert list(record.during) == [1, 8]
    assert record.timing_invalid == {}


def test_it_is_taken_again_once_torch_is_there(tmp_path: Path, checks: list[MachineCheck]) -> None:
    checks += [make_check(threads=Undefined("no torch")), make_check(threads=2)]
    record = MachineRecord(tmp_path)
    with record.timing("cpu", "processes"):
        pass
    with record.timing("cpu", 1):
        pass
    assert record.before is not None
    assert record.before.threads == 2
    assert checks == []


def test_a_timing_that_failed_leaves_nothing(tmp_path: Path, checks: list[MachineCheck]) -> None:
    checks.append(make_check())
    record = MachineRecord(tmp_path)
    with pytest.raises(ZeroDivisionError), record.timing("cpu", 1):
        raise ZeroDivisionError
    assert record.during == {}


def test_faults_of_timing_processes_are_counted(
    tmp_path: Path, checks: list[MachineCheck], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.append(make_check())
    swapping = make_load(window_s=10.0, swapped_in_bytes=5_000_000, own_major_faults=900)
    monkeypatch.setattr(MachineWatch, "stop", lambda self: swapping)
    record = MachineRecord(tmp_path)
    with record.timing("cpu", "processes"):
        pass
    assert record.timing_invalid == {}
    record.add_major_faults("processes", 101)
    assert list(record.timing_invalid) == ["processes"]
    assert "this run waited for 100 pages a second" in record.timing_invalid["processes"]


def test_nothing_timed_nothing_wrong(tmp_path: Path) -> None:
    machine = MadeUpMachine(tmp_path)
    record = MachineRecord(machine.write())
    assert (record.problems, record.timing_invalid) == ((), {})
    assert record.checked.load_average_1_min == 0.5


def test_the_worst_of_each_kind_is_told() -> None:
    record = MachineRecord()
    record.before = make_check(load=make_load(others_cores=1.0, window_s=0.5))
    record.during = {
        1: make_load(others_cores=1.0),
        8: make_load(others_cores=1.9, thermal_events=3),
        "processes": make_load(others_cores=1.9, steal_share=0.1),
    }
    assert [(each.key, each.severity, each.when) for each in record.problems] == [
        ("other_load", "too_noisy", "while timing batch size 8"),
        ("heat", "warning", "while timing batch size 8"),
        ("steal", "warning", "while timing processes"),
    ]
    assert set(record.timing_invalid) == {8, "processes"}
    assert "1.9 of 2 cores" in record.timing_invalid[8]


def test_a_merged_copy_is_named_in_words() -> None:
    record = MachineRecord()
    record.before = make_check()
    record.during = {"merged_student": make_load(others_cores=1.0)}
    (problem,) = record.problems
    assert problem.when == "while timing the student unmerged and merged"
