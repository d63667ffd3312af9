"""What is shown on a terminal, laid out by rich, as one text."""

from __future__ import annotations

import io
from typing import Any

from distill_fixtures.report.printable import printable, wrapped

__all__ = ["Page"]


MOST_COLUMNS = 1000


class Page:
    """Collects lines and tables.

    Args:
        width: columns.
        colour: with terminal colours.
    """

    def __init__(self, width: int, *, colour: bool) -> None:
        from rich.console import Console

        self._width = width
        self._stream = io.StringIO()
        self._console = Console(
            file=self._stream,
            width=MOST_COLUMNS,
            force_terminal=colour,
            no_color=not colour,
            highlight=False,
            soft_wrap=True,
        )

    def write(self, text: str, *, wrap: bool = True) -> None:
        """A text in plain letters; what users wrote in it is shown as it is, on one line."""
        from rich.text import Text

        for line in wrapped(text, self._width) if wrap else [printable(text)]:
            self._console.print(Text(line))

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def add(self, renderable: Any) -> None:
        """One of rich's tables or texts; its cells must be printable.

        A table that needs more columns than there are is not cut: a terminal wraps its lines.
        """
        self._console.print(renderable)

    @property
    def text(self) -> str:
        """All of it, without blanks at the ends of lines."""
        return "".join(f"{line.rstrip()}\n" for line in self._stream.getvalue().splitlines())
