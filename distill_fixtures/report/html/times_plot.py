"""Mean times of both models with their intervals: whole samples, first token, further tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import (
    Node,
    find,
    interval_of,
    interval_words,
    shown,
    why_all_missing,
)
from distill_fixtures.report.html.marks import TIME_SCALES, grid, scale_for, scaled, title
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot, table

__all__ = ["times_plot"]

METRICS: Final = ("inference_time_s", "ttft_s", "tpot_s")
ROW, ABOVE, BETWEEN, BELOW, LEFT, RIGHT = 18.0, 26.0, 44.0, 24.0, 62.0, 64.0


@dataclass(frozen=True, slots=True)
class Time:
    """One mean time of one model, seconds."""

    metric: str
    role: str
    value: float
    interval: tuple[float, float] | None


def times_plot(document: Node) -> Plot | Undefined:
    """A bar a model and time, with the 95 % interval at its end."""
    found = [
        Time(name, role, value, interval_of(document, role, "benchmark", name))
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
        values=table(
            "Mean times at batch size 1",
            ("Figure", "Model", "Value", "95 % interval"),
            [
                (
                    CATALOG[each.metric].label,
                    each.role,
                    shown(each.metric, each.value),
                    interval_words(each.metric, each.interval) or "—",
                )
                for each in found
            ],
            words=(0, 1),
        ),
        caption="Means at batch size 1; the thin line at a bar's end is the 95 % interval.",
    )


def _draw(sheet: Sheet, *, panels: Sequence[Sequence[Time]]) -> None:
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
            beside: dict[str, Any] = {
                "va": "center",
                "textcoords": "offset points",
                "annotation_clip": False,
            }
            axes.annotate(each.role, (0, y), (-6, 0), ha="right", **beside)
            axes.annotate(
                shown(each.metric, each.value),
                (1.02 * largest, y),
                (RIGHT - 4, 0),
                ha="right",
                **beside,
            )
        top += height + BETWEEN
