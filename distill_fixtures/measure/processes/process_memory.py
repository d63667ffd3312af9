"""What this process holds in memory, asked of the kernel."""

from __future__ import annotations

import ctypes
import gc
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.models.packed_weights import held_tensors
from distill_fixtures.records import Undefined

__all__ = [
    "SetSizes",
    "give_large_blocks_back",
    "high_water_mark_bytes",
    "release_freed_memory",
    "reset_high_water_mark",
    "resident_bytes",
    "set_sizes",
    "touch_parameters",
]

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_ROLLUP = Path("/proc/self/smaps_rollup")
# The value that resets the peak resident set size (proc_pid_clear_refs(5)).
_RESET_PEAK = "5"
# mallopt(3): blocks from this size on are mapped one by one, and unmapped when they are freed.
_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 128 * 1024


def resident_bytes() -> int:
    """Resident set size: mapped files that are in memory count, swapped pages do not."""
    import psutil

    return int(psutil.Process().memory_info().rss)


@dataclass(frozen=True, slots=True)
class SetSizes:
    """Resident memory with what is shared with other processes told apart.

    Attributes:
        proportional_bytes: each page divided by the number of processes that map it.
        unique_bytes: pages that no other process maps.
    """

    proportional_bytes: int
    unique_bytes: int


def set_sizes(rollup: Path = _ROLLUP) -> SetSizes | Undefined:
    """Proportional and unique set size now (``/proc/PID/smaps_rollup``, Linux 4.14 on).

    A page shared with a process that has just ended counts as this one's own from then on.
    """
    try:
        text = rollup.read_text(encoding="ascii")
    except OSError as error:
        return Undefined(f"the kernel does not tell them: {rollup}: {error.strerror}")
    found = {
        name: int(kibibytes) * 1024
        for name, kibibytes in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    }
    try:
        return SetSizes(found["Pss"], found["Private_Clean"] + found["Private_Dirty"])
    except KeyError as error:
        return Undefined(f"the kernel does not tell them: {rollup} has no {error.args[0]}")


def reset_high_water_mark() -> bool:
    """Start the kernel's high-water mark anew. False where that is not possible."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def high_water_mark_bytes() -> int:
    """The highest resident set size since the last reset. Linux only."""
    match = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if match is None:
        raise RuntimeError(f"{_STATUS} has no VmHWM")
    return int(match[1]) * 1024


def release_freed_memory() -> None:
    """Give what was freed back to the system, so that only what is held is counted."""
    gc.collect()
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def give_large_blocks_back() -> None:
    """From now on, give large blocks back to the system as soon as they are freed.

    By itself glibc raises the size from which it does so once such blocks are freed. What loader
    threads free then stays in their arenas, where ``malloc_trim`` does not reach it, and every
    further load of a model would need more memory than the one before.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)


def _glibc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libc.so.6")
    except OSError:
        return None  # another C library, which has no such calls


def touch_parameters(module: Any) -> None:
    """Read every parameter and buffer once: pages of a mapped file count only when resident."""
    import torch

    with torch.inference_mode():
        for tensor in held_tensors(module):
            if tensor.numel():
                # Formats of one byte have no order of their own.
                (tensor.view(torch.uint8) if tensor.element_size() == 1 else tensor).max()
