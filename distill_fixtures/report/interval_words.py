"""Intervals in words."""

from __future__ import annotations

from collections.abc import Sequence

from distill_fixtures.catalog import format_value

__all__ = ["from_to", "interval_text"]


def interval_text(name: str, interval: Sequence[float] | None) -> str:
    """An interval of a metric in its unit; empty where there is none.

    >>> interval_text("accuracy", (0.8, 0.912))
    '80.0 to 91.2 %'
    >>> interval_text("inference_time_s", (0.0008, 0.0021))
    '800 µs to 2.10 ms'
    """
    return "" if interval is None else from_to(*(format_value(name, end) for end in interval))


def from_to(low: str, high: str, *, space: str = " ") -> str:
    """Two values in words, of which the first leaves out a unit that both have.

    Args:
        space: between a number and its unit.

    >>> from_to("-3.1 points", "+2.0 points")
    '-3.1 to +2.0 points'
    """
    number, _, unit = low.partition(" ")
    shared = unit and high.endswith(f" {unit}")
    ends = (number if shared else low, high)
    return " to ".join(end.replace(" ", space) for end in ends)
