"""Text that users wrote, on its way to a terminal."""

from __future__ import annotations

import textwrap

__all__ = ["printable", "printable_lines", "wrapped"]


def printable(text: str) -> str:
    """The text on one line: no control character of a user's reaches the terminal.

    >>> printable("two\\nlines \\x1b[2J")
    'two�lines �[2J'
    """
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def printable_lines(text: str) -> str:
    """The same of a text whose line breaks are this package's own.

    >>> printable_lines("two\\nlines \\x1b[2J")
    'two\\nlines �[2J'
    """
    return "\n".join(printable(line) for line in text.split("\n"))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` columns, all but the first a little indented.

    Paths and options are not broken at their hyphens.
    """
    return textwrap.wrap(printable(text), width, subsequent_indent="  ", break_on_hyphens=False)
