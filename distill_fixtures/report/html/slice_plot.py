"""Accuracy of both models slice by slice as paired bars, and the difference with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.lookups import Node, interval_words, shown
from distill_fixtures.report.html.marks import grid, legend, shares, signed, title, words
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot, Table, left_out, table
from distill_fixtures.report.html.slices import Slice, SliceKind, slices_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["slice_plot"]

MOST_DRAWN: Final = 24
MOST_LISTED: Final = 200
ROW: Final = 36.0
ABOVE, BELOW, BETWEEN, BARS = 40.0, 24.0, 36.0, 188.0
TITLES: Final[dict[SliceKind, str]] = {
    "subdomain": "Accuracy by subdomain",
    "question_type": "Accuracy by question type",
}


def slice_plot(document: Node, kind: SliceKind) -> Plot | Undefined:
    """Paired bars of each slice, that where the student lost most first."""
    found = slices_of(document, kind)
    if isinstance(found, Undefined):
        return found
    drawn = found[:MOST_DRAWN]
    return Plot(
        name=f"{kind}s",
        title=TITLES[kind],
        alternative=_alternative(found),
        height=ABOVE + BELOW + ROW * len(drawn),
        draw=partial(_draw, slices=drawn),
        values=_values(found, kind),
        caption=_caption(found, len(drawn)),
    )


def _alternative(slices: Sequence[Slice]) -> str:
    worst, best = slices[0], slices[-1]
    said = [
        f"{label(each.name, 60)} {shown('accuracy_loss', each.change)}"
        for each in dict.fromkeys((worst, best))
    ]
    return (
        f"Bars of teacher and student for {len(slices)} slices, and the student's accuracy minus "
        f"the teacher's. From the largest loss to the largest gain: {'; '.join(said)}."
    )


def _caption(slices: Sequence[Slice], drawn: int) -> str:
    missing = [each.difference.reason for each in slices if isinstance(each.difference, Undefined)]
    reasons = "; ".join(dict.fromkeys(missing))
    said = "Largest loss first."
    if drawn < len(slices):
        said += f" The {drawn} first of {len(slices)}; the table has more."
    if len(missing) == len(slices):
        return f"{said} The differences have no intervals: {reasons}."
    said += " Lines are 95 % intervals of the difference, by questions in pairs."
    return f"{said} {len(missing)} have none: {reasons}." if missing else said


def _values(slices: Sequence[Slice], kind: SliceKind) -> Table:
    rows = [
        (
            each.name,
            f"{each.questions}",
            f"{shown('accuracy', each.teacher)} "
            f"({interval_words('accuracy', each.teacher_interval)})",
            f"{shown('accuracy', each.student)} "
            f"({interval_words('accuracy', each.student_interval)})",
            shown("accuracy_loss", each.change),
            "—"
            if isinstance(each.difference, Undefined)
            else interval_words("accuracy_loss", each.difference),
        )
        for each in slices
    ]
    headings = (
        kind.replace("_", " ").capitalize(),
        "Questions",
        "Teacher",
        "Student",
        "Student minus teacher",
        "95 % interval",
    )
    return table(
        TITLES[kind],
        headings,
        rows[:MOST_LISTED],
        notes=left_out(len(rows), MOST_LISTED, "slices"),
    )


def _draw(sheet: Sheet, *, slices: Sequence[Slice]) -> None:
    height = ROW * len(slices)
    bars = sheet.axes(4, ABOVE, BARS, height)
    left = 4 + BARS + BETWEEN
    changes = sheet.axes(left, ABOVE, WIDTH - left - 12, height)
    for axes in (bars, changes):
        axes.set_ylim(height, 0)
        axes.set_yticks([])
    shares(bars, "x", ticks=2)
    for place, each in enumerate(slices):
        top = ROW * place
        text = f"{label(each.name, 30)}  ({each.questions})"
        words(bars, 0, top + 12, text, ha="left", va="baseline", fontsize=11)
        for row, role in enumerate(("teacher", "student")):
            bars.barh(
                top + 19 + 8 * row, getattr(each, role), height=7, color=COLOURS[role], linewidth=0
            )
        _difference(changes, each, top + 23)
    grid(bars, "x")
    grid(changes, "x")
    changes.axvline(0, color=COLOURS["axis"], linewidth=1.0)
    _points(changes)
    title(changes, "difference, points")
    legend(bars, ("teacher", "student"))


def _difference(axes: Axes, each: Slice, y: float) -> None:
    """The difference as a dot, its interval as a line, dark where it does not hold 0."""
    interval = None if isinstance(each.difference, Undefined) else each.difference
    if interval is not None:
        surely = interval[1] < 0 or interval[0] > 0
        colour = COLOURS["ink"] if surely else COLOURS["axis"]
        axes.plot(interval, [y, y], color=colour, linewidth=2.0, solid_capstyle="butt")
    axes.plot([each.change], [y], marker="o", markersize=5, color=COLOURS["ink"], clip_on=False)


def _points(axes: Axes) -> None:
    """Ticks in percentage points."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(100 * value)))
