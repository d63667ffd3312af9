"""Sleeping until something may have changed."""

from __future__ import annotations

import importlib.util
import threading
import time
from pathlib import Path

import pytest

from distill_fixtures.training import alarm
from distill_fixtures.training.alarm import EventAlarm, PollingAlarm, alarm_for


class Event:
    def __init__(self, event_type: str) -> None:
        self.event_type = event_type


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were slept; no time passes."""
    times: list[float] = []
    monkeypatch.setattr(time, "sleep", times.append)
    return times


def test_polling_sleeps_no_longer_than_is_wanted(slept: list[float]) -> None:
    for most_s in (1.0, 100.0):
        PollingAlarm().sleep(most_s)
    assert slept == [1.0, alarm.POLL_S]


def test_without_watchdog_it_polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with alarm_for(tmp_path) as found:
        assert isinstance(found, PollingAlarm)


def test_a_folder_that_is_not_there_is_polled(tmp_path: Path, slept: list[float]) -> None:
    EventAlarm(tmp_path / "later").sleep(100.0)
    assert slept == [alarm.POLL_S]


class Observer:
    """In place of watchdog's."""

    def __init__(self) -> None:
        self.running = False

    def schedule(self, handler: object, path: str, *, recursive: bool) -> None:
        assert recursive

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def join(self) -> None:
        pass


def with_observer(monkeypatch: pytest.MonkeyPatch, observer: type[Observer]) -> None:
    import sys
    from types import ModuleType

    package, module = ModuleType("watchdog"), ModuleType("watchdog.observers")
    module.Observer = observer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "watchdog", package)
    monkeypatch.setitem(sys.modules, "watchdog.observers", module)


@pytest.mark.parametrize(
    ("kind", "wakes"),
    [("modified", True), ("created", True), ("opened", False), ("closed_no_write", False)],
)
def test_changes_wake_and_reading_does_not(
    kind: str,
    wakes: bool,
    tmp_path: Path,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_observer(monkeypatch, Observer)
    waited: list[float | None] = []
    own = EventAlarm(tmp_path)
    own.dispatch(Event(kind))

    def wait(self: threading.Event, timeout: float | None = None) -> bool:
        waited.append(0.0 if self.is_set() else timeout)
        return self.is_set()

    monkeypatch.setattr(threading.Event, "wait", wait)
    own.sleep(100.0)
    own.sleep(100.0)
    beside_s = alarm.POLL_BESIDE_EVENTS_S - alarm.LEAST_S
    assert waited == [0.0 if wakes else beside_s, beside_s]
    assert slept == [alarm.LEAST_S, alarm.LEAST_S], "events by the thousand make no haste"
    own.close()


def test_a_system_that_gives_no_events_is_polled(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(Observer):
        def start(self) -> None:
            raise OSError(28, "inotify watch limit reached")

    with_observer(monkeypatch, Refusing)
    own = EventAlarm(tmp_path)
    for _ in range(2):
        own.sleep(100.0)
    assert slept == [alarm.POLL_S, alarm.POLL_S]


def test_watchdog_itself(tmp_path: Path) -> None:
    pytest.importorskip("watchdog")
    with alarm_for(tmp_path) as found:
        found.sleep(0.01)
        threading.Timer(1.5, (tmp_path / "config.json").write_text, ["{}"]).start()
        began_s = time.monotonic()
        found.sleep(60.0)
        assert time.monotonic() - began_s < alarm.POLL_BESIDE_EVENTS_S - 1
