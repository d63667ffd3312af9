"""Cores that a process may use: affinity and control groups of both versions."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.measure.machine.cpu_quota import (
    CpuLimits,
    Throttling,
    allowed_cpus,
    cpu_limits,
    read_throttling,
)
from distill_fixtures.records import Undefined
from tests.measure.machine.made_up_machine import MadeUpMachine

CPU = "sys/fs/cgroup/cpu,cpuacct"
V1 = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n"


@pytest.fixture
def machine(tmp_path: Path) -> MadeUpMachine:
    made = MadeUpMachine(tmp_path)
    made.write()
    return made


def quota(machine: MadeUpMachine) -> float | Undefined:
    return cpu_limits(machine.root).quota_cores


def test_version_2_the_tightest_group_on_the_way_up_counts(machine: MadeUpMachine) -> None:
    machine.files(
        {
            "proc/self/cgroup": "0::/a/b/c\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 5\n",
            "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/b/c/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/other/cpu.max": "1000 100000\n",
        }
    )
    limits = cpu_limits(machine.root)
    assert (limits.allowed_cores, limits.quota_cores, limits.usable_cores) == (2, 1.5, 1.5)


@pytest.mark.parametrize("path", ["/", "/../../outside"])
def test_version_2_in_a_namespace_of_its_own(machine: MadeUpMachine, path: str) -> None:
    """A container sees its own group as the root, and may be outside of what it sees."""
    machine.files({"proc/self/cgroup": f"0::{path}\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert quota(machine) == 0.5


def test_version_1_in_a_container_whose_path_is_the_hosts(machine: MadeUpMachine) -> None:
    machine.files(
        {
            "proc/self/cgroup": V1,
            f"{CPU}/cpu.cfs_quota_us": "300000\n",
            f"{CPU}/cpu.cfs_period_us": "200000\n",
        }
    )
    assert quota(machine) == 1.5


def test_version_1_nested(machine: MadeUpMachine) -> None:
    for folder, us in ((CPU, "-1"), (f"{CPU}/docker", "100000"), (f"{CPU}/docker/abc", "120000")):
        machine.files(
            {
                "proc/self/cgroup": V1,
                f"{folder}/cpu.cfs_quota_us": f"{us}\n",
                f"{folder}/cpu.cfs_period_us": "100000\n",
            }
        )
    limits = cpu_limits(machine.root)
    assert (limits.quota_cores, limits.usable_cores) == (1.0, 1.0)


def test_both_versions_side_by_side(machine: MadeUpMachine) -> None:
    """Version 2 rules nothing there, but has counters of its own."""
    machine.files(
        {
            "proc/self/cgroup": "2:cpu:/\n0::/user.slice\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/unified/user.slice/cpu.stat": "usage_usec 7\n",
        }
    )
    assert quota(machine) == 1.0


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "/proc/self/cgroup cannot be read: No such file or directory"),
        ({"proc/self/cgroup": "0::/\n"}, "no control group that rules the CPU is here"),
        ({"proc/self/cgroup": "nonsense\n"}, "'nonsense' names no control group"),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"},
            "no control group limits the CPU",
        ),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "plenty\n"},
            "'plenty' is no quota and period",
        ),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "-5 100000\n"},
            "'-5' is no whole number",
        ),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "5 0\n"},
            "5 of 0 microseconds is no quota",
        ),
        (
            {"proc/self/cgroup": "2:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "5\n"},
            "cpu.cfs_period_us cannot be read",
        ),
    ],
)
def test_what_cannot_be_told(machine: MadeUpMachine, files: dict[str, str], reason: str) -> None:
    machine.files(files)
    limits = cpu_limits(machine.root)
    assert isinstance(limits.quota_cores, Undefined)
    assert reason in limits.quota_cores.reason
    assert limits.usable_cores == 2


def test_an_odd_group_does_not_hide_another_ones_quota(machine: MadeUpMachine) -> None:
    machine.files(
        {
            "proc/self/cgroup": "0::/a\n",
            "sys/fs/cgroup/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/a/cpu.max": "\n",
        }
    )
    assert quota(machine) == 1.0


@given(st.sets(st.integers(0, 300), min_size=1))
def test_lists_of_cores(cores: set[int]) -> None:
    """Against the list written with every run of neighbours as a range."""
    parts, rest = [], sorted(cores)
    while rest:
        last = next(n for n in range(rest[0], 302) if n + 1 not in cores)
        parts.append(f"{rest[0]}-{last}" if last > rest[0] else f"{last}")
        rest = [n for n in rest if n > last]
    with tempfile.TemporaryDirectory() as folder:
        machine = MadeUpMachine(Path(folder), allowed=",".join(parts))
        assert allowed_cpus(machine.write()) == frozenset(cores)


@pytest.mark.parametrize("text", ["", "0-", "a-b", "0,x"])
def test_an_odd_list_of_cores(tmp_path: Path, text: str) -> None:
    limits = cpu_limits(MadeUpMachine(tmp_path, allowed=text).write())
    assert isinstance(limits.allowed_cores, Undefined)
    assert "Cpus_allowed_list" in limits.allowed_cores.reason


def test_usable_without_one_of_the_two() -> None:
    unknown = Undefined("not told")
    assert CpuLimits(unknown, 1.5).usable_cores == 1.5
    assert CpuLimits(unknown, unknown).usable_cores == unknown
    assert CpuLimits(4, 6.0).usable_cores == 4


def test_throttling_of_both_versions(machine: MadeUpMachine) -> None:
    machine.files(
        {
            "proc/self/cgroup": "3:cpu:/x\n0::/y\n",
            "sys/fs/cgroup/cpu/x/cpu.stat": "nr_periods 9\nnr_throttled 4\n"
            "throttled_time 2500000000\n",
            "sys/fs/cgroup/y/cpu.stat": "usage_usec 1\nnr_periods 8\nnr_throttled 2\n"
            "throttled_usec 1500000\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 1\n",
        }
    )
    assert read_throttling(machine.root) == {
        "sys/fs/cgroup/cpu/x": Throttling(9, 4, 2.5),
        "sys/fs/cgroup/y": Throttling(8, 2, 1.5),
    }


@pytest.mark.parametrize("text", ["", "nr_periods x\nnr_throttled 1\nthrottled_usec 1\n"])
def test_throttling_that_cannot_be_told(machine: MadeUpMachine, text: str) -> None:
    machine.files({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.stat": text})
    assert read_throttling(machine.root) == Undefined(
        "no control group of this process counts throttling"
    )


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone tells it")
def test_this_machine_agrees_with_the_system_call() -> None:
    assert allowed_cpus() == frozenset(os.sched_getaffinity(0))
