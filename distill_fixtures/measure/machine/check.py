"""The machine before timing: what else it does, and what limits this process.

Whatever a system does not tell is :class:`Undefined` with the reason; nothing here raises for it.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.measure.machine.cpu_quota import CpuLimits, cpu_limits
from distill_fixtures.measure.machine.cpu_speed import CpuSpeed, read_cpu_speed
from distill_fixtures.measure.machine.gpu_use import GpuUse, read_gpu_use
from distill_fixtures.measure.machine.kernel_counters import take_reading
from distill_fixtures.measure.machine.kernel_files import (
    ROOT,
    pages_in_bytes,
    read_field,
    read_text,
)
from distill_fixtures.measure.machine.load import MachineLoad, load_between
from distill_fixtures.records import Undefined

__all__ = ["WINDOW_S", "MachineCheck", "MemoryState", "check_machine", "glance_at_machine"]

WINDOW_S = 0.5
"""Fifty ticks of the kernel's clock on each core: enough to tell a busy core from an idle one."""

NOT_TIMED = Undefined("nothing was timed")
NO_TORCH = Undefined("no model was loaded in this process")


@dataclass(frozen=True, slots=True)
class MemoryState:
    """Memory of the whole system.

    Attributes:
        memory_available_bytes: could be given to a process without swapping.
        swap_used_bytes: lies in swap now.
        swapped_in_bytes, swapped_out_bytes: traffic since the system started.
    """

    memory_available_bytes: int | Undefined
    swap_used_bytes: int | Undefined
    swapped_in_bytes: int | Undefined
    swapped_out_bytes: int | Undefined


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """The machine at one moment, and over a short window if models are to be timed.

    Attributes:
        load_average_1_min, load_average_5_min, load_average_15_min: processes that run or wait
            for a CPU or a disk, this one too.
        memory: memory and swap.
        limits: cores that this process may use.
        threads: that torch will use; undefined where it is not imported.
        speed: what sets the clock rate.
        gpu: what others do with it.
        load: what ran during the window, while this process slept.
    """

    load_average_1_min: float | Undefined
    load_average_5_min: float | Undefined
    load_average_15_min: float | Undefined
    memory: MemoryState
    limits: CpuLimits
    threads: int | Undefined
    speed: CpuSpeed
    gpu: GpuUse
    load: MachineLoad | Undefined


def check_machine(
    device: str,
    *,
    root: Path = ROOT,
    window_s: float = WINDOW_S,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> MachineCheck:
    """Look at the machine for a short while; this process does nothing meanwhile.

    Args:
        device: where the models run.
        root: below which /proc and /sys lie.
        window_s: how long others are watched.
        sleep, now: waiting, and the clock.
    """
    first = take_reading(root, now)
    if isinstance(first.cpu, Undefined):
        return _check(device, root, first.cpu)  # there is nothing to wait for
    sleep(window_s)
    return _check(device, root, load_between(first, take_reading(root, now)))


def glance_at_machine(root: Path = ROOT) -> MachineCheck:
    """The same without a window and without the GPU, for a run that times nothing."""
    return _check(None, root, NOT_TIMED)


def _check(device: str | None, root: Path, load: MachineLoad | Undefined) -> MachineCheck:
    averages = _load_averages(root)
    torch = sys.modules.get("torch")
    return MachineCheck(
        *averages,
        memory=_memory(root),
        limits=cpu_limits(root),
        threads=NO_TORCH if torch is None else int(torch.get_num_threads()),
        speed=read_cpu_speed(root),
        gpu=GpuUse(NOT_TIMED, NOT_TIMED) if device is None else read_gpu_use(device),
        load=load,
    )


Average = float | Undefined


def _load_averages(root: Path) -> tuple[Average, Average, Average]:
    text = read_text(root, "proc/loadavg")
    if isinstance(text, Undefined):
        if root == ROOT and hasattr(os, "getloadavg"):  # other systems than Linux
            return os.getloadavg()
        return text, text, text
    try:
        one, five, fifteen = (float(word) for word in text.split()[:3])
        if not all(map(math.isfinite, (one, five, fifteen))):
            raise ValueError(text)
    except ValueError:
        odd = Undefined(f"/proc/loadavg: {text.strip()[:40]!r} holds no three averages")
        return odd, odd, odd
    return one, five, fifteen


def _memory(root: Path) -> MemoryState:
    traffic = (
        pages_in_bytes(read_field(root, "proc/vmstat", "pswpin")),
        pages_in_bytes(read_field(root, "proc/vmstat", "pswpout")),
    )
    if root == ROOT and not (root / "proc/meminfo").exists():  # other systems than Linux
        import psutil

        available, used = int(psutil.virtual_memory().available), int(psutil.swap_memory().used)
        return MemoryState(available, used, *traffic)
    available_kb = read_field(root, "proc/meminfo", "MemAvailable")
    return MemoryState(
        available_kb if isinstance(available_kb, Undefined) else 1024 * available_kb,
        _swap_used_bytes(root),
        *traffic,
    )


def _swap_used_bytes(root: Path) -> int | Undefined:
    total_kb = read_field(root, "proc/meminfo", "SwapTotal")
    free_kb = read_field(root, "proc/meminfo", "SwapFree")
    if isinstance(total_kb, Undefined):
        return total_kb
    if isinstance(free_kb, Undefined):
        return free_kb
    if free_kb > total_kb:
        return Undefined(f"/proc/meminfo: {free_kb} kB of swap are free, of {total_kb}")
    return 1024 * (total_kb - free_kb)
