"""What else a machine did between two readings of its counters."""

from __future__ import annotations

from dataclasses import dataclass

from distill_fixtures.measure.machine.kernel_counters import CounterReading
from distill_fixtures.measure.machine.kernel_files import pages_in_bytes
from distill_fixtures.records import Undefined

__all__ = ["MachineLoad", "ProcessUse", "load_between"]

# So many others are named, and none that used less.
BUSIEST = 3
LEAST_CORES_TO_NAME = 0.05


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """A process by the kernel's short name (no command line: it may hold secrets).

    Attributes:
        cores: cores' worth of time that it used; 1.5 is one and a half cores all the time.
    """

    name: str
    cores: float


@dataclass(frozen=True, slots=True)
class MachineLoad:
    """What happened on the cores that this process may use, over a stretch of time.

    Attributes:
        window_s: how long it lasted.
        counted_cores: how many cores these are.
        own_cores: cores' worth of time that this process and those it started used.
        others_cores: the same of all others, the kernel's own work included.
        busiest: the processes among them that used most, as far as they can be seen and lived
            through the whole stretch.
        own_wait_share: share of their time ready to run that this process's threads had no CPU,
            0 to 1.
        steal_share: share of all cores' time that a virtual machine's host took, 0 to 1.
        throttled_s: time that the tightest control group stood still for its quota, summed over
            CPUs.
        throttled_periods_share: share of its scheduling periods in which that happened, 0 to 1.
        thermal_events: times that the processor slowed down for its heat.
        swapped_in_bytes, swapped_out_bytes: of the whole system.
        own_major_faults: pages that this process, or those that timed for it, waited for a disk
            for.
    """

    window_s: float
    counted_cores: int | Undefined
    own_cores: float | Undefined
    others_cores: float | Undefined
    busiest: tuple[ProcessUse, ...] | Undefined
    own_wait_share: float | Undefined
    steal_share: float | Undefined
    throttled_s: float | Undefined
    throttled_periods_share: float | Undefined
    thermal_events: int | Undefined
    swapped_in_bytes: int | Undefined
    swapped_out_bytes: int | Undefined
    own_major_faults: int | Undefined


def load_between(first: CounterReading, last: CounterReading) -> MachineLoad:
    """What the counters' growth says.

    Raises:
        ValueError: no time lies between the two readings.
    """
    window_s = last.at_s - first.at_s
    if window_s <= 0:
        raise ValueError(f"{window_s} s between two readings")
    own_cores = _own_cores(first, last, window_s)
    throttled_s, throttled_share = _throttled(first, last)
    return MachineLoad(
        window_s=window_s,
        counted_cores=last.cpu if isinstance(last.cpu, Undefined) else last.cpu.cores,
        own_cores=own_cores,
        others_cores=_others_cores(first, last, window_s, own_cores),
        busiest=_busiest(first, last, window_s),
        own_wait_share=_own_wait_share(first, last),
        steal_share=_steal_share(first, last),
        throttled_s=throttled_s,
        throttled_periods_share=throttled_share,
        thermal_events=_growth(first.thermal_events, last.thermal_events),
        swapped_in_bytes=pages_in_bytes(_growth(first.swapped_in_pages, last.swapped_in_pages)),
        swapped_out_bytes=pages_in_bytes(_growth(first.swapped_out_pages, last.swapped_out_pages)),
        own_major_faults=_own_major_faults(first, last),
    )


def _growth(first: int | Undefined, last: int | Undefined) -> int | Undefined:
    if isinstance(first, Undefined):
        return first
    if isinstance(last, Undefined):
        return last
    if last < first:
        return Undefined(f"a counter ran backwards, from {first} to {last}")
    return last - first


def _own_s(reading: CounterReading) -> float | Undefined:
    if isinstance(reading.processes, Undefined):
        return reading.processes
    if isinstance(reading.family, Undefined):
        return reading.family
    of_family = (reading.processes[key] for key in reading.family)
    return sum(each.own_s + each.waited_s for each in of_family)


def _own_cores(first: CounterReading, last: CounterReading, window_s: float) -> float | Undefined:
    begin_s, end_s = _own_s(first), _own_s(last)
    if isinstance(begin_s, Undefined):
        return begin_s
    if isinstance(end_s, Undefined):
        return end_s
    # A child whose end nobody waited for takes its time along.
    return max(0.0, end_s - begin_s) / window_s


def _others_cores(
    first: CounterReading, last: CounterReading, window_s: float, own_cores: float | Undefined
) -> float | Undefined:
    if isinstance(first.cpu, Undefined):
        return first.cpu
    if isinstance(last.cpu, Undefined):
        return last.cpu
    if isinstance(own_cores, Undefined):
        return own_cores
    if last.cpu.total_s <= first.cpu.total_s:
        return Undefined("the counters of /proc/stat stood still")
    # Ticks are coarse: over a short window the difference may come out a little below 0.
    return max(0.0, (last.cpu.busy_s - first.cpu.busy_s) / window_s - own_cores)


def _steal_share(first: CounterReading, last: CounterReading) -> float | Undefined:
    if isinstance(first.cpu, Undefined):
        return first.cpu
    if isinstance(last.cpu, Undefined):
        return last.cpu
    total_s = last.cpu.total_s - first.cpu.total_s
    if total_s <= 0:
        return Undefined("the counters of /proc/stat stood still")
    return min(1.0, max(0.0, last.cpu.steal_s - first.cpu.steal_s) / total_s)


def _busiest(
    first: CounterReading, last: CounterReading, window_s: float
) -> tuple[ProcessUse, ...] | Undefined:
    if isinstance(first.processes, Undefined):
        return first.processes
    if isinstance(last.processes, Undefined):
        return last.processes
    if isinstance(last.family, Undefined):
        return last.family
    found = [
        ProcessUse(each.name, (each.own_s - first.processes[key].own_s) / window_s)
        for key, each in last.processes.items()
        if key in first.processes and key not in last.family
    ]
    named = [each for each in found if each.cores >= LEAST_CORES_TO_NAME]
    return tuple(sorted(named, key=lambda each: -each.cores)[:BUSIEST])


def _own_wait_share(first: CounterReading, last: CounterReading) -> float | Undefined:
    if isinstance(first.wait, Undefined):
        return first.wait
    if isinstance(last.wait, Undefined):
        return last.wait
    running_s = last.wait.running_s - first.wait.running_s
    waiting_s = last.wait.waiting_s - first.wait.waiting_s
    if min(running_s, waiting_s) < 0:
        return Undefined("threads have ended meanwhile, and their waiting with them")
    if running_s + waiting_s == 0:
        return Undefined("no thread of this process was ready to run")
    return waiting_s / (running_s + waiting_s)


def _throttled(
    first: CounterReading, last: CounterReading
) -> tuple[float | Undefined, float | Undefined]:
    """Seconds stood still, and the share of periods, of the group that stood still longest."""
    if isinstance(first.throttling, Undefined):
        return first.throttling, first.throttling
    if isinstance(last.throttling, Undefined):
        return last.throttling, last.throttling
    found = []
    for folder, end in last.throttling.items():
        begin = first.throttling.get(folder)
        if begin is not None and end.periods >= begin.periods:
            periods = end.periods - begin.periods
            throttled = max(0, end.throttled_periods - begin.throttled_periods)
            stood_s = max(0.0, end.throttled_s - begin.throttled_s)
            found.append((stood_s, min(1.0, throttled / periods) if periods else 0.0))
    if not found:
        changed = Undefined("the control groups have changed meanwhile")
        return changed, changed
    return max(found)


def _own_major_faults(first: CounterReading, last: CounterReading) -> int | Undefined:
    if isinstance(first.own, Undefined):
        return first.own
    if isinstance(last.own, Undefined):
        return last.own
    return _growth(first.own.major_faults, last.own.major_faults)
