"""What is waited for, and how patiently."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from distill_fixtures.errors import OptionError
from distill_fixtures.training.process import Process, ProcessLike, is_own_line
from distill_fixtures.training.result import Choice

__all__ = ["Clocks", "Flags", "Pace", "WaitOrder", "check_order"]


@dataclass(frozen=True, slots=True)
class WaitOrder:
    """What a user asked to wait for.

    Attributes:
        folder: the training run's; need not be there yet.
        timeout_s: the longest to wait; None: without end.
        pid: the process that trains.
        marker: a file of the user's own that says that training is over.
    """

    folder: Path
    choice: Choice = "last"
    timeout_s: float | None = None
    pid: int | None = None
    marker: Path | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things must stay as they are before something is concluded from it, in seconds.

    Attributes:
        rest_s: of a model's files before they are taken as finished.
        rest_of_checkpoint_s: the same of a checkpoint while the script that wrote it may still run,
            and may save a final model next.
        long_rest_s: the same where nothing but rest tells that the model is finished.
        grace_s: after a process has ended or a marker has appeared, until a model must be there:
            network drives show files late.
        silence_s: of a whole folder before its run is said to give no sign of life; and never
            before ``silence_factor`` times what changes took to come so far.
        blind_silence_s: the same where no two changes were seen.
    """

    rest_s: float = 5.0
    rest_of_checkpoint_s: float = 30.0
    long_rest_s: float = 60.0
    grace_s: float = 30.0
    silence_s: float = 60.0
    silence_factor: float = 3.0
    blind_silence_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """What a watcher knows of the world besides the folder; tests have their own.

    Attributes:
        seconds: only goes forward.
        now: seconds since 1970.
        process: the process behind a number.
    """

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    process: Callable[[int], ProcessLike] = field(default=Process)


@dataclass(frozen=True, slots=True)
class Flags:
    """What the options are called where the user gave them, for messages."""

    folder: str = "--distill-wait-for-training"
    timeout: str = "--distill-wait-timeout"
    pid: str = "--distill-wait-pid"
    marker: str = "--distill-wait-marker"
    choice: str = "--distill-checkpoint"


def check_order(order: WaitOrder, flags: Flags) -> None:
    """Find what can never come true, before waiting for it.

    Raises:
        OptionError: a folder that cannot be one, or a process that ends after this one.
    """
    folder = order.folder
    if folder.exists() and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        got = "a folder that may not be read" if folder.is_dir() else "a file"
        raise OptionError(
            f"{flags.folder} cannot be used",
            got=f"{folder}: {got}",
            wanted="the output folder of a training run",
            next_step="give the folder that holds the checkpoints",
        )
    for flag, path in ((flags.folder, folder), (flags.marker, order.marker)):
        if path is not None and not path.parent.is_dir():
            raise OptionError(
                f"{flag} leads nowhere",
                got=f"{path}, and no folder {path.parent}",
                wanted="a path in a folder that is there; it may itself come later",
                next_step=f"check the spelling, or make {path.parent}",
            )
    if order.marker is not None and order.marker.is_dir():
        raise OptionError(
            f"{flags.marker} cannot be used",
            got=f"{order.marker}: a folder",
            wanted="a file that the training script makes when it is done",
            next_step="name a file in it",
        )
    if order.pid is not None and is_own_line(order.pid):
        raise OptionError(
            f"{flags.pid} cannot be used",
            got=f"{order.pid}, which is this process, or one that started it",
            wanted="the process that trains: one that ends while this one waits",
            next_step="give the number of the training script's process ($! after starting it)",
        )
