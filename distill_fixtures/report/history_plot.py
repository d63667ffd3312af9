"""A figure over several runs, drawn in letters: a line a run, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.catalog import CATALOG, format_value
from distill_fixtures.report.printable import printable

__all__ = ["Dot", "change_text", "plot"]

TIME_COLUMNS, VALUE_COLUMNS, MARK_COLUMNS = 16, 12, 8
FEWEST_PLOT_COLUMNS = 20
STYLES = {"better": "green", "worse": "red", "changed": "yellow"}
ARROWS = {"better": "▲ better", "worse": "▼ worse", "changed": "◆", "none": "", "": ""}


@dataclass(frozen=True, slots=True)
class Dot:
    """One run's figure.

    Attributes:
        when: its time, for people.
        value: None where the run does not have it.
        ci95: its 95 % interval, where it has one.
        whole: False for a partial run, whose dot is hollow.
        mark: ``better``, ``worse`` or ``changed`` where it is a significant step, else ``none``
            or empty.
    """

    when: str
    value: float | None
    ci95: tuple[float, float] | None
    whole: bool
    mark: str


def plot(name: str, dots: Sequence[Dot], width: int) -> list[Any]:
    """Lines for rich, the first the scale; empty where no run has the figure.

    Args:
        name: the metric.
        dots: oldest first.
        width: columns.
    """
    from rich.text import Text

    known = [dot for dot in dots if dot.value is not None]
    if not known:
        return []
    used = TIME_COLUMNS + VALUE_COLUMNS + MARK_COLUMNS + 3
    columns = max(FEWEST_PLOT_COLUMNS, width - used)
    ends = [end for dot in known for end in (dot.value, *(dot.ci95 or ())) if end is not None]
    scale = _Scale(min(ends), max(ends), columns)
    left, right = (format_value(name, end)[:VALUE_COLUMNS] for end in (scale.low, scale.high))
    ruler = left + right.rjust(columns - len(left))
    lines = [Text(" " * (TIME_COLUMNS + VALUE_COLUMNS + 2) + ruler, "dim")]
    for dot in known:
        assert dot.value is not None
        head = printable(dot.when)[:TIME_COLUMNS].ljust(TIME_COLUMNS)
        value = format_value(name, dot.value)[:VALUE_COLUMNS].rjust(VALUE_COLUMNS)
        line = Text(f"{head} {value} {scale.drawn(dot)}")
        line.append(f" {ARROWS.get(dot.mark, '')}".rstrip(), STYLES.get(dot.mark, ""))
        lines.append(line)
    return lines


def change_text(name: str, change: float) -> str:
    """A change of a metric, with its sign: points of what is a share, else its own unit.

    >>> change_text("accuracy", -0.031), change_text("disk_bytes", 2_000_000)
    ('-3.1 points', '+2.00 MB')
    """
    unit = CATALOG[name].unit
    if unit in ("fraction", "fraction difference"):
        return f"{100 * change:+.1f} points"
    if unit == "%":
        return f"{change:+.1f} points"
    return f"{'-' if change < 0 else '+'}{format_value(name, abs(change))}"


class _Scale:
    """From values to columns."""

    def __init__(self, low: float, high: float, columns: int) -> None:
        self.low, self.high = low, high
        self._columns = columns

    def drawn(self, dot: Dot) -> str:
        assert dot.value is not None
        cells = [" "] * self._columns
        if dot.ci95 is not None:
            first, last = self._place(dot.ci95[0]), self._place(dot.ci95[1])
            for place in range(first, last + 1):
                cells[place] = "─"
            cells[first], cells[last] = "├", "┤"
        cells[self._place(dot.value)] = "●" if dot.whole else "○"
        return "".join(cells)

    def _place(self, value: float) -> int:
        # Halved first: the difference of two large numbers may be none.
        span = self.high / 2 - self.low / 2
        share = 0.5 if span <= 0 else (value / 2 - self.low / 2) / span
        return round(share * (self._columns - 1))
