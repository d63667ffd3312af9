"""A made-up /proc and /sys, and loads of a made-up machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill_fixtures.measure.machine.check import MachineCheck, MemoryState
from distill_fixtures.measure.machine.cpu_quota import CpuLimits
from distill_fixtures.measure.machine.cpu_speed import CpuSpeed
from distill_fixtures.measure.machine.gpu_use import GpuUse
from distill_fixtures.measure.machine.load import MachineLoad
from distill_fixtures.records import Undefined

__all__ = ["OWN_PID", "MadeUpMachine", "make_check", "make_load"]

OWN_PID = 70
NOT_HERE = Undefined("not here")


@dataclass
class MadeUpMachine:
    """Writes the files of a machine of two cores below a folder; a hundred ticks a second.

    Attributes:
        now_s: its clock.
        busy, idle, steal: ticks of each core.
        processes: ticks of running by (process id, parent, name); this process is OWN_PID.
        waited: ticks of its children that this process has waited for.
        faults: this process's major faults.
        swap_pages: swapped in, and out.
    """

    root: Path
    now_s: float = 1000.0
    busy: list[int] = field(default_factory=lambda: [1000, 2000])
    idle: list[int] = field(default_factory=lambda: [5000, 4000])
    steal: list[int] = field(default_factory=lambda: [0, 0])
    allowed: str = "0-1"
    processes: dict[tuple[int, int, str], int] = field(
        default_factory=lambda: {(1, 0, "init"): 10, (OWN_PID, 1, "pytest"): 500}
    )
    waited: int = 0
    faults: int = 0
    swap_pages: tuple[int, int] = (0, 0)
    schedstat_ns: tuple[int, int] = (5_000_000_000, 0)

    def write(self) -> Path:
        """Put all of it into files."""
        lines = [
            f"cpu{core} {busy} 0 0 {idle} 7 0 0 {steal} 0 0"
            for core, (busy, idle, steal) in enumerate(
                zip(self.busy, self.idle, self.steal, strict=True)
            )
        ]
        self.file("proc/stat", "\n".join(["cpu  1 2 3 4 5 6 7 8 9 10", *lines, "intr 5 6", ""]))
        for (pid, parent, name), ticks in self.processes.items():
            self.file(f"proc/{pid}/stat", self._stat(pid, parent, name, ticks))
        own = next(k for k in self.processes if k[0] == OWN_PID)
        self.file("proc/self/stat", self._stat(*own, self.processes[own]))
        self.file("proc/self/status", f"Name:\tpytest\nCpus_allowed_list:\t{self.allowed}\n")
        running, waiting = self.schedstat_ns
        self.file(f"proc/self/task/{OWN_PID}/schedstat", f"{running} {waiting} 12\n")
        came, went = self.swap_pages
        self.file("proc/vmstat", f"nr_free_pages 5\npswpin {came}\npswpout {went}\n")
        self.file(
            "proc/meminfo",
            "MemTotal: 8000 kB\nMemAvailable: 4000 kB\nSwapTotal: 1000 kB\nSwapFree: 900 kB\n",
        )
        self.file("proc/loadavg", "0.50 0.25 0.125 2/99 123\n")
        return self.root

    def end(self, pid: int) -> None:
        """A process ends."""
        key = next(key for key in self.processes if key[0] == pid)
        del self.processes[key]
        (self.root / f"proc/{pid}/stat").unlink()

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def files(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self.file(name, text)

    def now(self) -> float:
        return self.now_s

    def pass_time(
        self,
        seconds: float,
        *,
        busy: Sequence[float] = (0.0, 0.0),
        steal: Sequence[float] = (0.0, 0.0),
        used_s: Mapping[int, float] | None = None,
    ) -> None:
        """Let time pass.

        Args:
            busy, steal: share of each core's time.
            used_s: CPU seconds by process id.
        """
        self.now_s += seconds
        for core in range(len(self.busy)):
            self.busy[core] += round(100 * seconds * busy[core])
            self.steal[core] += round(100 * seconds * steal[core])
            self.idle[core] += round(100 * seconds * (1 - busy[core] - steal[core]))
        for key in self.processes:
            self.processes[key] += round(100 * (used_s or {}).get(key[0], 0.0))
        self.write()

    def _stat(self, pid: int, parent: int, name: str, ticks: int) -> str:
        own = pid == OWN_PID
        faults, waited = (self.faults, self.waited) if own else (0, 0)
        return (
            f"{pid} ({name}) S {parent} 1 1 0 -1 4194304 100 0 {faults} 0 "
            f"{ticks} 0 {waited} 0 20 0 1 0 {pid * 10} 3133440 401\n"
        )


def make_load(**changes: Any) -> MachineLoad:
    """A quiet timing of ten seconds on two cores, with changes."""
    quiet: dict[str, Any] = {
        "window_s": 10.0,
        "counted_cores": 2,
        "own_cores": 1.9,
        "others_cores": 0.02,
        "busiest": (),
        "own_wait_share": 0.01,
        "steal_share": 0.0,
        "throttled_s": 0.0,
        "throttled_periods_share": 0.0,
        "thermal_events": 0,
        "swapped_in_bytes": 0,
        "swapped_out_bytes": 0,
        "own_major_faults": 0,
    }
    return MachineLoad(**quiet | changes)


def make_check(**changes: Any) -> MachineCheck:
    """A quiet machine of two cores before two threads are timed, with changes."""
    quiet: dict[str, Any] = {
        "load_average_1_min": 0.1,
        "load_average_5_min": 0.1,
        "load_average_15_min": 0.1,
        "memory": MemoryState(8_000_000_000, 0, 0, 0),
        "limits": CpuLimits(2, NOT_HERE),
        "threads": 2,
        "speed": CpuSpeed(NOT_HERE, NOT_HERE, NOT_HERE),
        "gpu": GpuUse(NOT_HERE, NOT_HERE),
        "load": make_load(window_s=0.5, own_cores=0.0),
    }
    return MachineCheck(**quiet | changes)
