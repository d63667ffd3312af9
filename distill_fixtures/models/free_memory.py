"""Memory that can be had for models, on the host and on a GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

__all__ = ["free_memory", "group_room", "may_have_gpu"]

ROOT = Path("/")
# A group without a limit says so by a word (version 2) or by a number near 2**63 (version 1).
NO_LIMIT = 1 << 60


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
    """What the tightest of this process's control groups leaves; None where none has a limit.

    Page cache that could be dropped counts as room (Documentation/admin-guide/cgroup-v2.rst, and
    cgroup-v1/memory.rst).
    """
    rooms = [
        room for folder, names in _groups(root) if (room := _room_of(folder, names)) is not None
    ]
    return min(rooms, default=None)


V2_NAMES = ("memory.max", "memory.current", "inactive_file")
V1_NAMES = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _groups(root: Path) -> list[tuple[Path, tuple[str, str, str]]]:
    """Folders of this process's groups, each with those above it.

    In a container the path is often the host's, and the own group lies at the mount's root.
    """
    found: list[tuple[Path, tuple[str, str, str]]] = []
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = root / ("sys/fs/cgroup/memory" if controllers else "sys/fs/cgroup")
        own = PurePosixPath(path.lstrip("/"))
        if ".." in own.parts:
            own = PurePosixPath()
        names = V1_NAMES if controllers else V2_NAMES
        found += [(mount / str(group), names) for group in (own, *own.parents)]
    return found


def _room_of(folder: Path, names: tuple[str, str, str]) -> int | None:
    limit, used = (_number(_text(folder / name)) for name in names[:2])
    if limit is None or used is None or limit >= NO_LIMIT:
        return None
    droppable = 0
    for line in (_text(folder / "memory.stat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name == names[2]:
            droppable = _number(value) or 0
    return max(0, limit - max(0, used - droppable))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # no such group, controller or kernel


def _number(text: str | None) -> int | None:
    word = "" if text is None else text.strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 20 else None
