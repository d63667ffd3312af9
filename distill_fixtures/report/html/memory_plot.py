"""Resident memory of each model's own process over time, with what the process did when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.lookups import Node, find, shown, why_all_missing
from distill_fixtures.report.html.marks import (
    BYTE_SCALES,
    TIME_SCALES,
    Scale,
    grid,
    scale_for,
    scaled,
    words,
)
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot, Table, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curve", "memory_plot", "thinned"]

MOST_POINTS: Final = 400
MOST_BEFORE: Final = 0.4
"""Of what was before loading, as a share of all that came after."""

LEFT, ABOVE, PANEL, BETWEEN, BELOW, RIGHT = 58.0, 40.0, 92.0, 54.0, 30.0, 10.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Phase:
    """What the process did when; seconds since loading began."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One model's process.

    Attributes:
        role: the model.
        points: seconds since loading began, and resident bytes.
        phases: in their order.
        peak_bytes: during inference, as the document has it; None where it has none.
    """

    role: str
    points: Sequence[Point]
    phases: Sequence[Phase]
    peak_bytes: float | None


def memory_plot(document: Node) -> Plot | Undefined:
    """A curve a model, one above the other on the same axes."""
    curves = [
        Curve(
            role,
            thinned(points),
            [
                Phase(each["name"], each["start_s"], each["end_s"])
                for each in find(document, f"{role}.memory.phases") or ()
            ],
            find(document, f"{role}.memory.peak_memory_bytes"),
        )
        for role in ("teacher", "student")
        if (points := _while_it_ran(find(document, f"{role}.memory.curve") or ()))
    ]
    if not curves:
        paths = (f"{role}.memory.curve" for role in ("teacher", "student"))
        return Undefined(why_all_missing(document, paths))
    said = [f"{each.role} at most {shown('peak_memory_bytes', each.peak_bytes)}" for each in curves]
    return Plot(
        name="memory",
        title="Memory over time",
        alternative="Resident memory of each model alone in a fresh process: imports, loading, "
        f"inference. During inference: {', '.join(said)}.",
        height=ABOVE + PANEL * len(curves) + BETWEEN * (len(curves) - 1) + BELOW,
        draw=partial(_draw, curves=curves),
        values=_values(curves),
        caption="Polled from outside; seconds since loading began. The dashed line is the peak "
        "during inference, which a poll may miss."
        + (" Of the imports before only the end is drawn." if _is_cut(curves) else ""),
    )


def _while_it_ran(curve: Sequence[Sequence[float]]) -> list[Point]:
    """Points of a process that was there: one that has ended holds nothing."""
    return [(each[0], float(each[1])) for each in curve if each[1] > 0]


def _is_cut(curves: Sequence[Curve]) -> bool:
    return _begin(curves) > min(curve.points[0][0] for curve in curves)


def _begin(curves: Sequence[Curve]) -> float:
    """Where the axis begins: with all of the imports it would show little of the model."""
    starts = [curve.points[0][0] for curve in curves]
    ends = [curve.points[-1][0] for curve in curves]
    return max(min(starts), -MOST_BEFORE * max(*ends, 0.0)) if max(ends) > 0 else min(starts)


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most about ``most`` points, the lowest and the highest of each stretch.

    >>> thinned([(0.0, 1.0), (1.0, 5.0), (2.0, 3.0), (3.0, 2.0)], most=2)
    [(0.0, 1.0), (1.0, 5.0)]
    """
    if len(points) <= most:
        return list(points)
    step = -(-2 * len(points) // most)
    kept: list[Point] = []
    for start in range(0, len(points), step):
        some = points[start : start + step]
        ends = {min(some, key=lambda each: each[1]), max(some, key=lambda each: each[1])}
        kept += sorted(ends)
    return kept


def _values(curves: Sequence[Curve]) -> Table:
    rows = []
    for curve in curves:
        for phase in curve.phases:
            inside = [y for x, y in curve.points if phase.start_s <= x <= phase.end_s]
            most = shown("peak_memory_bytes", max(inside)) if inside else "—"
            begin = f"{phase.start_s:.3f} s"
            rows.append((curve.role, phase.name, begin, f"{phase.end_s:.3f} s", most))
    return table(
        "What each process did when, and the most memory seen meanwhile",
        ("Model", "Phase", "From", "To", "Highest point"),
        rows,
        words=(0, 1),
    )


def _draw(sheet: Sheet, *, curves: Sequence[Curve]) -> None:
    left = _begin(curves)
    xs = [x for curve in curves for x, _ in curve.points]
    xs += [each.end_s for curve in curves for each in curve.phases]
    right = max(xs) if max(xs) > left else left + 1
    ys = [y for curve in curves for x, y in curve.points if x >= left]
    ys += [curve.peak_bytes for curve in curves if curve.peak_bytes is not None]
    bottom, top = min(0.92 * min(ys), min(ys) - 1), 1.06 * max(ys)
    scales = scale_for([top], BYTE_SCALES), scale_for([right - left], TIME_SCALES)
    for place, curve in enumerate(curves):
        top_left = ABOVE + place * (PANEL + BETWEEN)
        axes = sheet.axes(LEFT, top_left, WIDTH - LEFT - RIGHT, PANEL)
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        grid(axes, "y")
        _phases(axes, curve)
        _curve(axes, curve, scales)


def _curve(axes: Axes, curve: Curve, scales: tuple[Scale, Scale]) -> None:
    bottom, _ = axes.get_ylim()
    x, y = [each[0] for each in curve.points], [each[1] for each in curve.points]
    axes.fill_between(x, y, bottom, color=COLOURS[curve.role], alpha=0.18, linewidth=0)
    axes.plot(x, y, color=COLOURS[curve.role], linewidth=1.6)
    if curve.peak_bytes is not None:
        axes.axhline(curve.peak_bytes, color=COLOURS["ink"], linewidth=1.0, linestyle=(0, (4, 3)))
    scaled(axes, "y", scales[0], ticks=3)
    scaled(axes, "x", scales[1], ticks=5)
    name = CATALOG["peak_memory_bytes"].label.lower()
    peak = ""
    if curve.peak_bytes is not None:
        peak = f", {name} {shown('peak_memory_bytes', curve.peak_bytes)}"
    axes.annotate(
        f"{curve.role}{peak}",
        (0, 1),
        (0, 20),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=11,
    )


def _phases(axes: Axes, curve: Curve) -> None:
    """Stretches of the axis, every other one tinted, named where there is room."""
    left, right = axes.get_xlim()
    top = axes.get_ylim()[1]
    room = (WIDTH - LEFT - RIGHT) / (right - left)
    for place, phase in enumerate(curve.phases):
        begin, end = max(left, phase.start_s), min(right, phase.end_s)
        if begin >= end:
            continue
        if place % 2 == 0:
            axes.axvspan(begin, end, color=COLOURS["axis"], alpha=0.13, linewidth=0)
        if (end - begin) * room > 6.0 * len(phase.name):
            middle = (begin + end) / 2
            text = label(phase.name, 20)
            words(axes, middle, top, text, ha="center", va="bottom", fontsize=10,
                  color=COLOURS["faint"])  # fmt: skip
