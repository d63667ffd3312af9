"""Figures of single models, a row each: their record, their table, and the words of a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.report.html.lookups import interval_words, shown
from distill_fixtures.report.html.parts import Table, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RoleFigure", "row_words", "values_table"]

BESIDE: Final[dict[str, Any]] = {
    "va": "center",
    "textcoords": "offset points",
    "annotation_clip": False,
}


@dataclass(frozen=True, slots=True)
class RoleFigure:
    """One figure of one model.

    Attributes:
        value: in the metric's unit, as the ends of its 95 % interval are.
    """

    metric: str
    role: str
    value: float
    interval: tuple[float, float] | None


def values_table(title: str, figures: Iterable[RoleFigure]) -> Table:
    """What a plot of such figures shows, in words."""
    rows = [
        (
            CATALOG[each.metric].label,
            each.role,
            shown(each.metric, each.value),
            interval_words(each.metric, each.interval) or "—",
        )
        for each in figures
    ]
    return table(title, ("Figure", "Model", "Value", "95 % interval"), rows, words=(0, 1))


def row_words(
    axes: Axes, figure: RoleFigure, y: float, *, ends: tuple[float, float], margin: float
) -> None:
    """The model before a row's beginning and the value in the margin behind its end.

    Args:
        y: of the row, in data.
        ends: where the row begins and ends, in data.
        margin: width of what lies right of the axes, in points.
    """
    left, right = ends
    axes.annotate(figure.role, (left, y), (-6, 0), ha="right", **BESIDE)
    value = shown(figure.metric, figure.value)
    axes.annotate(value, (right, y), (margin - 4, 0), ha="right", **BESIDE)
