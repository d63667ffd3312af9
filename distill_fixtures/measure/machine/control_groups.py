"""Folders of the control groups that this process is in (cgroups(7))."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from distill_fixtures.measure.machine.kernel_files import read_text
from distill_fixtures.records import Undefined

__all__ = ["group_folders"]

CGROUPS = "proc/self/cgroup"
V2_MOUNTS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")


def group_folders(root: Path, controller: str, *, names: Sequence[str]) -> list[str] | Undefined:
    """Folders of this process's groups of one controller, each from its own up to the mount.

    In a container the path names a group of the host that is not mounted here; what is mounted, as
    the root, is the container's own. So some of the folders may not be there.

    Args:
        root: below which /proc and /sys lie.
        controller: ``cpu`` or ``memory``.
        names: what version 1 may call the controller's folder, beside all that share it.
    """
    text = read_text(root, CGROUPS)
    if isinstance(text, Undefined):
        return text
    found: list[str] = []
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon or not path.startswith("/"):
            return Undefined(f"/{CGROUPS}: {line[:60]!r} names no control group")
        mounts: tuple[str, ...] = ()
        if number == "0" and not controllers:
            mounts = V2_MOUNTS
        elif controller in controllers.split(","):
            mounts = tuple(f"sys/fs/cgroup/{name}" for name in (controllers, *names))
        for mount in dict.fromkeys(mounts):
            found += _upwards(mount, path)
    return list(dict.fromkeys(found))


def _upwards(mount: str, path: str) -> list[str]:
    """A group's folder and all above it, up to the mount."""
    inside = PurePosixPath(path.lstrip("/"))
    if ".." in inside.parts:  # outside of what this namespace shows
        return [mount]
    return [str(PurePosixPath(mount) / part) for part in (inside, *inside.parents)]
