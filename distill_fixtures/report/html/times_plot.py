"""Mean times of both models with their intervals: whole samples, first token, further tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import (
    Node,
    find,
    interval_of,
    shown,
    why_all_missing,
)
from distill_fixtures.report.html.marks import TIME_SCALES, grid, scale_for, scaled, title
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot
from distill_fixtures.report.html.role_figures import RoleFigure, row_words, values_table

__all__ = ["times_plot"]

METRICS: Final = ("inference_time_s", "ttft_s", "tpot_s")
ROW, ABOVE, BETWEEN, BELOW, LEFT, RIGHT = 18.0, 26.0, 44.0, 24.0, 62.0, 64.0


def times_plot(document: Node) -> Plot | Undefined:
    """A bar a model and time, with the 95 % interval at its end."""
    found = [
        RoleFigure(name, role, value, interval_of(document, role, "benchmark", name))
        for name in METRICS
        for role in ("teacher", "student")
        if (value := find(document, f"{role}.benchmark.{name}")) is not None
    ]
    if not found:
        paths = [f"student.benchmark.{name}" for name in METRICS]
        return Undefined(why_all_missing(document, paths))
    panels = [[each for each in found if each.metric == name] for name in METRICS]
    panels = [panel for panel in panels if panel]
    rows = len(found)
    said = [
        f"{CATALOG[panel[0].metric].label}: "
        + ", ".join(f"{each.role} {shown(each.metric, each.value)}" for each in panel)
        for panel in panels
    ]
    return Plot(
        name="times",
        title="Mean times",
        alternative=f"Bars at batch size 1. {'; '.join(said)}.",
        height=ABOVE + rows * ROW + BETWEEN * (len(panels) - 1) + BELOW,
        draw=partial(_draw, panels=panels),
        values=values_table("Mean times at batch size 1", found),
        caption="Means at batch size 1; the thin line at a bar's end is the 95 % interval.",
    )


def _draw(sheet: Sheet, *, panels: Sequence[Sequence[RoleFigure]]) -> None:
    top = ABOVE
    for panel in panels:
        height = ROW * len(panel)
        axes = sheet.axes(LEFT, top, WIDTH - LEFT - RIGHT, height)
        largest = max(end for each in panel for end in (each.value, *(each.interval or ())))
        axes.set_xlim(0, 1.02 * largest)
        axes.set_ylim(len(panel), 0)
        axes.set_yticks([])
        scaled(axes, "x", scale_for([largest], TIME_SCALES), ticks=3)
        grid(axes, "x")
        axes.axvline(0, color=COLOURS["axis"], linewidth=1.0)
        title(axes, CATALOG[panel[0].metric].label)
        for place, each in enumerate(panel):
            y = place + 0.5
            axes.barh(y, each.value, height=0.62, color=COLOURS[each.role], alpha=0.85, linewidth=0)
            if each.interval is not None:
                axes.plot(each.interval, [y, y], color=COLOURS["ink"], linewidth=2.0)
            row_words(axes, each, y, ends=(0, 1.02 * largest), margin=RIGHT)
        top += height + BETWEEN
