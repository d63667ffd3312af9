"""Looking at a training run's folder: its files, its checkpoints, what its trainer says.

A look costs a ``stat`` for each file, and reads what has changed since the last one. Links are not
followed: a folder from elsewhere could have any place of this machine looked at.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distill_fixtures.records import Undefined
from distill_fixtures.training.trainer_state import (
    STATE_FILE,
    TrainerState,
    checkpoint_step,
    read_trainer_state,
)

__all__ = ["FileMark", "FolderLook", "FolderScanner"]

MOST_FILES = 20_000
DEEPEST = 4
SAME_TIME_NS = 10**9
"""Times nearer than this say nothing of what came first: copies, and coarse file systems."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """What tells that a file has changed.

    Attributes:
        changed_ns: the file's own time of its last change, as its file system tells it.
    """

    size_bytes: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class FolderLook:
    """A run's folder at one moment.

    Attributes:
        files: every file by its path relative to ``folder``, with slashes.
        states: what the trainer says in the folder itself (``""``) and in its two newest
            checkpoints that have a state, by their names.
    """

    folder: Path
    files: Mapping[str, FileMark] = field(default_factory=dict)
    states: Mapping[str, TrainerState | Undefined] = field(default_factory=dict)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Names of the checkpoints' folders, the newest last.

        By the time they were written: a run that starts anew in an old folder has lower steps
        than what it finds there. By their steps where the times say nothing.
        """
        times: dict[str, int] = {}
        for path, mark in self.files.items():
            name, slash, _ = path.partition("/")
            if slash and checkpoint_step(name) is not None:
                times[name] = max(times.get(name, 0), mark.changed_ns)
        for name in times:
            state = self.files.get(f"{name}/{STATE_FILE}")
            if state is not None:
                times[name] = state.changed_ns
        return tuple(_in_order(times))

    @property
    def state(self) -> TrainerState | Undefined | None:
        """The newest state; None where the trainer wrote none."""
        if not self.states:
            return None
        times = {name: self._time_of_state(name) for name in self.states}
        newest = max(times.values())
        recent = [name for name, time in times.items() if newest - time < SAME_TIME_NS]
        known = [each for name in recent if isinstance(each := self.states[name], TrainerState)]
        if not known:
            return self.states[recent[0]]
        # Of two at the same step the one that knows of the end was written later.
        return max(known, key=lambda each: (each.step, each.summed_up))

    @property
    def newest_change_ns(self) -> int:
        """The newest of the files' own times; 0 without files."""
        return max((mark.changed_ns for mark in self.files.values()), default=0)

    def part(self, name: str) -> Mapping[str, FileMark]:
        """The files of a checkpoint; of the folder itself (``""``) without its subfolders'."""
        if name:
            return {k: mark for k, mark in self.files.items() if k.startswith(f"{name}/")}
        return {k: mark for k, mark in self.files.items() if "/" not in k}

    def seconds_a_step(self) -> tuple[float, int] | None:
        """How long a step took between the two newest checkpoints, and when the newer was written
        (``changed_ns``); None where that is not told.
        """
        told = [
            (state.step, self._time_of_state(name))
            for name in self.checkpoints
            if isinstance(state := self.states.get(name), TrainerState)
        ]
        if len(told) < 2:
            return None
        (step, time), (later_step, later_time) = told[-2:]
        if later_step <= step or later_time <= time:
            return None
        return (later_time - time) / 1e9 / (later_step - step), later_time

    def _time_of_state(self, name: str) -> int:
        return self.files[f"{name}/{STATE_FILE}" if name else STATE_FILE].changed_ns


class FolderScanner:
    """Looks at a folder again and again.

    Args:
        folder: need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[FileMark, TrainerState | Undefined]] = {}

    def look(self) -> FolderLook:
        """The folder as it is now."""
        files = dict(_files(self._folder))
        bare = FolderLook(self._folder, files)
        with_state = [name for name in bare.checkpoints if f"{name}/{STATE_FILE}" in files]
        names = [*with_state[-2:], *([""] if STATE_FILE in files else [])]
        self._read = {name: self._state(name, files) for name in names}
        states = {name: state for name, (_, state) in self._read.items()}
        return FolderLook(self._folder, files, states)

    def _state(
        self, name: str, files: Mapping[str, FileMark]
    ) -> tuple[FileMark, TrainerState | Undefined]:
        mark = files[f"{name}/{STATE_FILE}" if name else STATE_FILE]
        known = self._read.get(name)
        if known is not None and known[0] == mark:
            return known
        return mark, read_trainer_state(self._folder / name / STATE_FILE)


def _files(folder: Path) -> Iterator[tuple[str, FileMark]]:
    """Every file with its mark, as far as :data:`MOST_FILES` goes: those of checkpoints and near
    ones first."""
    found = 0
    waiting = deque([("", 1)])
    while waiting:
        inside, depth = waiting.popleft()
        for entry in _entries(folder / inside):
            path = f"{inside}/{entry.name}" if inside else entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEEPEST:
                        # First, so that thousands of other files do not hide them.
                        is_checkpoint = checkpoint_step(entry.name) is not None
                        put = waiting.appendleft if is_checkpoint else waiting.append
                        put((path, depth + 1))
                    continue
                if not entry.is_file(follow_symlinks=False):
                    continue
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # deleted since: trainers delete old checkpoints
            found += 1
            if found > MOST_FILES:
                return
            yield path, FileMark(status.st_size, status.st_mtime_ns)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder.

    Nothing where it is not there, not any more, or not to be had just now: a wait of hours does not
    end because a network drive was away for a moment. What cannot be read at all shows no model.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _in_order(times: Mapping[str, int]) -> list[str]:
    spread = max(times.values(), default=0) - min(times.values(), default=0)
    if spread < SAME_TIME_NS:
        return sorted(times, key=lambda name: checkpoint_step(name) or 0)
    return sorted(times, key=lambda name: (times[name], checkpoint_step(name) or 0))
