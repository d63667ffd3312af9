"""How wide the reader's terminal is, and whether it shows colours."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Screen"]

FEWEST_COLUMNS = 80


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command's output goes.

    Attributes:
        width: columns, at least 80.
        colour: terminal colours are shown.
    """

    width: int
    colour: bool

    @classmethod
    def of(cls, stream: TextIO | None = None, environ: Mapping[str, str] | None = None) -> Screen:
        """The screen behind a stream, by default standard output.

        No colour where it is no terminal, with ``NO_COLOR`` set, or on a dumb terminal;
        ``FORCE_COLOR`` asks for colour without a terminal (https://no-color.org).
        """
        stream = sys.stdout if stream is None else stream
        environ = os.environ if environ is None else environ
        terminal = stream.isatty()
        colour = terminal and environ.get("TERM") != "dumb"
        if environ.get("FORCE_COLOR"):
            colour = True
        if environ.get("NO_COLOR"):
            colour = False
        columns = shutil.get_terminal_size((FEWEST_COLUMNS, 24)).columns if terminal else 0
        return cls(max(FEWEST_COLUMNS, columns), colour)
