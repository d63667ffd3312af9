"""How many processes the kernel has killed for lack of memory, as it counts itself.

Read before and after, the count tells a kill for lack of memory from any other SIGKILL. It is kept
for the control group whose process was killed, and a child process is in its parent's group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from distill_fixtures.records import Undefined

__all__ = ["count_memory_kills", "kills_since"]

_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def count_memory_kills(root: Path = Path("/")) -> int | Undefined:
    """Kills so far: of this process's control group (v2 or v1), else of the whole system.

    Args:
        root: where ``proc`` and ``sys`` lie.
    """
    for path in _sources(root):
        try:
            match = _COUNT.search(path.read_text(encoding="ascii"))
        except OSError:
            continue  # the next place is tried
        if match is not None:
            return int(match[1])
    return Undefined("this system does not count processes that were killed for lack of memory")


def kills_since(before: int | Undefined, root: Path = Path("/")) -> int | Undefined:
    """Kills since the count was ``before``."""
    now = count_memory_kills(root)
    if isinstance(before, Undefined):
        return before
    return now if isinstance(now, Undefined) else max(0, now - before)


def _sources(root: Path) -> Iterator[Path]:
    """Files that hold the count, the most special first (cgroups(7), proc_vmstat(5))."""
    groups = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own = path.lstrip("/")
        # In a container the files of its own group often lie at the top.
        if controllers == "":
            for place in (groups / own, groups / "unified" / own, groups):
                yield place / "memory.events"
        elif "memory" in controllers.split(","):
            for place in (groups / "memory" / own, groups / "memory"):
                yield place / "memory.oom_control"
    yield root / "proc/vmstat"
