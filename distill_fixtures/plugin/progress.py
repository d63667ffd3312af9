"""Progress bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import Progress

__all__ = ["ProgressDisplay"]


class ProgressDisplay:
    """Shows how far a long measurement is.

    pytest captures what tests print; for as long as a bar is shown, capturing is held. Without a
    terminal nothing is shown and capturing goes on. A bar within another takes its place until it
    is done.

    Args:
        config: pytest's.
        about: said before each work: which of several students it is for.

    Attributes:
        is_shown: there is a terminal, and no ``-q``.
        no_colour: as rich takes it.
    """

    def __init__(self, config: pytest.Config, *, about: str | None = None) -> None:
        self._about = "" if about is None else f"{about}: "
        self._capture = config.pluginmanager.getplugin("capturemanager")
        self._open: list[Any] = []
        self.is_shown = config.get_verbosity() >= 0 and _is_terminal()
        # None leaves it to rich, which knows NO_COLOR.
        self.no_colour = True if config.getoption("color", None) == "no" else None

    @contextmanager
    def bar(
        self, what: str, total: int | None, *, most_seconds: float | None = None
    ) -> Iterator[Progress]:
        """Show one bar.

        Args:
            what: the work, for people.
            total: number of steps; None when it is not known.
            most_seconds: what the work may take, where its steps are not known.

        Yields:
            A function to call with the number of steps finished since its last call.
        """
        if not self.is_shown:
            yield _ignore
            return
        with self.uncaptured():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
            )

            from distill_fixtures.plugin.progress_columns import TimeLeft

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeLeft(most_seconds),
            )
            console = Console(file=sys.__stderr__, no_color=self.no_colour)
            bars = Progress(*columns, console=console, transient=True, refresh_per_second=4)
            task = bars.add_task(self._about + what, total=total)
            with self._in_front(bars):
                yield lambda steps: bars.advance(task, steps)

    @contextmanager
    def _in_front(self, bars: Any) -> Iterator[None]:
        """Show a bar in the place of the one that is shown now."""
        if self._open:
            self._open[-1].stop()
        self._open.append(bars)
        try:
            with bars:
                yield
        finally:
            self._open.pop()
            if self._open:
                self._open[-1].start()

    @contextmanager
    def uncaptured(self) -> Iterator[None]:
        """What is written meanwhile reaches the terminal."""
        if self._capture is None:
            yield
            return
        with self._capture.global_and_fixture_disabled():
            yield


def _is_terminal() -> bool:
    return sys.__stderr__ is not None and sys.__stderr__.isatty()


def _ignore(steps: int) -> None:
    """Stands for a bar that nobody sees."""
