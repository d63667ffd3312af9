"""How long a measurement will still take; rich is imported with this module."""

from __future__ import annotations

from rich.progress import ProgressColumn, Task
from rich.text import Text

__all__ = ["TimeLeft"]


class TimeLeft(ProgressColumn):
    """By the speed so far where the number of steps is known, else by the bound on the time.

    Args:
        most_seconds: what the work is allowed to take; None: nothing bounds it.
    """

    max_refresh = 0.5

    def __init__(self, most_seconds: float | None) -> None:
        super().__init__()
        self._most_seconds = most_seconds

    def render(self, task: Task) -> Text:
        left, words = task.time_remaining, "left"
        if task.total is None and self._most_seconds is not None:
            left, words = max(0.0, self._most_seconds - (task.elapsed or 0.0)), "left at most"
        if left is None:
            return Text("")
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return Text(f"{hours}:{minutes:02}:{seconds:02} {words}", style="progress.remaining")
