"""Remembers how the machine was before the first timing and during each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from distill_fixtures.measure.machine import kernel_files
from distill_fixtures.measure.machine.check import MachineCheck, check_machine, glance_at_machine
from distill_fixtures.measure.machine.kernel_counters import take_reading
from distill_fixtures.measure.machine.load import MachineLoad, load_between
from distill_fixtures.measure.machine.problems import (
    Problem,
    load_problems,
    problems,
    why_too_noisy,
)
from distill_fixtures.records import Undefined

__all__ = ["MachineRecord", "MachineWatch", "TimingKey"]

TimingKey = int | Literal["processes", "merged_teacher", "merged_student"]
"""A batch size timed in this process, the fresh processes timed for a comparison, or a model timed
unmerged and merged."""

WORDS: Mapping[TimingKey, str] = {
    "merged_teacher": "the teacher unmerged and merged",
    "merged_student": "the student unmerged and merged",
}


class MachineWatch:
    """What a machine does from here to ``stop``: two readings, and nothing in between.

    Args:
        root: below which /proc and /sys lie.
        now: the clock.
    """

    def __init__(
        self, root: Path = kernel_files.ROOT, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._root = root
        self._now = now
        self._first = take_reading(root, now)

    def stop(self) -> MachineLoad:
        """What happened since this was made."""
        return load_between(self._first, take_reading(self._root, self._now))


class MachineRecord:
    """A session's machine.

    Args:
        root: below which /proc and /sys lie; by default the class's own, which tests that share a
            machine put elsewhere.

    Attributes:
        before: how it was before the first timing; None where nothing was timed.
        during: what it did during each timing.
    """

    ROOT: ClassVar[Path] = kernel_files.ROOT

    def __init__(self, root: Path | None = None) -> None:
        self._root = self.ROOT if root is None else root
        self.before: MachineCheck | None = None
        self.during: dict[TimingKey, MachineLoad] = {}

    @property
    def checked(self) -> MachineCheck:
        """How it was before the first timing; how it is now where nothing was timed."""
        return self.before or glance_at_machine(self._root)

    @contextmanager
    def timing(self, device: str, key: TimingKey) -> Iterator[None]:
        """Watch a timing; before the first one, look at the machine for a short while.

        Args:
            device: where the models run.
            key: what is timed.
        """
        # Until torch is imported nothing tells its threads and its GPU.
        if self.before is None or isinstance(self.before.threads, Undefined):
            self.before = check_machine(device, root=self._root)
        watch = MachineWatch(self._root)
        yield
        self.during[key] = watch.stop()

    def add_major_faults(self, key: TimingKey, faults: int) -> None:
        """Pages that other processes waited for a disk for, while they timed for this one.

        Args:
            key: a timing that is over.
            faults: how many.
        """
        load = self.during[key]
        if not isinstance(load.own_major_faults, Undefined):
            self.during[key] = replace(load, own_major_faults=load.own_major_faults + faults)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong, each kind once: a timing that is too noisy before a warning, and
        what was during a timing before what was there before it."""
        if self.before is None:
            return ()
        found: list[Problem] = []
        for key, load in self.during.items():
            what = f"batch size {key}" if isinstance(key, int) else WORDS.get(key, key)
            found += load_problems(self.before, load, f"while timing {what}")
        found += problems(self.before)
        found.sort(key=lambda each: each.severity != "too_noisy")
        kinds: dict[str, Problem] = {}
        for each in found:
            kinds.setdefault(each.key, each)
        return tuple(kinds.values())

    @property
    def timing_invalid(self) -> Mapping[TimingKey, str]:
        """Why a timing must not be judged, of those that must not."""
        if self.before is None:
            return {}
        reasons = {key: why_too_noisy(self.before, load) for key, load in self.during.items()}
        return {key: reason for key, reason in reasons.items() if reason is not None}
