"""How often each model is right, with intervals, against the best blind guess."""

from __future__ import annotations

from functools import partial
from typing import Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import (
    ROLES,
    Node,
    find,
    interval_of,
    shown,
    why_missing,
)
from distill_fixtures.report.html.marks import dot, grid, shares, words
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot
from distill_fixtures.report.html.role_figures import RoleFigure, row_words, values_table

__all__ = ["accuracy_plot"]

KINDS: Final = ("accuracy", "accuracy_norm", "accuracy_pmi", "letter_debiased_accuracy")
ROW: Final = 22.0
HEADING: Final = 20.0
LEFT, RIGHT, ABOVE, BELOW = 62.0, 54.0, 22.0, 26.0


def accuracy_plot(document: Node) -> Plot | Undefined:
    """A dot a model and way of taking the answer, with its 95 % interval."""
    figures = [
        RoleFigure(kind, role, float(value), _interval(document, role, kind))
        for kind in KINDS
        for role in ROLES
        if (value := find(document, f"{role}.accuracy.{kind}")) is not None
    ]
    if not figures:
        return Undefined(why_missing(document, "student.accuracy.accuracy"))
    guess = document["dataset"]["guess_baseline"]
    kinds = list(dict.fromkeys(each.metric for each in figures))
    headings = len(kinds) if len(kinds) > 1 else 0
    said = [f"{each.role} {shown(each.metric, each.value)}" for each in figures]
    plain = [words for words, each in zip(said, figures, strict=True) if each.metric == kinds[0]]
    return Plot(
        name="accuracy",
        title="Accuracy",
        alternative=f"{CATALOG[kinds[0]].label} with 95 % intervals: {', '.join(plain)}."
        + (f" The best blind guess: {shown('guess_baseline', guess)}." if guess else ""),
        height=ABOVE + BELOW + ROW * len(figures) + HEADING * headings,
        draw=partial(_draw, figures=figures, guess=guess),
        values=values_table("Accuracy", figures),
        caption="Lines are 95 % intervals; the dashed line is the best guess without knowledge.",
    )


def _interval(document: Node, role: str, kind: str) -> tuple[float, float] | None:
    """Where questions share sources the interval that allows for it, which `ci95` does not."""
    found = interval_of(document, role, "accuracy", kind)
    plain = find(document, f"{role}.accuracy.ci95")
    if found is None and kind == "accuracy" and plain is not None:
        return plain[0], plain[1]
    return found


def _draw(sheet: Sheet, *, figures: list[RoleFigure], guess: float | None) -> None:
    several = len({each.metric for each in figures}) > 1
    places, y, seen = [], 0.0, ""
    headings: list[tuple[float, str]] = []
    for each in figures:
        if several and each.metric != seen:
            headings.append((y + HEADING / 2, CATALOG[each.metric].label))
            y += HEADING
            seen = each.metric
        places.append(y + ROW / 2)
        y += ROW
    axes = sheet.axes(LEFT, ABOVE, WIDTH - LEFT - RIGHT, y)
    ends = [end for each in figures for end in each.interval or (each.value,)]
    low = min([*ends, *([] if guess is None else [guess])])
    shares(axes, "x", max(0.0, low - 0.06), min(1.0, max(ends) + 0.04))
    axes.set_ylim(y, 0)
    axes.set_yticks([])
    grid(axes, "x")
    left, right = axes.get_xlim()
    for at, text in headings:
        axes.annotate(text, (left, at), (8 - LEFT, 0), textcoords="offset points", va="center",
                      annotation_clip=False, color=COLOURS["faint"], fontsize=11)  # fmt: skip
    for each, at in zip(figures, places, strict=True):
        dot(axes, each.value, at, each.interval, each.role)
        row_words(axes, each, at, ends=(left, right), margin=RIGHT)
    if guess is not None:
        axes.axvline(guess, color=COLOURS["axis"], linewidth=1.2, linestyle=(0, (4, 3)))
        words(axes, guess, -3, "blind guess", ha="center", va="bottom", fontsize=11,
              color=COLOURS["faint"])  # fmt: skip
