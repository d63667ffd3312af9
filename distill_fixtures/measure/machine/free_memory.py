"""Memory that can be had for models, on the host and on a GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from distill_fixtures.measure.machine.control_groups import group_folders
from distill_fixtures.measure.machine.kernel_files import ROOT, read_field, read_number
from distill_fixtures.records import Undefined

__all__ = ["free_memory", "group_room", "may_have_gpu"]

# A group without a limit says so by a word (version 2) or by a number near 2**63 (version 1).
NO_LIMIT = 1 << 60
# Limit, use, and what of it is page cache that could be dropped (Documentation/admin-guide/
# cgroup-v2.rst, and cgroup-v1/memory.rst).
V2_NAMES = ("memory.max", "memory.current", "inactive_file")
V1_NAMES = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def may_have_gpu(root: Path = ROOT) -> bool:
    """Whether there may be a GPU, told without torch: False only where there surely is none."""
    if os.name == "nt" or sys.platform == "darwin":
        return True
    return (root / "dev/nvidiactl").exists() or (root / "dev/kfd").exists()


def free_memory(device: str, root: Path = ROOT) -> int | None:
    """Bytes that can be had on a device; None where the system does not say.

    For the CPU what is available without swapping, within the control group's limit. A GPU is asked
    only where torch is already imported: importing it takes seconds.
    """
    if device == "cpu":
        import psutil

        available, room = int(psutil.virtual_memory().available), group_room(root)
        return available if room is None else min(available, room)
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda"):
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)


def group_room(root: Path = ROOT) -> int | None:
    """What the tightest of this process's control groups leaves; None where none has a limit."""
    folders = group_folders(root, "memory", names=("memory",))
    if isinstance(folders, Undefined):
        return None
    rooms = [_room(root, folder, names) for folder in folders for names in (V2_NAMES, V1_NAMES)]
    return min((room for room in rooms if room is not None), default=None)


def _room(root: Path, folder: str, names: tuple[str, str, str]) -> int | None:
    limit, used = (read_number(root, f"{folder}/{name}") for name in names[:2])
    if isinstance(limit, Undefined) or isinstance(used, Undefined) or limit >= NO_LIMIT:
        return None
    droppable = read_field(root, f"{folder}/memory.stat", names[2])
    kept = used if isinstance(droppable, Undefined) else max(0, used - droppable)
    return max(0, limit - kept)
