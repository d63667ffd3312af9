"""How the seconds of single requests are distributed, from the raw samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import Node, find, shown, why_all_missing
from distill_fixtures.report.html.marks import TIME_SCALES, grid, scale_for, scaled, title
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Latencies", "latencies_of", "latency_plot"]

BINS: Final = 48
PANEL, BETWEEN, ABOVE, BELOW, SIDE = 66.0, 26.0, 26.0, 24.0, 12.0
LOG_FROM: Final = 8.0
"""Where one model is this many times as fast as the other, the axis is logarithmic."""
PERCENTILES: Final = {"latency_p50_s": "median", "latency_p90_s": "p90", "latency_p99_s": "p99"}


@dataclass(frozen=True, slots=True, eq=False)
class Latencies:
    """One model's requests of one batch size.

    Attributes:
        role: the model.
        seconds: end-to-end, ``[requests]``.
        percentiles: as the document has them; None where it has none.
    """

    role: str
    seconds: Floats
    percentiles: dict[str, float | None]


def latencies_of(document: Node) -> tuple[int, list[Latencies]] | Undefined:
    """The batch size shown, the smallest that was timed, and each model's requests of it."""
    samples = {
        role: found
        for role in ("teacher", "student")
        if (found := find(document, f"{role}.benchmark.samples"))
    }
    if not samples:
        paths = (f"{role}.benchmark.samples" for role in ("teacher", "student"))
        return Undefined(why_all_missing(document, paths))
    size = min(each["batch_size"] for some in samples.values() for each in some)
    found = []
    for role, some in samples.items():
        seconds = [
            each["token_times_s"][-1]
            for each in some
            if each["batch_size"] == size and each["token_times_s"]
        ]
        if seconds:
            place = "" if size == 1 else f".by_batch_size.{size}"
            figures: Any = find(document, f"{role}.benchmark{place}") or {}
            known = {name: figures.get(name) for name in PERCENTILES}
            found.append(Latencies(role, np.array(seconds, dtype=np.float64), known))
    return (size, found) if found else Undefined("no request in the file has a time")


def latency_plot(document: Node) -> Plot | Undefined:
    """A histogram a model, one above the other on one axis."""
    told = latencies_of(document)
    if isinstance(told, Undefined):
        return told
    size, found = told
    edges = _edges(found)
    beyond = {each.role: int((each.seconds > edges[-1]).sum()) for each in found}
    said = [
        f"{each.role} {name} {shown('latency_p50_s', value)}"
        for each in found
        for name, value in [("median", float(np.median(each.seconds)))]
    ]
    cut = [
        f"{count} of {len(each.seconds)} of the {each.role}"
        for each in found
        if (count := beyond[each.role])
    ]
    return Plot(
        name="latency",
        title="Latency of single requests",
        alternative=f"Histograms of end-to-end seconds at batch size {size}: {', '.join(said)}.",
        height=ABOVE + PANEL * len(found) + BETWEEN * (len(found) - 1) + BELOW,
        draw=partial(_draw, found=found, edges=edges),
        values=table(
            f"End-to-end seconds of requests at batch size {size}",
            ("Model", "Requests", "Fastest", *PERCENTILES.values(), "Slowest"),
            [
                (
                    each.role,
                    f"{len(each.seconds)}",
                    shown("latency_p50_s", float(each.seconds.min())),
                    *(shown(name, each.percentiles[name]) for name in PERCENTILES),
                    shown("latency_p50_s", float(each.seconds.max())),
                )
                for each in found
            ],
        ),
        caption=f"Every timed request at batch size {size}. Solid line: median; dashed: p90."
        + (f" Beyond the axis: {', '.join(cut)}." if cut else ""),
    )


def _edges(found: Sequence[Latencies]) -> Floats:
    """Edges of the bins: from 0, or in equal ratios where the models are far apart.

    The slowest half per cent may be many times slower; they must not squeeze all others together.
    """
    high = max(
        min(float(each.seconds.max()), 1.15 * float(np.percentile(each.seconds, 99.5)))
        for each in found
    )
    medians = [float(np.median(each.seconds)) for each in found]
    if max(medians) > LOG_FROM * min(medians) > 0:
        low = min(float(each.seconds.min()) for each in found)
        return np.geomspace(0.9 * low, 1.05 * high, BINS + 1)
    return np.linspace(0.0, 1.05 * high, BINS + 1)


def _draw(sheet: Sheet, *, found: Sequence[Latencies], edges: Floats) -> None:
    scale = scale_for([float(edges[-1])], TIME_SCALES)
    for place, each in enumerate(found):
        axes = sheet.axes(SIDE, ABOVE + place * (PANEL + BETWEEN), WIDTH - 2 * SIDE, PANEL)
        counts, _ = np.histogram(each.seconds, edges)
        axes.stairs(counts, edges, fill=True, color=COLOURS[each.role], alpha=0.55, linewidth=0)
        axes.set_xlim(float(edges[0]), float(edges[-1]))
        axes.set_ylim(0, 1.05 * max(1, int(counts.max())))
        if edges[0] > 0:
            _logarithmic(axes)
        else:
            scaled(axes, "x", scale)
        axes.set_yticks([])
        grid(axes, "x")
        axes.axhline(0, color=COLOURS["axis"], linewidth=1.0)
        axes.tick_params(labelbottom=each is found[-1])
        title(axes, _heading(each))
        _percentiles(axes, each)


def _heading(each: Latencies) -> str:
    median = each.percentiles["latency_p50_s"]
    said = f"{each.role}, {len(each.seconds)} requests"
    return said if median is None else f"{said}, median {shown('latency_p50_s', median)}"


def _percentiles(axes: Axes, each: Latencies) -> None:
    dashes: dict[str, Any] = {"latency_p50_s": "solid", "latency_p90_s": (0, (3, 2))}
    for name, dash in dashes.items():
        value = each.percentiles[name]
        if value is not None:
            axes.axvline(value, color=COLOURS["ink"], linewidth=1.2, linestyle=dash)


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _short(seconds: float) -> str:
    scale = scale_for([seconds], TIME_SCALES)
    return f"{seconds / scale.size:.3g} {scale.unit}"
