"""When the files of a run's folder changed, by this process's own clock.

The clock of a network drive may be hours off, so that its files' times are compared with each
other and never with this machine's, but for one: how long ago the last change was when waiting
began.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from distill_fixtures.training.folder import FileMark, FolderLook

__all__ = ["Changes", "Quiet"]


@dataclass(frozen=True, slots=True)
class Quiet:
    """How long nothing has changed.

    Attributes:
        for_s: seconds since the last change of any file.
        usual_s: the longest time between two changes seen so far; None while there were no two.
    """

    for_s: float
    usual_s: float | None


class Changes:
    """Notes looks at one folder.

    Args:
        seconds: a clock that only goes forward.
        now: seconds since 1970, as files' times are.
    """

    def __init__(self, seconds: Callable[[], float], now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._since: dict[str, tuple[FileMark, float]] = {}
        self._first_s: float | None = None
        self._last_s: float | None = None
        self._longest_s: float | None = None
        self._seen_changes = 0

    def note(self, look: FolderLook) -> None:
        """Take in what a look found."""
        now_s = self._seconds()
        if self._last_s is None:
            age_s = max(0.0, self._now() - look.newest_change_ns / 1e9) if look.files else 0.0
            self._first_s = now_s
            self._last_s = now_s - age_s
            self._longest_s = _between_checkpoints_s(look)
        elif self._is_changed(look):
            # Before the first change that was seen, an old folder may have lain there for a year.
            if self._seen_changes:
                self._longest_s = max(self._longest_s or 0.0, now_s - self._last_s)
            self._seen_changes += 1
            self._last_s = now_s
        since = self._since
        self._since = {
            path: known if (known := since.get(path)) and known[0] == mark else (mark, now_s)
            for path, mark in look.files.items()
        }

    def quiet(self) -> Quiet:
        """Of the whole folder. At least one look must have been noted."""
        assert self._last_s is not None
        return Quiet(self._seconds() - self._last_s, self._longest_s)

    def at_rest_s(self, paths: Collection[str]) -> float:
        """Seconds for which these files were seen unchanged; counts from the first look."""
        now_s = self._seconds()
        return now_s - max((self._since[path][1] for path in paths), default=now_s)

    def were_there(self, paths: Collection[str]) -> bool:
        """Whether these files are as the first look found them."""
        return all(self._since[path][1] == self._first_s for path in paths)

    def _is_changed(self, look: FolderLook) -> bool:
        if look.files.keys() != self._since.keys():
            return True
        return any(self._since[path][0] != mark for path, mark in look.files.items())


def _between_checkpoints_s(look: FolderLook) -> float | None:
    """Seconds between the two newest checkpoints, by their own times."""
    names = look.checkpoints
    if len(names) < 2:
        return None
    older, newer = (
        max(mark.changed_ns for mark in look.part(name).values()) for name in names[-2:]
    )
    return max(0.0, (newer - older) / 1e9)
