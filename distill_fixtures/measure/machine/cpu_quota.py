"""How many cores this process may use: affinity, and the quota of its control groups.

A container's quota is no number of cores that a program would see: 64 threads under a quota of two
cores all run, use up each period's share at once and then all stand still. Both versions of control
groups are read, and each group up to the root, because the tightest one counts (Linux,
Documentation/admin-guide/cgroup-v2.rst, ``cpu.max``; Documentation/scheduler/sched-bwc.rst).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.measure.machine.control_groups import group_folders
from distill_fixtures.measure.machine.kernel_files import (
    ROOT,
    read_field,
    read_number,
    read_text,
    whole_number,
)
from distill_fixtures.records import Undefined

__all__ = ["CpuLimits", "Throttling", "allowed_cpus", "cpu_limits", "read_throttling"]

NO_QUOTA = Undefined("no control group limits the CPU")
US_PER_S = 1_000_000
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CpuLimits:
    """What this process may use.

    Attributes:
        allowed_cores: logical cores in its affinity.
        quota_cores: cores' worth of time that its control groups let it use; undefined where none
            limits it, or where that cannot be told.
        usable_cores: the smaller of the two.
    """

    allowed_cores: int | Undefined
    quota_cores: float | Undefined

    @property
    def usable_cores(self) -> float | Undefined:
        if isinstance(self.quota_cores, Undefined):
            return self.allowed_cores
        if isinstance(self.allowed_cores, Undefined):
            return self.quota_cores
        return min(float(self.allowed_cores), self.quota_cores)


@dataclass(frozen=True, slots=True)
class Throttling:
    """Counters of one control group since it was made.

    Attributes:
        periods: scheduling periods in which it ran.
        throttled_periods: those in which its quota was used up.
        throttled_s: time that it stood still, summed over CPUs.
    """

    periods: int
    throttled_periods: int
    throttled_s: float


def cpu_limits(root: Path = ROOT) -> CpuLimits:
    """Read the limits of this process."""
    cpus = allowed_cpus(root)
    allowed = cpus if isinstance(cpus, Undefined) else len(cpus)
    folders = _cpu_folders(root)
    if isinstance(folders, Undefined):
        return CpuLimits(allowed, folders)
    found = [_quota_cores(root, folder) for folder in folders]
    quotas = [each for each in found if not isinstance(each, Undefined)]
    odd = [each for each in found if isinstance(each, Undefined) and each != NO_QUOTA]
    return CpuLimits(allowed, min(quotas) if quotas else (odd[0] if odd else NO_QUOTA))


def allowed_cpus(root: Path = ROOT) -> frozenset[int] | Undefined:
    """Numbers of the logical cores in this process's affinity."""
    text = read_text(root, "proc/self/status")
    if isinstance(text, Undefined):
        return text
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "Cpus_allowed_list":
            return _cpu_list(value)
    return Undefined("/proc/self/status has no Cpus_allowed_list")


def _cpu_list(text: str) -> frozenset[int] | Undefined:
    """Numbers of a list like ``0-3,8``."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        begin = whole_number(first, "Cpus_allowed_list in /proc/self/status")
        end = whole_number(last, "Cpus_allowed_list in /proc/self/status") if dash else begin
        if isinstance(begin, Undefined):
            return begin
        if isinstance(end, Undefined):
            return end
        numbers.update(range(begin, end + 1))
    return frozenset(numbers)


def read_throttling(root: Path = ROOT) -> dict[str, Throttling] | Undefined:
    """Counters of every control group above this process that keeps them, by folder."""
    folders = _cpu_folders(root)
    if isinstance(folders, Undefined):
        return folders
    found = {folder: _throttling(root, folder) for folder in folders}
    kept = {name: each for name, each in found.items() if isinstance(each, Throttling)}
    return kept or Undefined("no control group of this process counts throttling")


def _cpu_folders(root: Path) -> tuple[str, ...] | Undefined:
    """Folders of this process's control groups that rule the CPU, from its own up to the root."""
    found = group_folders(root, "cpu", names=("cpu", "cpu,cpuacct"))
    if isinstance(found, Undefined):
        return found
    kept = tuple(folder for folder in found if _rules_the_cpu(root / folder))
    return kept or Undefined("no control group that rules the CPU is here")


def _rules_the_cpu(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("cpu.max", "cpu.stat", "cpu.cfs_quota_us"))


def _quota_cores(root: Path, folder: str) -> float | Undefined:
    """Cores' worth of time that one group may use."""
    if (root / folder / "cpu.max").is_file():
        return _quota_of_v2(root, f"{folder}/cpu.max")
    if not (root / folder / "cpu.cfs_quota_us").is_file():
        return NO_QUOTA  # the root of version 2 has no such file
    text = read_text(root, f"{folder}/cpu.cfs_quota_us")
    if isinstance(text, str) and text.strip() == "-1":
        return NO_QUOTA
    return _cores(
        text if isinstance(text, Undefined) else whole_number(text, f"/{folder}/cpu.cfs_quota_us"),
        read_number(root, f"{folder}/cpu.cfs_period_us"),
        folder,
    )


def _quota_of_v2(root: Path, name: str) -> float | Undefined:
    text = read_text(root, name)
    if isinstance(text, Undefined):
        return text
    words = text.split()
    if len(words) != 2:
        return Undefined(f"/{name}: {text.strip()[:40]!r} is no quota and period")
    if words[0] == "max":
        return NO_QUOTA
    return _cores(whole_number(words[0], f"/{name}"), whole_number(words[1], f"/{name}"), name)


def _cores(quota_us: int | Undefined, period_us: int | Undefined, where: str) -> float | Undefined:
    if isinstance(quota_us, Undefined):
        return quota_us
    if isinstance(period_us, Undefined):
        return period_us
    if quota_us == 0 or period_us == 0:
        return Undefined(f"/{where}: {quota_us} of {period_us} microseconds is no quota")
    return quota_us / period_us


def _throttling(root: Path, folder: str) -> Throttling | Undefined:
    name = f"{folder}/cpu.stat"
    periods = read_field(root, name, "nr_periods")
    throttled = read_field(root, name, "nr_throttled")
    stopped_us = read_field(root, name, "throttled_usec")  # version 2
    stopped_ns = read_field(root, name, "throttled_time")  # version 1
    if isinstance(periods, Undefined):
        return periods
    if isinstance(throttled, Undefined):
        return throttled
    if not isinstance(stopped_us, Undefined):
        return Throttling(periods, throttled, stopped_us / US_PER_S)
    if isinstance(stopped_ns, Undefined):
        return stopped_ns
    return Throttling(periods, throttled, stopped_ns / NS_PER_S)
