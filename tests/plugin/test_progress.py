"""Progress bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import io
import re
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.progress import Progress

from distill_fixtures.plugin.progress import ProgressDisplay
from distill_fixtures.plugin.progress_columns import TimeLeft


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def config_with(verbosity: int, colour: str = "auto") -> pytest.Config:
    """As much of pytest's configuration as the display asks for."""
    stand_in = SimpleNamespace(
        pluginmanager=SimpleNamespace(getplugin=lambda name: None),
        get_verbosity=lambda: verbosity,
        getoption=lambda name, default: colour,
    )
    return cast("pytest.Config", stand_in)


def work(display: ProgressDisplay, total: int | None) -> None:
    with display.bar("counting", total) as advance:
        for _ in range(3):
            advance(1)


def shown(monkeypatch: pytest.MonkeyPatch, stream: Any, *, verbosity: int = 0) -> str:
    monkeypatch.setattr(sys, "__stderr__", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for total in (3, None):
        work(ProgressDisplay(config_with(verbosity)), total)
    return str(stream.getvalue())


def test_a_terminal_shows_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal())
    assert "counting" in text
    assert "3/3" in text


@pytest.mark.parametrize(
    ("total", "most_seconds", "done", "words"),
    [
        (10, None, 0, ""),
        (10, None, 5, "0:00:05 left"),
        (None, None, 5, ""),
        (None, 60.0, 5, "0:00:55 left at most"),
        (None, 3.0, 5, "0:00:00 left at most"),
        (None, 7205.0, 5, "2:00:00 left at most"),
    ],
)
def test_the_time_left(total: int | None, most_seconds: float, done: int, words: str) -> None:
    """A step a second, five seconds after the start."""
    now = 0.0
    bars = Progress(TimeLeft(most_seconds), get_time=lambda: now, auto_refresh=False)
    task = bars.add_task("work", total=total)
    for second in range(done):
        now = float(second + 1)
        bars.advance(task, 1)
    now = 5.0
    assert TimeLeft(most_seconds).render(bars.tasks[0]).plain == words


@pytest.mark.parametrize(("colour", "coloured"), [("auto", True), ("no", False)])
def test_bars_without_colour(colour: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "__stderr__", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    work(ProgressDisplay(config_with(0, colour)), 3)
    assert bool(re.search(r"\x1b\[[0-9;]*m", terminal.getvalue())) is coloured


def test_a_file_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""


def test_quiet_shows_nothing_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal(), verbosity=-1) == ""


def test_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stderr__", None)
    work(ProgressDisplay(config_with(0)), 3)


def test_an_error_in_the_work_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stderr__", Terminal())
    display = ProgressDisplay(config_with(0))
    with pytest.raises(ZeroDivisionError), display.bar("counting", 3):
        raise ZeroDivisionError


def test_a_bar_within_another_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stderr__", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    display = ProgressDisplay(config_with(0))
    with display.bar("outer", 2) as advance:
        (outer,) = display._open
        assert outer.live.is_started
        with display.bar("inner", None):
            inner = display._open[-1]
            assert (outer.live.is_started, inner.live.is_started) == (False, True)
        assert outer.live.is_started
        advance(2)
        assert outer.tasks[0].completed == 2
    assert not outer.live.is_started
    assert display._open == []
