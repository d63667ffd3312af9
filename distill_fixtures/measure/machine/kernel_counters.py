"""One reading of the kernel's counters that tell, by their growth, what a machine was busy with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.measure.machine.cpu_quota import Throttling, allowed_cpus, read_throttling
from distill_fixtures.measure.machine.kernel_files import ROOT, read_field, read_number, read_text
from distill_fixtures.measure.machine.process_times import (
    Key,
    ProcessTimes,
    family_of,
    own_process,
    read_processes,
    ticks_per_s,
)
from distill_fixtures.records import Undefined

__all__ = ["CounterReading", "CpuTime", "OwnWait", "take_reading"]

# Columns of a cpu line in /proc/stat (proc_stat(5)); guests' time is within user and nice.
USER, NICE, SYSTEM, IRQ, SOFTIRQ, STEAL, COLUMNS = 0, 1, 2, 5, 6, 7, 8
CPUS = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Summed over the cores that this process may use, seconds since the start.

    Attributes:
        cores: how many were summed.
        busy_s: of all processes and the kernel.
        steal_s: in which a virtual machine wanted to run and its host ran something else.
        total_s: all of it, idle time too.
    """

    cores: int
    busy_s: float
    steal_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class OwnWait:
    """Of this process's threads, seconds since each began.

    Attributes:
        running_s: on a CPU.
        waiting_s: ready to run, without a CPU.
    """

    running_s: float
    waiting_s: float


@dataclass(frozen=True, slots=True)
class CounterReading:
    """All counters at one moment; what this system does not count is undefined.

    Attributes:
        at_s: on a clock that only goes forward.
        cpu: time of the cores that this process may use.
        processes: every process that can be seen.
        own: this process among them.
        family: it, and those that were started by it.
        wait: how long its threads waited for a CPU.
        throttling: counters of its control groups, by folder.
        thermal_events: times that the processor slowed down for its heat: sum over cores, and the
            most of any package.
        swapped_in_pages, swapped_out_pages: of the whole system.
    """

    at_s: float
    cpu: CpuTime | Undefined
    processes: dict[Key, ProcessTimes] | Undefined
    own: ProcessTimes | Undefined
    family: frozenset[Key] | Undefined
    wait: OwnWait | Undefined
    throttling: dict[str, Throttling] | Undefined
    thermal_events: int | Undefined
    swapped_in_pages: int | Undefined
    swapped_out_pages: int | Undefined


def take_reading(root: Path = ROOT, now: Callable[[], float] = time.monotonic) -> CounterReading:
    """Read the counters: some milliseconds, with a thousand processes some tens."""
    processes = read_processes(root)
    own = processes if isinstance(processes, Undefined) else own_process(root, processes)
    family: frozenset[Key] | Undefined
    if isinstance(processes, Undefined):
        family = processes
    else:
        family = own if isinstance(own, Undefined) else family_of(own, processes)
    return CounterReading(
        at_s=now(),
        cpu=_cpu_time(root),
        processes=processes,
        own=own,
        family=family,
        wait=_own_wait(root),
        throttling=read_throttling(root),
        thermal_events=_thermal_events(root),
        swapped_in_pages=read_field(root, "proc/vmstat", "pswpin"),
        swapped_out_pages=read_field(root, "proc/vmstat", "pswpout"),
    )


def _cpu_time(root: Path) -> CpuTime | Undefined:
    text, allowed = read_text(root, "proc/stat"), allowed_cpus(root)
    if isinstance(text, Undefined):
        return text
    if isinstance(allowed, Undefined):
        return allowed
    cores, busy, steal, total = 0, 0, 0, 0
    for line in text.splitlines():
        name, *words = line.split() or [""]
        number = name.removeprefix("cpu")
        if not name.startswith("cpu") or not number.isdigit() or int(number) not in allowed:
            continue
        if len(words) < COLUMNS or not all(word.isdigit() for word in words):
            return Undefined(f"/proc/stat: {line[:60]!r} does not count a core's time")
        ticks = [int(word) for word in words[:COLUMNS]]
        cores += 1
        busy += sum(ticks[place] for place in (USER, NICE, SYSTEM, IRQ, SOFTIRQ))
        steal += ticks[STEAL]
        total += sum(ticks)
    if not cores:
        return Undefined("/proc/stat counts no core that this process may use")
    tick_s = 1 / ticks_per_s()
    return CpuTime(cores, busy * tick_s, steal * tick_s, total * tick_s)


def _own_wait(root: Path) -> OwnWait | Undefined:
    """From each thread's schedstat (Documentation/scheduler/sched-stats.rst)."""
    try:
        threads = [each.name for each in (root / "proc/self/task").iterdir()]
    except OSError as error:
        return Undefined(f"/proc/self/task cannot be read: {error.strerror}")
    running_ns, waiting_ns, told = 0, 0, 0
    for thread in threads:
        text = read_text(root, f"proc/self/task/{thread}/schedstat")
        if isinstance(text, Undefined):
            continue  # the thread has ended, or the kernel keeps no such file
        words = text.split()
        if len(words) != 3 or not all(word.isdigit() for word in words):
            return Undefined(f"/proc/self/task/*/schedstat: {text.strip()[:40]!r} is no schedstat")
        told += 1
        running_ns += int(words[0])
        waiting_ns += int(words[1])
    if not told:
        return Undefined("the kernel does not say how long threads wait (no schedstat)")
    return OwnWait(running_ns / 1e9, waiting_ns / 1e9)


def _thermal_events(root: Path) -> int | Undefined:
    try:
        folders = [
            f"{CPUS}/{each.name}/thermal_throttle"
            for each in (root / CPUS).iterdir()
            if (each / "thermal_throttle").is_dir()
        ]
    except OSError as error:
        return Undefined(f"/{CPUS} cannot be read: {error.strerror}")
    if not folders:
        return Undefined("the processor does not count how often it slows down for its heat")
    of_cores: list[int] = []
    of_packages = [0]  # every core repeats its package's count
    for folder in folders:
        count = read_number(root, f"{folder}/core_throttle_count")
        if isinstance(count, Undefined):
            return count
        of_cores.append(count)
        package = read_number(root, f"{folder}/package_throttle_count")
        if not isinstance(package, Undefined):
            of_packages.append(package)
    return sum(of_cores) + max(of_packages)
