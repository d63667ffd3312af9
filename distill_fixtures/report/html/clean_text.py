"""Text of users on its way into a page or a drawing.

The template escapes markup. What is left are characters that have no place in a page: control
characters, halves of surrogate pairs, and those that turn the direction of all text behind them.
"""

from __future__ import annotations

import re

__all__ = ["clean", "label"]

UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """``text`` with a replacement character for each that has no place in a page.

    >>> clean("a" + chr(27) + "[2J")
    'a\N{REPLACEMENT CHARACTER}[2J'
    """
    return UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def label(text: str, most: int) -> str:
    """``text`` on one line of at most ``most`` characters, for a drawing or a narrow cell.

    >>> label("Quantum  Field\\nTheory", 14)
    'Quantum Field…'
    """
    line = " ".join(clean(text[: 8 * most]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
