"""What a page is made of: tables, plots, chapters. Nothing here knows HTML or matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.report.html.canvas import Sheet

__all__ = ["Cell", "Chapter", "Plot", "Table", "left_out", "plots_and_gaps", "table"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what stands in it.
        note: small print under it: an interval, mostly.
        bar: length of a bar under it, 0 to 1; None: no bar.
        role: whose colour the bar has.
        grade: a grade whose colour and sign the text has; empty: none.
        link: where the text leads, relative to the page; empty: nowhere.
    """

    text: str
    note: str = ""
    bar: float | None = None
    role: str = ""
    grade: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its heading.

    Attributes:
        caption: what it shows.
        headings: of its columns.
        rows: cells, one a heading.
        words: places of the columns that hold words; all others hold numbers.
        notes: sentences under it: what is missing, and how many rows were left out.
        folded: shown only when asked for.
        broad: wants the whole width of a page.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: frozenset[int] = frozenset((0,))
    notes: tuple[str, ...] = ()
    folded: bool = False
    broad: bool = False


def table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    *,
    words: Iterable[int] = (0,),
    notes: Iterable[str] = (),
    folded: bool = False,
    broad: bool = False,
) -> Table:
    """A table of cells or plain texts.

    Raises:
        ValueError: a row has more or fewer cells than there are headings.
    """
    cells = tuple(
        tuple(each if isinstance(each, Cell) else Cell(each) for each in row) for row in rows
    )
    if any(len(row) != len(headings) for row in cells):
        raise ValueError(f"a row of {caption!r} has not {len(headings)} cells")
    return Table(caption, tuple(headings), cells, frozenset(words), tuple(notes), folded, broad)


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its words.

    Attributes:
        name: of its file, without the suffix, and of its place on the page.
        title: what it shows.
        alternative: what is to be seen in it, for those who cannot see it.
        height: in units of a 72nd of an inch; all are equally wide.
        draw: draws it.
        values: the numbers in it.
        caption: how to read it; empty where the title says enough.
    """

    name: str
    title: str
    alternative: str
    height: float
    draw: Callable[[Sheet], None]
    values: Table
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One part of the page.

    Attributes:
        anchor: its place on the page.
        title: its heading.
        lead: what it comes to, in a sentence or two; empty: nothing to say.
        plots: drawings, side by side.
        tables: below them.
        gaps: sentences on what is not there, and why.
        command: a command line to copy; empty: none.
    """

    anchor: str
    title: str
    lead: str = ""
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    gaps: tuple[str, ...] = ()
    command: str = ""


def plots_and_gaps(
    found: Sequence[tuple[str, Plot | Undefined]],
) -> tuple[tuple[Plot, ...], tuple[str, ...]]:
    """The plots that are there, and a sentence for each that is not.

    Args:
        found: what it would show, and the plot or why there is none.
    """
    plots = tuple(plot for _, plot in found if isinstance(plot, Plot))
    gaps = tuple(f"{name}: {plot.reason}" for name, plot in found if isinstance(plot, Undefined))
    return plots, gaps


def left_out(total: int, most: int, what: str) -> tuple[str, ...]:
    """A sentence on what is left out where there is more than ``most``, else none.

    >>> left_out(3, 2, "questions")
    ('1 more of 3 questions is in the JSON file.',)
    >>> left_out(0, 2, "questions")
    ()
    """
    more = total - most
    if more <= 0:
        return ()
    verb = "is" if more == 1 else "are"
    return (f"{more} more of {total} {what} {verb} in the JSON file.",)
