"""Whether a process still runs: the one that a number meant when waiting began."""

from __future__ import annotations

import os
from typing import Protocol

__all__ = ["Process", "ProcessLike", "is_own_line"]

SAME_START_S = 1.0
"""A process's start is told in ticks of the kernel's clock, and on some systems drifts a little."""


class ProcessLike(Protocol):
    """As much of a process as waiting asks for.

    Attributes:
        started_s: seconds since 1970; None where it was gone before it could be asked.
    """

    @property
    def started_s(self) -> float | None: ...

    def how_gone(self) -> str | None:
        """In what way it is gone, for people; None while it runs."""


class Process:
    """A process by its number.

    A number is used again once its process is gone; the start time tells two of them apart.
    """

    def __init__(self, pid: int) -> None:
        import psutil

        self._pid = pid
        try:
            self.started_s: float | None = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            self.started_s = None

    def how_gone(self) -> str | None:
        """As :class:`ProcessLike`. A process that may not be looked at runs."""
        import psutil

        if self.started_s is None:
            return f"there was no process {self._pid} any more when waiting began"
        try:
            process = psutil.Process(self._pid)
            if abs(process.create_time() - self.started_s) > SAME_START_S:
                return f"process {self._pid} has ended; its number belongs to another one now"
            if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return f"process {self._pid} has ended"
        except psutil.NoSuchProcess:
            return f"process {self._pid} has ended"
        except psutil.AccessDenied:
            return None
        return None


def is_own_line(pid: int) -> bool:
    """Whether a number is this process's own, or that of one it descends from.

    Those end after it does: waiting for one of them never ends.
    """
    import psutil

    if pid == os.getpid():
        return True
    return any(parent.pid == pid for parent in psutil.Process().parents())
