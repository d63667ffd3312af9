"""The marks that all plots share: dots with intervals, bars, axes of shares, times and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.palette import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BYTE_SCALES",
    "TIME_SCALES",
    "Scale",
    "dot",
    "grid",
    "legend",
    "scale_for",
    "scaled",
    "shares",
    "signed",
    "title",
    "words",
]


@dataclass(frozen=True, slots=True)
class Scale:
    """What an axis counts in.

    Attributes:
        unit: its name.
        size: how much of the stored unit it is.
    """

    unit: str
    size: float


TIME_SCALES: Final = (Scale("s", 1.0), Scale("ms", 1e-3), Scale("µs", 1e-6))
BYTE_SCALES: Final = (Scale("GB", 1e9), Scale("MB", 1e6), Scale("kB", 1e3), Scale("B", 1.0))


def scale_for(values: Sequence[float], scales: Sequence[Scale]) -> Scale:
    """The largest scale in which the largest value is at least 1.

    >>> scale_for([0.004, 0.2], TIME_SCALES).unit
    'ms'
    """
    largest = max((abs(value) for value in values), default=0.0)
    return next((each for each in scales if largest >= each.size), scales[-1])


def words(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a place in data; dollar signs are dollar signs."""
    axes.text(x, y, text, **({"parse_math": False, "clip_on": False} | style))


def title(axes: Axes, text: str, *, most: int = 60) -> None:
    """A small title above axes, on their left."""
    axes.annotate(
        label(text, most),
        (0, 1),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=11,
        color=COLOURS["faint"],
        parse_math=False,
    )


def grid(axes: Axes, along: Literal["x", "y"]) -> None:
    """Faint lines at the ticks of one axis, in place of a frame."""
    axes.grid(visible=True, axis=along)
    axes.tick_params(axis="both", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def shares(
    axes: Axes, along: Literal["x", "y"], low: float = 0.0, high: float = 1.0, *, ticks: int = 5
) -> None:
    """An axis from ``low`` to ``high`` in per cent of 1."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if along == "x" else axes.yaxis
    (axes.set_xlim if along == "x" else axes.set_ylim)(low, high)
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))


def scaled(axes: Axes, along: Literal["x", "y"], scale: Scale, ticks: int = 4) -> None:
    """Ticks of an axis in a scale; the unit stands behind each."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{_number(value / scale.size)} {scale.unit}")
    )


def signed(value: float, unit: str = "") -> str:
    """A tick with its sign; 0 has none.

    >>> signed(-20.0), signed(2.5, " %"), signed(0.0)
    ('\N{MINUS SIGN}20', '+2.5 %', '0')
    """
    return f"{value:+g}{unit}".replace("-", "\N{MINUS SIGN}") if value else f"0{unit}"


def _number(value: float) -> str:
    """A tick's number with a minus sign.

    >>> _number(-2.5), _number(0.0)
    ('\N{MINUS SIGN}2.5', '0')
    """
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def dot(
    axes: Axes,
    x: float,
    y: float,
    interval: Sequence[float] | None,
    role: str,
    *,
    upright: bool = False,
) -> None:
    """A model's marker and, through it, the line of its interval.

    Args:
        upright: the interval is one of ``y``.
    """
    colour = COLOURS[role]
    if interval is not None:
        ends = ([x, x], list(interval)) if upright else (list(interval), [y, y])
        axes.plot(*ends, color=colour, linewidth=2.2, alpha=0.55, solid_capstyle="butt")
    axes.plot(
        [x],
        [y],
        marker=MARKERS.get(role, "o"),
        markersize=8 if role == "control" else 7,
        color=colour,
        markeredgecolor=COLOURS["surface"],
        markeredgewidth=1.0,
        clip_on=False,
        zorder=4,
    )


def legend(axes: Axes, roles: Sequence[str]) -> None:
    """Names of the models beside their markers, above axes on their right."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLOURS[role], marker=MARKERS[role], linestyle="none", markersize=6)
        for role in roles
    ]
    axes.legend(
        handles,
        list(roles),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        ncols=len(roles),
        frameon=False,
        fontsize=11,
        handletextpad=0.1,
        columnspacing=0.9,
    )
