"""From what a machine did to warnings, and to times that must not be judged."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.measure.machine.check import MachineCheck, MemoryState
from distill_fixtures.measure.machine.cpu_quota import CpuLimits
from distill_fixtures.measure.machine.cpu_speed import CpuSpeed
from distill_fixtures.measure.machine.gpu_use import GpuUse
from distill_fixtures.measure.machine.load import MachineLoad, ProcessUse
from distill_fixtures.measure.machine.problems import (
    Problem,
    load_problems,
    problems,
    why_too_noisy,
)
from distill_fixtures.records import Undefined
from tests.measure.machine.made_up_machine import make_check, make_load

NOT_TOLD = Undefined("not told")


def keys(found: tuple[Problem, ...]) -> dict[str, str]:
    return {each.key: each.severity for each in found}


def of_load(threads: int = 2, **changes: Any) -> dict[str, str]:
    return keys(load_problems(make_check(threads=threads), make_load(**changes)))


def of_check(**changes: Any) -> dict[str, str]:
    return keys(problems(make_check(**changes)))


def test_a_quiet_machine_has_none() -> None:
    assert problems(make_check()) == ()
    assert load_problems(make_check(), make_load()) == ()
    assert why_too_noisy(make_check(), make_load()) is None


@pytest.mark.parametrize(
    ("threads", "others", "severity"),
    [
        (2, 0.15, None),
        (2, 0.25, "warning"),
        (2, 1.0, "warning"),  # one busy process
        (2, 1.33, "warning"),  # four busy threads that share two cores with two of ours
        (2, 1.45, "warning"),
        (2, 1.55, "too_noisy"),
        (1, 0.45, None),
        (1, 0.55, "warning"),  # the other core's: memory bandwidth is shared
        (1, 1.0, "warning"),
        (1, 1.7, "warning"),
        (1, 1.8, "too_noisy"),
        (64, 1.0, "warning"),
    ],
)
def test_other_load_on_two_cores(threads: int, others: float, severity: str | None) -> None:
    expected = {} if severity is None else {"other_load": severity}
    assert of_load(threads, others_cores=others) == expected


def test_a_quota_leaves_room_for_others() -> None:
    """Two cores' worth of quota on 64 cores: what others do on 40 of them is not in the way."""
    check = make_check(threads=64, limits=CpuLimits(64, 2.0))
    busy = make_load(counted_cores=64, others_cores=40.0)
    assert keys(load_problems(check, busy)) == {"other_load": "warning"}
    full = make_load(counted_cores=64, others_cores=63.6)
    assert keys(load_problems(check, full)) == {"other_load": "too_noisy"}


def test_who_it_was_is_named() -> None:
    load = make_load(others_cores=1.0, busiest=(ProcessUse("cc1plus", 0.75),))
    (problem,) = load_problems(make_check(), load, "while timing batch size 8")
    assert str(problem) == (
        "while timing batch size 8, other processes used 1.0 of 2 cores (cc1plus 0.8), and "
        "torch's threads want 2: stop them, or run when the machine is idle"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"steal_share": 0.01}, {}),
        ({"steal_share": 0.1}, {"steal": "warning"}),
        ({"steal_share": 0.21}, {"steal": "too_noisy"}),
        # Two threads over ten seconds: 0.1 s are 0.5 %, 4.2 s are 21 %.
        ({"throttled_s": 0.1}, {}),
        ({"throttled_s": 1.0}, {"throttled": "warning"}),
        ({"throttled_s": 4.2}, {"throttled": "too_noisy"}),
        ({"swapped_out_bytes": 900_000}, {}),
        ({"swapped_out_bytes": 5_000_000}, {"swapping": "warning"}),
        ({"swapped_in_bytes": 5_000_000, "own_major_faults": 900}, {"swapping": "warning"}),
        ({"swapped_in_bytes": 5_000_000, "own_major_faults": 1100}, {"swapping": "too_noisy"}),
        # Faults without swap are files being read.
        ({"own_major_faults": 100_000}, {}),
        ({"swapped_out_bytes": 5_000_000, "own_major_faults": 1100}, {"swapping": "warning"}),
        ({"swapped_in_bytes": 5_000_000, "own_major_faults": NOT_TOLD}, {"swapping": "warning"}),
        ({"thermal_events": 1}, {"heat": "warning"}),
        ({"own_wait_share": 0.09}, {}),
        ({"own_wait_share": 0.6, "own_cores": 0.3}, {"waiting_for_cpu": "warning"}),
        # Who sleeps and wakes for a moment waits a little before it runs a little.
        ({"own_wait_share": 0.6, "own_cores": 0.01}, {}),
    ],
)
def test_each_kind(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert of_load(**changes) == expected


def test_a_short_timing_is_never_too_noisy() -> None:
    noisy: dict[str, Any] = {"others_cores": 2.0, "steal_share": 0.9}
    assert set(of_load(**noisy, window_s=0.9).values()) == {"warning"}
    assert why_too_noisy(make_check(), make_load(**noisy, window_s=0.9)) is None
    assert set(of_load(**noisy, window_s=1.0).values()) == {"too_noisy"}


def test_before_timing_there_are_only_warnings() -> None:
    noisy = make_load(others_cores=2.0)
    assert of_check(load=noisy) == {"other_load": "warning"}
    assert of_check(load=NOT_TOLD) == {}


def test_the_reason_holds_the_figures_and_the_way_out() -> None:
    load = make_load(others_cores=1.9, steal_share=0.3, swapped_out_bytes=2_000_000)
    assert why_too_noisy(make_check(), load) == (
        "the machine was too noisy to time anything on it: other processes used 1.9 of 2 cores, "
        "and torch's threads want 2; the virtual machine's host took 30% of its cores' time (stop "
        "them, or run when the machine is idle; run on a machine whose cores are not shared, or at "
        "another hour)"
    )


@pytest.mark.parametrize(
    ("threads", "allowed", "quota", "said"),
    [
        (2, 2, NOT_TOLD, None),
        (3, 2, NOT_TOLD, "torch uses 3 threads where it may use 2 cores"),
        (64, 64, 2.0, "torch uses 64 threads where the CPU quota is 2 cores"),
        (2, 64, 1.5, None),
        (3, 64, 1.5, "torch uses 3 threads where the CPU quota is 1.5 cores"),
        (1, 64, 0.25, None),
        (8, 4, 6.0, "torch uses 8 threads where it may use 4 cores"),
        (NOT_TOLD, 64, 2.0, None),
        (9, NOT_TOLD, NOT_TOLD, None),
    ],
)
def test_more_threads_than_cores(threads: Any, allowed: Any, quota: Any, said: str | None) -> None:
    found = problems(make_check(threads=threads, limits=CpuLimits(allowed, quota)))
    assert [each.sentence for each in found] == ([] if said is None else [said])
    assert all("OMP_NUM_THREADS=" in each.next_step for each in found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"speed": CpuSpeed("powersave", "acpi-cpufreq", True)}, {"slow_clock": "warning"}),
        ({"speed": CpuSpeed("powersave", "intel_pstate", True)}, {}),
        ({"speed": CpuSpeed("performance, powersave", NOT_TOLD, True)}, {"slow_clock": "warning"}),
        ({"speed": CpuSpeed("schedutil", "acpi-cpufreq", True)}, {}),
        ({"memory": MemoryState(2_000, 1_000, 0, 0)}, {}),
        ({"memory": MemoryState(1_000, 2_000, 0, 0)}, {"little_memory": "warning"}),
        ({"memory": MemoryState(NOT_TOLD, 2_000, 0, 0)}, {}),
        ({"gpu": GpuUse(5.0, 600_000_000)}, {}),
        ({"gpu": GpuUse(50.0, NOT_TOLD)}, {"gpu_in_use": "warning"}),
        ({"gpu": GpuUse(NOT_TOLD, 9_000_000_000)}, {"gpu_in_use": "warning"}),
    ],
)
def test_what_a_moment_tells(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert of_check(**changes) == expected


def test_what_is_not_told_is_no_problem() -> None:
    names = [each.name for each in fields(MachineLoad) if each.name != "window_s"]
    load = MachineLoad(window_s=10.0, **dict.fromkeys(names, NOT_TOLD))
    averages = {"load_average_1_min", "load_average_5_min", "load_average_15_min"}
    check = MachineCheck(
        **dict.fromkeys(averages, NOT_TOLD),
        memory=MemoryState(NOT_TOLD, NOT_TOLD, NOT_TOLD, NOT_TOLD),
        limits=CpuLimits(NOT_TOLD, NOT_TOLD),
        threads=NOT_TOLD,
        speed=CpuSpeed(NOT_TOLD, NOT_TOLD, NOT_TOLD),
        gpu=GpuUse(NOT_TOLD, NOT_TOLD),
        load=load,
    )
    assert problems(check) == load_problems(check, load) == ()
    assert why_too_noisy(check, load) is None


@given(st.integers(1, 64), st.integers(1, 64), st.floats(0, 64), st.floats(0, 64))
def test_more_load_is_never_less_of_a_problem(
    cores: int, threads: int, one: float, other: float
) -> None:
    rank = {None: 0, "warning": 1, "too_noisy": 2}
    check = make_check(threads=threads, limits=CpuLimits(cores, NOT_TOLD))
    less, more = (
        rank[
            keys(load_problems(check, make_load(counted_cores=cores, others_cores=others))).get(
                "other_load"
            )
        ]
        for others in sorted((one, other))
    )
    assert less <= more
