"""Accuracy against time and against size: who is better at no cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.metrics.pareto import on_front
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import WIDTH, Sheet
from distill_fixtures.report.html.lookups import (
    ROLES,
    Node,
    find,
    interval_of,
    interval_words,
    shown,
    why_all_missing,
)
from distill_fixtures.report.html.marks import (
    BYTE_SCALES,
    TIME_SCALES,
    dot,
    grid,
    scale_for,
    scaled,
    shares,
    title,
)
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COSTS", "Candidate", "candidates_of", "front", "tradeoff_plot"]

COSTS: Final = {"inference_time_s": TIME_SCALES, "disk_bytes": BYTE_SCALES}
LEFT, ABOVE, PANEL, BELOW, BETWEEN, RIGHT = 46.0, 26.0, 190.0, 26.0, 22.0, 18.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that one may choose.

    Attributes:
        name: beside its marker.
        role: whose marker and colour it has.
        accuracy: fraction.
        interval: of the accuracy, 95 %.
        costs: by metric; None where unknown.
        cost_intervals: of those that have one.
        competes: may stand on the front; a teacher beside several students does not.
    """

    name: str
    role: str
    accuracy: float
    interval: tuple[float, float] | None
    costs: dict[str, float | None]
    cost_intervals: dict[str, tuple[float, float]]
    competes: bool = True


def candidates_of(document: Node) -> list[Candidate]:
    """The models of a run of which the accuracy is known."""
    found = []
    for role in ROLES:
        accuracy = find(document, f"{role}.accuracy.accuracy")
        if accuracy is None:
            continue
        costs = {
            "inference_time_s": find(document, f"{role}.benchmark.inference_time_s"),
            "disk_bytes": find(document, f"{role}.size.disk_bytes"),
        }
        interval = interval_of(document, role, "accuracy", "accuracy")
        time = interval_of(document, role, "benchmark", "inference_time_s")
        known = {} if time is None else {"inference_time_s": time}
        found.append(Candidate(role, role, accuracy, interval, costs, known))
    return found


def front(candidates: Sequence[Candidate], cost: str) -> list[Candidate]:
    """Those that compete and that no other beats in accuracy at their cost, the cheapest first.

    A model of unknown cost is on no front.
    """
    known = [
        (each.costs[cost] or 0.0, each)
        for each in candidates
        if each.competes and each.costs[cost] is not None
    ]
    ahead = on_front([each.accuracy for _, each in known], [spent for spent, _ in known])
    kept = [one for one, is_ahead in zip(known, ahead, strict=True) if is_ahead]
    return [each for _, each in sorted(kept, key=lambda one: (one[0], one[1].accuracy))]


def tradeoff_plot(document: Node | None, candidates: Sequence[Candidate]) -> Plot | Undefined:
    """Accuracy over each cost that at least two models have.

    Args:
        document: of the run, for the reasons of what is missing; None of several runs.
        candidates: the models.
    """
    costs = [cost for cost in COSTS if sum(each.costs[cost] is not None for each in candidates) > 1]
    if not costs:
        if document is None:
            return Undefined("fewer than two models have an accuracy and a cost that compare")
        paths = ["student.accuracy.accuracy", "student.benchmark.inference_time_s"]
        missing = [path for path in paths if find(document, path) is None]
        return Undefined(why_all_missing(document, missing or paths))
    fronts = {cost: front(candidates, cost) for cost in costs}
    said = [
        f"least {CATALOG[cost].label.lower()} for its accuracy: "
        + ", ".join(each.name for each in fronts[cost])
        for cost in costs
    ]
    return Plot(
        name="tradeoff",
        title="Accuracy against cost",
        alternative=f"Up and to the left is better. {'; '.join(said)}.",
        height=ABOVE + PANEL + BELOW,
        draw=partial(_draw, candidates=candidates, costs=costs),
        values=table(
            "Accuracy and cost",
            ("Model", "Accuracy", "95 % interval", *(CATALOG[cost].label for cost in costs)),
            [
                (
                    each.name,
                    shown("accuracy", each.accuracy),
                    interval_words("accuracy", each.interval) or "—",
                    *(shown(cost, each.costs[cost]) for cost in costs),
                )
                for each in candidates
            ],
        ),
        caption="Up and to the left is better. The line joins the models that no other beats at "
        "their cost; whiskers are 95 % intervals."
        + ("" if document is None else _without(candidates, costs)),
    )


def _without(candidates: Sequence[Candidate], costs: Sequence[str]) -> str:
    """A sentence for each model that some drawing leaves out; empty where there is none."""
    said = [
        f" Not measured: {CATALOG[cost].label.lower()} of the {each.name}."
        for cost in costs
        for each in candidates
        if each.costs[cost] is None
    ]
    return "".join(said)


def _draw(sheet: Sheet, *, candidates: Sequence[Candidate], costs: Sequence[str]) -> None:
    ends = [end for each in candidates for end in each.interval or (each.accuracy,)]
    width = (WIDTH - LEFT - RIGHT - BETWEEN * (len(costs) - 1)) / len(costs)
    for place, cost in enumerate(costs):
        axes = sheet.axes(LEFT + place * (width + BETWEEN), ABOVE, width, PANEL)
        shares(axes, "y", max(0.0, min(ends) - 0.05), min(1.02, max(ends) + 0.05))
        known = [each for each in candidates if each.costs[cost] is not None]
        largest = max(each.costs[cost] or 0.0 for each in known)
        axes.set_xlim(0, 1.18 * largest)
        scaled(axes, "x", scale_for([largest], COSTS[cost]), ticks=3)
        axes.grid(visible=True, axis="y")
        grid(axes, "x")
        title(axes, CATALOG[cost].label)
        axes.tick_params(labelleft=place == 0)
        _front(axes, candidates, cost)
        for each in known:
            _candidate(axes, each, cost)


def _front(axes: Axes, candidates: Sequence[Candidate], cost: str) -> None:
    kept = front(candidates, cost)
    x = [each.costs[cost] or 0.0 for each in kept]
    y = [each.accuracy for each in kept]
    axes.plot(x, y, color=COLOURS["axis"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)


def _candidate(axes: Axes, each: Candidate, cost: str) -> None:
    x = each.costs[cost] or 0.0
    dot(axes, x, each.accuracy, each.interval, each.role, upright=True)
    across = each.cost_intervals.get(cost)
    if across is not None:
        axes.plot(across, [each.accuracy] * 2, color=COLOURS[each.role], linewidth=2.2, alpha=0.55)
    late = x > 0.6 * axes.get_xlim()[1]
    axes.annotate(
        each.name,
        (x, each.accuracy),
        # A front rises to the right: these places lie off it.
        (-7, 6) if late else (7, -13),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=11,
        annotation_clip=False,
    )
