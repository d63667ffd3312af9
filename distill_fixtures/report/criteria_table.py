"""The criteria in full: value, interval, bounds, stability, grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill_fixtures.catalog import format_value
from distill_fixtures.report.grade_words import bounds_text, grade_words, short_label
from distill_fixtures.report.interval_words import interval_text
from distill_fixtures.report.printable import printable

__all__ = ["CriterionRow", "criteria_table", "criterion_rows"]

MOST_COLUMNS = 110


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One criterion in words; what there is not is empty.

    Attributes:
        label: the metric, and the slice where it is about one.
        style: the grade's colour.
    """

    label: str
    value: str
    interval: str
    bounds: str
    stability: str
    grade: str
    style: str


def criterion_rows(document: Mapping[str, Any]) -> list[CriterionRow]:
    """The criteria of a ``distillation_metrics.json``, in its order."""
    return [_row(each) for each in document["verdict"]["criteria"]]


def criteria_table(document: Mapping[str, Any], width: int) -> Any:
    """A table for rich.

    Args:
        width: columns; a wide terminal is not filled.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        width=min(width, MOST_COLUMNS),
    )
    table.add_column("criterion", ratio=1, min_width=20)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right")
    table.add_column("good/poor", no_wrap=True)
    table.add_column("stable", justify="right", no_wrap=True)
    table.add_column("grade", no_wrap=True)
    for row in criterion_rows(document):
        cells = (row.label, row.value, row.interval, row.bounds, row.stability)
        table.add_row(*(Text(printable(cell)) for cell in cells), Text(row.grade, row.style))
    return table


def _row(criterion: Mapping[str, Any]) -> CriterionRow:
    name, part, stability = criterion["metric"], criterion["slice"], criterion["stability"]
    grade, style = grade_words(criterion)
    return CriterionRow(
        label=short_label(name) if part is None else f"{short_label(name)}, {part}",
        value="" if criterion["value"] is None else format_value(name, criterion["value"]),
        interval=interval_text(name, criterion["ci95"]),
        bounds=bounds_text(criterion),
        stability="" if stability is None else f"{100 * stability:.0f} %",
        grade=grade,
        style=style,
    )
