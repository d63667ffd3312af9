"""Change of each figure since the baseline, against how much worse it may be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import Node, shown, why_missing
from distill_fixtures.report.html.marks import grid, signed, words
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Cell, Plot, Table, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["change_words", "regression_plot", "regression_table"]

ROW, ABOVE, BELOW, SIDE = 38.0, 8.0, 26.0, 14.0
GRADES: Final = {"pass": "good", "fail": "poor", "inconclusive": "acceptable"}


def regression_plot(document: Node) -> Plot | Undefined:
    """A dot a figure that was compared, with its interval; the part beyond the tolerance tinted."""
    records = document["regression"]
    if records is None:
        return Undefined(why_missing(document, "regression"))
    compared = [each for each in records if each["change_pct"] is not None]
    if not compared:
        return Undefined("; ".join(dict.fromkeys(f"{each['reason']}" for each in records)))
    said = [f"{CATALOG[each['metric']].label} {change_words(each)}" for each in compared]
    return Plot(
        name="regression",
        title="Change since the baseline",
        alternative=f"Change in per cent with its interval: {'; '.join(said)}.",
        height=ABOVE + ROW * len(compared) + BELOW,
        draw=partial(_draw, records=compared),
        values=regression_table(document),
        caption="Lines are the intervals of the change. What lies in the tinted part is worse than "
        "is let through.",
    )


def change_words(record: Node) -> str:
    """The change and its interval, per cent; a dash where there is none."""
    if record["change_pct"] is None:
        return "—"
    said = f"{record['change_pct']:+.1f} %"
    if record["ci95"] is not None:
        said += f" ({record['ci95'][0]:+.1f} to {record['ci95'][1]:+.1f})"
    return said


def regression_table(document: Node) -> Table:
    """What was compared and what came of it, a row a figure."""
    rows = []
    for each in document["regression"]:
        worse = "higher" if CATALOG[each["metric"]].direction == "lower" else "lower"
        differing = [
            f"{one['what']}: {one['baseline']} then, {one['current']} now"
            for one in each["differences"]
        ]
        why = "; ".join([*([each["reason"]] if each["reason"] else []), *differing])
        verdict = each["verdict"]
        rows.append(
            (
                CATALOG[each["metric"]].label,
                shown(each["metric"], each["baseline"]),
                shown(each["metric"], each["current"]),
                Cell(change_words(each), note=f"of {each['basis']}"),
                f"{each['tolerance_pct']:g} % {worse}",
                Cell(verdict.replace("_", " "), note=why, grade=GRADES.get(verdict, "not_judged")),
            )
        )
    return table(
        "Against the baseline",
        ("Figure", "Baseline", "This run", "Change", "Allowed", "Verdict"),
        rows,
        words=(0, 5),
    )


def _draw(sheet: Sheet, *, records: Sequence[Node]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    height = ROW * len(records)
    axes = sheet.axes(SIDE, ABOVE, WIDTH - 2 * SIDE, height)
    ends = [0.0]
    for each in records:
        ends += [each["change_pct"], *(each["ci95"] or ()), _bound(each)]
    pad = 0.08 * (max(ends) - min(ends) or 1.0)
    axes.set_xlim(min(ends) - pad, max(ends) + pad)
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(value, " %")))
    grid(axes, "x")
    axes.axvline(0, color=COLOURS["axis"], linewidth=1.0)
    for place, each in enumerate(records):
        _record(axes, each, ROW * place)


def _bound(record: Node) -> float:
    """Where worse than allowed begins, per cent of change."""
    lower = CATALOG[record["metric"]].direction == "lower"
    tolerance: float = record["tolerance_pct"]
    return tolerance if lower else -tolerance


def _record(axes: Axes, record: Node, top: float) -> None:
    from matplotlib.patches import Rectangle

    left, right = axes.get_xlim()
    bound = _bound(record)
    begin, end = (bound, right) if bound > 0 else (left, bound)
    y = top + 26
    axes.add_patch(
        Rectangle((begin, y - 8), end - begin, 16, facecolor=COLOURS["poor"], alpha=0.14,
                  linewidth=0)
    )  # fmt: skip
    words(axes, left, top + 13, CATALOG[record["metric"]].label, va="baseline", fontsize=11)
    colour = COLOURS[GRADES.get(record["verdict"], "faint")]
    if record["ci95"] is not None:
        axes.plot(record["ci95"], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.plot([record["change_pct"]], [y], marker="D", markersize=6, color=colour)
