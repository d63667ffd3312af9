"""Whether a model that is 80 % sure is right in 80 % of the cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from distill_fixtures.metrics.calibration import BINS
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import (
    Node,
    find,
    interval_of,
    interval_words,
    shown,
    why_missing,
)
from distill_fixtures.report.html.marks import grid, legend, shares, title
from distill_fixtures.report.html.palette import COLOURS, MARKERS
from distill_fixtures.report.html.parts import Plot, Table, table

__all__ = ["Bin", "calibration_plot", "reliability"]

LEFT, ABOVE, CURVE, BETWEEN, COUNTS, BELOW, RIGHT = 46.0, 26.0, 190.0, 26.0, 42.0, 24.0, 10.0
PAIR: Final = ("teacher", "student")
NO_ANSWERS: Final = Undefined("the answers one by one, in comparison_results.json, are not at hand")


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions whose top probability lies in one of the equal bins.

    Attributes:
        place: of the bin, from 0.
        questions: how many.
        sure: mean top probability.
        right: share of right answers.
    """

    place: int
    questions: int
    sure: float
    right: float


def reliability(answers: Sequence[Node]) -> list[Bin]:
    """The bins of the expected calibration error that hold questions, open below, closed above.

    Args:
        answers: of one model, each with ``probabilities`` and ``correct``.

    >>> reliability([{"probabilities": [0.75, 0.25], "correct": True}])
    [Bin(place=11, questions=1, sure=0.75, right=1.0)]
    """
    sure = np.minimum(1.0, [max(each["probabilities"]) for each in answers])
    right = np.array([each["correct"] for each in answers], dtype=np.bool_)
    places = np.digitize(sure, np.arange(1, BINS) / BINS, right=True)
    return [
        Bin(
            place,
            int((places == place).sum()),
            float(sure[places == place].mean()),
            float(right[places == place].mean()),
        )
        for place in np.unique(places).tolist()
    ]


def calibration_plot(document: Node, comparison: Node | None) -> Plot | Undefined:
    """The reliability diagram of teacher and student, with how many questions lie in each bin."""
    if comparison is None:
        return NO_ANSWERS
    answers = {role: [each[role] for each in comparison["predictions"]] for role in PAIR}
    if not all("probabilities" in each for role in PAIR for each in answers[role]):
        return Undefined(why_missing(document, "student.accuracy.expected_calibration_error"))
    bins = {role: reliability(answers[role]) for role in PAIR}
    errors = [
        f"{role} {shown('expected_calibration_error', error)}"
        for role in PAIR
        if (error := find(document, f"{role}.accuracy.expected_calibration_error")) is not None
    ]
    return Plot(
        name="calibration",
        title="Calibration",
        alternative="Share of right answers against the probability of the answer given. "
        f"Expected calibration error: {', '.join(errors)}.",
        height=ABOVE + CURVE + BETWEEN + COUNTS + BELOW,
        draw=partial(_draw, bins=bins),
        values=_values(document, bins),
        caption="On the diagonal a model is right as often as it is sure; below it, it is too "
        "sure. Larger marks stand for more questions, counted below.",
    )


def _values(document: Node, bins: dict[str, list[Bin]]) -> Table:
    by_place = {role: {each.place: each for each in bins[role]} for role in PAIR}
    rows = []
    for place in sorted({place for role in PAIR for place in by_place[role]}):
        row = [f"{100 * place / BINS:.0f} to {100 * (place + 1) / BINS:.0f} %"]
        for role in PAIR:
            each = by_place[role].get(place)
            row += (
                ["0", "—", "—"]
                if each is None
                else [
                    f"{each.questions}",
                    shown("accuracy", each.sure),
                    shown("accuracy", each.right),
                ]
            )
        rows.append(row)
    notes = [
        f"Expected calibration error of the {role}: "
        f"{shown('expected_calibration_error', error)}"
        + (f" ({interval_words('expected_calibration_error', ends)})." if ends else ".")
        for role in PAIR
        for ends in [interval_of(document, role, "accuracy", "expected_calibration_error")]
        if (error := find(document, f"{role}.accuracy.expected_calibration_error")) is not None
    ]
    headings = ["Probability"]
    headings += [f"{role.capitalize()}: {what}" for role in PAIR for what in ("n", "sure", "right")]
    return table("Reliability by bin", headings, rows, notes=notes)


def _draw(sheet: Sheet, *, bins: dict[str, list[Bin]]) -> None:
    width = WIDTH - LEFT - RIGHT
    curve = sheet.axes(LEFT, ABOVE, width, CURVE)
    counts = sheet.axes(LEFT, ABOVE + CURVE + BETWEEN, width, COUNTS)
    most = max(each.questions for role in PAIR for each in bins[role])
    for axes in (curve, counts):
        shares(axes, "x")
    shares(curve, "y")
    curve.plot([0, 1], [0, 1], color=COLOURS["axis"], linewidth=1.2, linestyle=(0, (4, 3)))
    for place, role in enumerate(PAIR):
        sure = [each.sure for each in bins[role]]
        right = [each.right for each in bins[role]]
        curve.plot(sure, right, color=COLOURS[role], linewidth=1.2, alpha=0.5)
        curve.scatter(
            sure,
            right,
            s=[18 + 90 * each.questions / most for each in bins[role]],
            color=COLOURS[role],
            marker=MARKERS[role],
            edgecolors=COLOURS["surface"],
            linewidths=0.8,
            clip_on=False,
            zorder=3,
        )
        counts.bar(
            [(each.place + 0.3 + 0.4 * place) / BINS for each in bins[role]],
            [each.questions for each in bins[role]],
            width=0.4 / BINS,
            color=COLOURS[role],
            linewidth=0,
        )
    grid(curve, "y")
    grid(counts, "y")
    counts.set_yticks([0, most])
    curve.tick_params(labelbottom=False)
    title(curve, "share right")
    legend(curve, PAIR)
    title(counts, "questions, by probability of the answer")
