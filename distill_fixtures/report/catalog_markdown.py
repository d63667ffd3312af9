"""``docs/metrics.md``, rendered from the catalogue.

``python -m distill_fixtures.report.catalog_markdown > docs/metrics.md`` rewrites it; a test holds
file and rendering together.
"""

from __future__ import annotations

from distill_fixtures.catalog import CATALOG, FAMILIES, IntervalMethod, Metric

__all__ = ["catalog_markdown"]

INTRODUCTION = """# Metrics

Generated from `distill_fixtures/catalog.toml`; do not edit. `distill-bench metrics` lists
them too.

T is the teacher, S the student, C the control. A metric of a *pair* compares S with T or with C.
Where *graded by* says interval, a figure is poor only when its whole 95 % interval is; all others
are graded by their value. A missing value is `null`, with the reason in `reasons`; it is never 0.
"""

SCOPES = {"model": "each model", "pair": "the pair", "dataset": "the questions"}
DIRECTIONS = {"higher": "higher is better", "lower": "lower is better", "none": "neither is better"}
KEYS = {
    "batch_size": "a number for each batch size",
    "model": "a number for each model",
    "slice": "a record for each slice",
    "position": "a number for each option position",
    "bound": "[low, high]",
    "figure": "a record of several figures",
}
INTERVALS: dict[IntervalMethod, str] = {
    "wilson": "Wilson's, counts divided by the design effect of shared sources",
    "cells": "10,000 draws of the four joint cells (both right, only one, neither) from "
    "Dirichlet(counts / design effect of shared sources + 1/2; both right + 1/20)",
    "fieller": "Fieller's, covariance multiplied by the design effect of shared sources; null "
    "where unbounded",
    "questions": "bootstrap over questions; where some share a source, whole sources are drawn",
    "rounds": "bootstrap over whole rounds, paired where two models are compared",
}


def catalog_markdown() -> str:
    """The catalogue as Markdown: a section a family, an entry a metric."""
    parts = [INTRODUCTION]
    for family in FAMILIES:
        parts.append(f"## {family.capitalize()}\n")
        parts.extend(_entry(each) for each in CATALOG.values() if each.family == family)
    return "\n".join(parts)


def _entry(metric: Metric) -> str:
    graded = "interval" if metric.origin == "time" else "value"
    facts = [
        f"of {SCOPES[metric.scope]}",
        f"unit: {metric.unit}",
        DIRECTIONS[metric.direction],
        f"graded by {graded}",
    ]
    if metric.keyed_by is not None:
        facts.append(KEYS[metric.keyed_by])
    if metric.alias_of is not None:
        facts.append(f"the same as `{metric.alias_of}`")
    interval = ""
    if metric.interval is not None:
        interval = f"\n\n95 % interval: {INTERVALS[metric.interval]}."
    source = f"\n\nSource: {metric.source}." if metric.source else ""
    return (
        f"### `{metric.name}`: {metric.label}\n\n"
        f"*{'; '.join(facts)}*\n\n{metric.definition}{interval}{source}\n"
    )


if __name__ == "__main__":
    print(catalog_markdown(), end="")
