"""CPU time of processes, as the kernel counts it (proc_pid_stat(5))."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.measure.machine.kernel_files import ROOT, read_text
from distill_fixtures.records import Undefined

__all__ = ["Key", "ProcessTimes", "family_of", "own_process", "read_processes", "ticks_per_s"]

Key = tuple[int, int]
"""Process id and start time: ids are used again."""

# Places after the name's closing bracket.
PARENT, MAJOR_FAULTS, USER, WAITED_SYSTEM, START = 1, 9, 11, 14, 19


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """One process's counters since its start.

    Attributes:
        name: the kernel's short name, made printable. Never the command line: it may hold secrets.
        own_s: CPU seconds of its threads.
        waited_s: CPU seconds of its children that have ended and that it has waited for.
        major_faults: pages that it had to wait for a disk for.
    """

    pid: int
    parent: int
    start: int
    name: str
    own_s: float
    waited_s: float
    major_faults: int

    @property
    def key(self) -> Key:
        return self.pid, self.start


def ticks_per_s() -> int:
    """The kernel's unit of CPU time; 100 on almost every Linux."""
    return os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def read_processes(root: Path = ROOT) -> dict[Key, ProcessTimes] | Undefined:
    """Every process that this one may see; those that end meanwhile are left out."""
    try:
        names = [each.name for each in (root / "proc").iterdir() if each.name.isdigit()]
    except OSError as error:
        return Undefined(f"/proc cannot be read: {error.strerror}")
    texts = [read_text(root, f"proc/{name}/stat") for name in names]
    found = [_parsed(text) for text in texts if isinstance(text, str)]
    return {each.key: each for each in found if each is not None}


def own_process(root: Path, processes: Mapping[Key, ProcessTimes]) -> ProcessTimes | Undefined:
    """This process among all."""
    text = read_text(root, "proc/self/stat")
    if isinstance(text, Undefined):
        return text
    own = _parsed(text)
    if own is None or own.key not in processes:
        return Undefined("/proc/self/stat does not tell which process this is")
    return processes[own.key]


def family_of(own: ProcessTimes, processes: Mapping[Key, ProcessTimes]) -> frozenset[Key]:
    """A process and all that it started."""
    children: dict[int, list[ProcessTimes]] = {}
    for each in processes.values():
        children.setdefault(each.parent, []).append(each)
    family, waiting = set[Key](), [own]
    while waiting:
        each = waiting.pop()
        if each.key not in family:
            family.add(each.key)
            waiting += children.get(each.pid, [])
    return frozenset(family)


def _parsed(text: str) -> ProcessTimes | None:
    """One line of /proc/PID/stat, or None where it is something else.

    The name may hold spaces and brackets, so it ends at the last bracket.
    """
    head, bracket, tail = text.rpartition(")")
    pid, _, name = head.partition(" (")
    words = tail.split()
    if not bracket or len(words) <= START:
        return None
    try:
        numbers = [int(each) for each in words[PARENT : START + 1]]
        number = int(pid)
    except ValueError:
        return None
    user, system, waited_user, waited_system = numbers[USER - PARENT : WAITED_SYSTEM - PARENT + 1]
    tick_s = 1 / ticks_per_s()
    return ProcessTimes(
        pid=number,
        parent=numbers[0],
        start=numbers[START - PARENT],
        name="".join(each if each.isprintable() else "?" for each in name),
        own_s=(user + system) * tick_s,
        waited_s=(waited_user + waited_system) * tick_s,
        major_faults=numbers[MAJOR_FAULTS - PARENT],
    )
