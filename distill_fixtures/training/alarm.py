"""Sleeping until something may have changed.

File-system events wake the sleeper through watchdog, where that package is installed. They do not
come from every drive: what another machine writes on a network drive raises none here. So the
sleeper also wakes by itself, only less often.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Alarm", "EventAlarm", "PollingAlarm", "alarm_for"]

POLL_S = 5.0
POLL_BESIDE_EVENTS_S = 15.0
LEAST_S = 1.0
"""Between two looks: a large file raises events by the thousand while it is written."""

CHANGES = ("created", "modified", "moved", "deleted", "closed")
"""Not reading: looking at the folder must not wake the one who looks."""


class Alarm(Protocol):
    """Sleeps."""

    def sleep(self, most_s: float) -> None:
        """Return when something may have changed, after ``most_s`` at the latest."""


class PollingAlarm:
    """Wakes by the clock alone."""

    def sleep(self, most_s: float) -> None:
        """As :class:`Alarm`."""
        time.sleep(max(0.0, min(most_s, POLL_S)))


class EventAlarm:
    """Wakes by file-system events too.

    Args:
        folder: events come from it once it is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._woken = threading.Event()
        self._observer: Any = None
        self._refused = False

    def sleep(self, most_s: float) -> None:
        """As :class:`Alarm`."""
        self._listen()
        if self._observer is None:
            PollingAlarm().sleep(most_s)
            return
        least_s = min(LEAST_S, most_s)
        time.sleep(max(0.0, least_s))
        self._woken.wait(max(0.0, min(most_s, POLL_BESIDE_EVENTS_S) - least_s))
        self._woken.clear()

    def close(self) -> None:
        """Listen no more."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def dispatch(self, event: Any) -> None:
        """What watchdog calls with each event."""
        if event.event_type in CHANGES:
            self._woken.set()

    def _listen(self) -> None:
        if self._observer is not None or self._refused or not os.path.isdir(self._folder):
            return
        from watchdog.observers import Observer

        observer = Observer()
        try:
            observer.schedule(self, str(self._folder.resolve()), recursive=True)
            observer.start()
        except OSError:
            # The system's limit of watched folders is reached, or the drive knows no events.
            self._refused = True
            return
        self._observer = observer


@contextmanager
def alarm_for(folder: Path) -> Iterator[Alarm]:
    """The best alarm that can be had here."""
    if importlib.util.find_spec("watchdog") is None:
        yield PollingAlarm()
        return
    alarm = EventAlarm(folder)
    try:
        yield alarm
    finally:
        alarm.close()
