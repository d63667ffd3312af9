"""An estimate on the terminal: a row a model, a row a part of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distill_fixtures.records import Undefined
from distill_fixtures.report.page import Page
from distill_fixtures.report.printable import printable

if TYPE_CHECKING:
    from distill_fixtures.estimate.record import Estimate, ModelCost

__all__ = ["estimate_text", "short_bytes", "short_number", "short_seconds"]

MOST_COLUMNS = 110
NOTHING_MEASURED = (
    "Nothing was measured, and no result was written: this is what the run would cost"
)
UNKNOWN = "not known"


def estimate_text(estimate: Estimate, *, width: int, colour: bool, verbosity: int = 0) -> str:
    """The words of an estimate.

    Args:
        width: columns.
        colour: with terminal colours.
        verbosity: pytest's. Above 0: what the figures rest on as well.
    """
    page = Page(width, colour=colour)
    page.write(f"{NOTHING_MEASURED} on {estimate.where}.")
    page.add(_models(estimate, width))
    page.blank()
    page.add(_parts(estimate, width))
    page.write(_total(estimate))
    for note in estimate.notes:
        page.write(note)
    if verbosity > 0:
        for assumption in estimate.assumptions:
            page.write(f"assumed: {assumption}")
    elif estimate.assumptions:
        page.write("-v says what the figures rest on")
    return page.text


def _models(estimate: Estimate, width: int) -> Any:
    on_gpus = any(each.fit is not None for each in estimate.models)
    head = ["parameters", "questions", "cached", "tokens", "FLOP", "memory"]
    table = _table([*head, *(["GPUs", "replicas"] if on_gpus else [])], width)
    for each in estimate.models:
        table.add_row(*map(_cell, _model_cells(each, on_gpus)))
    return table


def _model_cells(cost: ModelCost, on_gpus: bool) -> list[str]:
    cells = [
        cost.role,
        short_number(cost.parameters),
        f"{cost.questions:,}",
        f"{cost.from_cache:,}",
        short_number(cost.tokens),
        short_number(cost.flops),
        short_bytes(cost.memory_bytes),
    ]
    if on_gpus:
        fit = cost.fit
        cells += ["", ""] if fit is None else [str(fit.gpus), str(fit.replicas)]
    return cells


def _parts(estimate: Estimate, width: int) -> Any:
    table = _table(["time"], width)
    for each in estimate.parts:
        seconds = each.seconds
        known = UNKNOWN if isinstance(seconds, Undefined) else short_seconds(seconds)
        table.add_row(_cell(each.name), _cell(known))
    return table


def _total(estimate: Estimate) -> str:
    whole = "" if estimate.is_whole else "at least "
    text = f"in all {whole}{short_seconds(estimate.seconds)}"
    peak = estimate.peak_bytes
    if not isinstance(peak, Undefined) and peak:
        text += f"; {short_bytes(peak)} of memory at the peak of the process that runs pytest"
    return text


def _table(head: list[str], width: int) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        width=min(width, MOST_COLUMNS) if len(head) > 1 else None,
    )
    table.add_column("", ratio=1 if len(head) > 1 else None, min_width=7)
    for heading in head:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(text: str) -> Any:
    from rich.text import Text

    return Text(printable(text))


def short_number(value: float | Undefined) -> str:
    """Three digits and the word for their thousands.

    >>> short_number(134515008), short_number(2.5e15), short_number(0)
    ('135 M', '2.5 P', '0')
    """
    if isinstance(value, Undefined):
        return UNKNOWN
    for letter, size in (("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def short_bytes(value: float | Undefined) -> str:
    """In MB or GB of 10^6 and 10^9 bytes.

    >>> short_bytes(17_900_000), short_bytes(141.1e9)
    ('17.9 MB', '141 GB')
    """
    if isinstance(value, Undefined):
        return UNKNOWN
    return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.3g} MB"


def short_seconds(value: float) -> str:
    """In the largest unit of which there is one.

    >>> short_seconds(0.42), short_seconds(75), short_seconds(5400), short_seconds(200_000)
    ('0.4 s', '1 min 15 s', '1 h 30 min', '2 d 8 h')
    """
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(value / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(value / 3600)
    return f"{hours // 24} d {hours % 24} h"
