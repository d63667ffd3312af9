"""Whether an output has the shape of one that a page shows: all but its numbers, times and grades
of times.

What a page shows may be a part of the output, without what comes before and after it. A line of
``...`` stands for any lines. Otherwise the page's lines are those of the output, one for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["difference", "shape_of"]

NUMBER = re.compile(r"(?<![A-Za-z])[-+]?\d[\d,.]*(?:e[-+]?\d+)?|\d+")
UNIT = re.compile(r"# ?(?:[nmµ]?s|[kMGT]?B|M)(?![A-Za-z])")
RULE = re.compile(r"([=─_-])\1{2,}")
WARNINGS = re.compile(r", # warnings?\b")
GRADE = re.compile(r" (?:good|acceptable|poor)(?: \?)?$")
# Machines differ, and so do their times: what they come to is no part of the shape.
NOISY = re.compile(r"^(?:Time|Load time|Throughput|Latency|Tokens per second|Speed)\b")
# One borderline time makes a good verdict acceptable.
HOLDS = re.compile(r"^verdict: (?:good|acceptable), gate: pass$")
# There on a noisy machine alone; a progress display of a library.
OPTIONAL = re.compile(r"^(?:\?: |the machine was not quiet|Loading weights:)")
ANY_LINES = "..."


def shape_of(text: str) -> list[str]:
    """The lines without what differs from run to run, and without empty ones.

    >>> shape_of("Accuracy   91.4 %  85.2 %")
    ['Accuracy # % # %']
    >>> shape_of("Time per sample  82.1 ms  1.3 s  good ?") == shape_of("Time per sample 9 s 1 s")
    True
    """
    lines = (_shape(line) for line in text.splitlines())
    return [line for line in lines if line and not OPTIONAL.match(line)]


def _shape(line: str) -> str:
    line = UNIT.sub("#", NUMBER.sub("#", " ".join(line.split()))).replace("[ #%]", "[#%]")
    line = WARNINGS.sub("", RULE.sub(r"\1", HOLDS.sub("verdict: the gate holds", line)))
    return GRADE.sub("", line) if NOISY.match(line) else line


def difference(shown: str, printed: str) -> str | None:
    """The first line shown that the output lacks at its place; None where there is none."""
    real, begin = shape_of(printed), 0
    parts = _parts(shape_of(shown))
    for part in parts:
        found = _find(part, real, begin)
        if found is None:
            return _first_missing(part, real[begin:])
        begin = found + len(part)
    return None


def _parts(shown: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in shown:
        if line == ANY_LINES:
            parts.append([])
        else:
            parts[-1].append(line)
    return [part for part in parts if part]


def _find(part: Sequence[str], real: Sequence[str], begin: int) -> int | None:
    for start in range(begin, len(real) - len(part) + 1):
        if [*real[start : start + len(part)]] == [*part]:
            return start
    return None


def _first_missing(part: Sequence[str], real: Sequence[str]) -> str:
    """Of the place where most of the part's lines are found."""
    best, instead = 0, "nothing"
    for start in range(len(real)):
        count = 0
        while count < len(part) and real[start + count : start + count + 1] == [part[count]]:
            count += 1
        if count >= best:
            best = count
            rest = real[start + count : start + count + 1]
            instead = rest[0] if rest else "nothing"
    return f"shown: {part[best]!r}, printed: {instead!r}"
