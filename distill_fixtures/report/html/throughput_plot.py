"""Samples a second over the batch size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import Node, find, interval_words, shown, why_all_missing
from distill_fixtures.report.html.marks import grid, legend, title
from distill_fixtures.report.html.palette import COLOURS, MARKERS
from distill_fixtures.report.html.parts import Plot, table

__all__ = ["throughput_plot"]

NAME: Final = "throughput_samples_per_s"
PAIR: Final = ("teacher", "student")
LEFT, ABOVE, PANEL, BELOW, RIGHT = 46.0, 26.0, 170.0, 44.0, 34.0

Rates = Mapping[str, Mapping[str, float]]


def throughput_plot(document: Node) -> Plot | Undefined:
    """A line a model over all batch sizes that were timed."""
    rates: dict[str, dict[str, float]] = {}
    for role in PAIR:
        by_size = find(document, f"{role}.benchmark.{NAME}") or {}
        known = {size: rate for size, rate in by_size.items() if rate is not None}
        if known:
            rates[role] = known
    if not rates:
        return Undefined(why_all_missing(document, [f"{role}.benchmark.{NAME}" for role in PAIR]))
    sizes = sorted({size for known in rates.values() for size in known}, key=int)
    gains = find(document, "distillation.throughput_gain") or {}
    intervals = find(document, "distillation.intervals") or {}
    rows = [
        (
            size,
            *(shown(NAME, rates.get(role, {}).get(size)) for role in PAIR),
            shown("throughput_gain", gains.get(size)),
            interval_words("throughput_gain", intervals.get(f"throughput_gain.{size}")) or "—",
        )
        for size in sizes
    ]
    said = [f"batch {row[0]}: teacher {row[1]}, student {row[2]}, gain {row[3]}" for row in rows]
    return Plot(
        name="throughput",
        title="Throughput over batch size",
        alternative=f"Samples a second. {'; '.join(said)}.",
        height=ABOVE + PANEL + BELOW,
        draw=partial(_draw, rates=rates, sizes=sizes),
        values=table(
            "Throughput by batch size",
            ("Batch size", "Teacher", "Student", "Gain", "95 % interval of the gain"),
            rows,
        ),
    )


def _draw(sheet: Sheet, *, rates: Rates, sizes: Sequence[str]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes = sheet.axes(LEFT, ABOVE, WIDTH - LEFT - RIGHT, PANEL)
    places = {size: place for place, size in enumerate(sizes)}
    for role, known in rates.items():
        x, y = [places[size] for size in known], list(known.values())
        axes.plot(x, y, color=COLOURS[role], marker=MARKERS[role], markersize=7, clip_on=False,
                  markeredgecolor=COLOURS["surface"])  # fmt: skip
        for at, rate in zip(x, y, strict=True):
            axes.annotate(
                shown(NAME, rate).split()[0],
                (at, rate),
                (0, 8),
                textcoords="offset points",
                ha="center",
                color=COLOURS[role],
                fontsize=11,
                annotation_clip=False,
            )
    axes.set_xlim(-0.25, max(1, len(sizes) - 1) + 0.25)
    axes.set_ylim(0, 1.12 * max(rate for known in rates.values() for rate in known.values()))
    axes.set_xticks(range(len(sizes)), list(sizes))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("batch size")
    grid(axes, "y")
    axes.axhline(0, color=COLOURS["axis"], linewidth=1.0)
    title(axes, "samples / s")
    legend(axes, list(rates))
