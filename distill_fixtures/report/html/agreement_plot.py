"""Who is right: the four cells of teacher and student, right and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import Node, find, shown, why_missing
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["agreement_plot"]

LEFT, ABOVE, GAP = 62.0, 24.0, 3.0
CELL_WIDTH: Final = (WIDTH - LEFT - GAP) / 2
CELL_HEIGHT: Final = 86.0


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the questions.

    Attributes:
        words: who is right.
        count: how many questions.
        colour: of the cell.
        place: column, row and the share of the cell's width where it begins and ends.
    """

    words: str
    count: int
    colour: str
    place: tuple[int, int, float, float]


def agreement_plot(document: Node, comparison: Node | None) -> Plot | Undefined:
    """Questions by who is right; both wrong split into alike and differently where it is known."""
    parts = _parts(document, comparison)
    if isinstance(parts, Undefined):
        return parts
    total = sum(each.count for each in parts)
    said = [(each.words, f"{each.count}", _share(each.count, total)) for each in parts]
    return Plot(
        name="agreement",
        title="Who is right",
        alternative=f"Of {total} questions: "
        + "; ".join(f"{words} {count} ({share})" for words, count, share in said)
        + ".",
        height=ABOVE + 2 * CELL_HEIGHT + GAP + 2,
        draw=partial(_draw, parts=parts, total=total),
        values=table("Questions by who is right", ("Who is right", "Questions", "Share"), said),
        caption="Each question stands in one cell; the shading follows its share.",
    )


def _parts(document: Node, comparison: Node | None) -> list[Part] | Undefined:
    whole, half = (0.0, 1.0), 0.5
    if comparison is not None:
        counts = comparison["summary"]["consistency"]
        right = counts["both_right"], counts["teacher_only_right"], counts["student_only_right"]
        wrong = [
            Part("both wrong, alike", counts["both_wrong_same"], "faint", (1, 1, 0.0, half)),
            Part(
                "both wrong, differently", counts["both_wrong_different"], "faint", (1, 1, half, 1)
            ),
        ]
    else:
        path = "accuracy.correct_by_question"
        flags = [find(document, f"{role}.{path}") for role in ("teacher", "student")]
        for role, told in zip(("teacher", "student"), flags, strict=True):
            if told is None:
                return Undefined(why_missing(document, f"{role}.{path}"))
        cells = [f"{t}{s}" for t, s in zip(*flags, strict=True)]
        right = cells.count("11"), cells.count("10"), cells.count("01")
        wrong = [Part("both wrong", cells.count("00"), "faint", (1, 1, *whole))]
    return [
        Part("both right", right[0], "good", (0, 0, *whole)),
        Part("only the teacher right", right[1], "poor", (1, 0, *whole)),
        Part("only the student right", right[2], "teacher", (0, 1, *whole)),
        *wrong,
    ]


def _share(count: int, total: int) -> str:
    return shown("agreement", count / total)


def _draw(sheet: Sheet, *, parts: Sequence[Part], total: int) -> None:
    height = 2 * CELL_HEIGHT + GAP
    axes = sheet.axes(LEFT, ABOVE, WIDTH - LEFT, height, bare=True)
    axes.set_xlim(0, WIDTH - LEFT)
    axes.set_ylim(height, 0)
    for column, words in enumerate(("student right", "student wrong")):
        middle = column * (CELL_WIDTH + GAP) + CELL_WIDTH / 2
        axes.text(middle, -7, words, ha="center", va="bottom", fontsize=11, color=COLOURS["faint"])
    for row, words in enumerate(("right", "wrong")):
        middle = row * (CELL_HEIGHT + GAP) + CELL_HEIGHT / 2
        style: dict[str, Any] = {"ha": "right", "fontsize": 11, "color": COLOURS["faint"]}
        axes.text(-8, middle - 1, "teacher", va="bottom", **style)
        axes.text(-8, middle + 1, words, va="top", **style)
    for part in parts:
        _draw_part(axes, part, total)


def _draw_part(axes: Axes, part: Part, total: int) -> None:
    from matplotlib.patches import Rectangle

    column, row, begin, end = part.place
    left = column * (CELL_WIDTH + GAP) + begin * CELL_WIDTH + (GAP / 2 if begin else 0)
    width = (end - begin) * CELL_WIDTH - (0 if (begin, end) == (0.0, 1.0) else GAP / 2)
    top = row * (CELL_HEIGHT + GAP)
    share = part.count / total
    axes.add_patch(
        Rectangle(
            (left, top),
            width,
            CELL_HEIGHT,
            facecolor=COLOURS[part.colour],
            alpha=0.12 + 0.38 * share,
            linewidth=0,
        )
    )
    middle = left + width / 2
    axes.text(middle, top + 40, f"{part.count}", ha="center", va="baseline", fontsize=17)
    axes.text(middle, top + 56, _share(part.count, total), ha="center", va="baseline", fontsize=11)
    narrow = part.words.partition(", ")[2]
    axes.text(middle, top + 72, narrow or _meaning(part), ha="center", va="baseline", fontsize=11)


def _meaning(part: Part) -> str:
    return {"only the teacher right": "lost", "only the student right": "gained"}.get(
        part.words, part.words
    )
