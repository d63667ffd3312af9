"""Starting a process of this package's own, and saying how one ended that gave no answer."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.errors import WorkerError
from distill_fixtures.records import Undefined

__all__ = ["Ending", "worker_command", "worker_environment"]

LAST_LINES = 8


def worker_command(module: str, *arguments: str) -> list[str]:
    """This Python running a module of this package."""
    return [sys.executable, "-m", module, *arguments]


def worker_environment() -> dict[str, str]:
    """This process's environment, with this package on the path and libraries kept to themselves.

    The current folder is inherited too.
    """
    package = str(Path(__file__).resolve().parents[3])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "HF_HUB_OFFLINE": "1",  # downloading is no part of loading
        "TOKENIZERS_PARALLELISM": "false",
    }


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended that gave no answer.

    Attributes:
        status: exit status, or minus the number of the signal; None: its time was up.
        timeout_s: the time it had.
        memory_kills: processes that the kernel killed for lack of memory while it ran.
        output: what it printed.
    """

    status: int | None
    timeout_s: float
    memory_kills: int | Undefined
    output: str

    def error(self, what: str, *, wanted: str, if_slow: str) -> WorkerError:
        """The error to be raised: how it ended, its last lines, and what can be done.

        Args:
            if_slow: the next step where its time was up.
        """
        lines = self.output.strip().splitlines()[-LAST_LINES:]
        end = self._end()
        return WorkerError(
            what,
            got="; last lines:\n    ".join([end, "\n    ".join(lines)]) if lines else end,
            wanted=wanted,
            next_step=if_slow if self.status is None else self._next_step(),
        )

    @property
    def _was_killed(self) -> bool:
        return self.status is not None and -self.status == getattr(signal, "SIGKILL", None)

    def _end(self) -> str:
        if self.status is None:
            return f"no answer within {self.timeout_s:g} s"
        if self.status >= 0:
            return f"exit status {self.status}"
        end = f"ended by signal {_signal_name(-self.status)}"
        if self._was_killed and self.memory_kills:
            if isinstance(self.memory_kills, Undefined):
                return end
            return f"{end}: the kernel killed it for lack of memory, by its own count"
        return end

    def _next_step(self) -> str:
        if not self._was_killed:
            return "the lines above are the process's last; report them if they say nothing"
        if isinstance(self.memory_kills, Undefined):
            return (
                "SIGKILL mostly means that memory ran out (see `dmesg`); free some or use a "
                "smaller model"
            )
        if self.memory_kills:
            return "free memory, raise the container's limit, or use a smaller model"
        return (
            "the kernel counts no kill for lack of memory in that time; see whether somebody, a "
            "scheduler or a guard such as systemd-oomd ended the process"
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return str(number)
