"""Tables of a document's figures, by the catalogue: each model's own, and student against teacher.

A metric that is new in the document stands in its table without being named here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from distill_fixtures.catalog import CATALOG, Metric
from distill_fixtures.report.html.lookups import (
    ROLES,
    Node,
    find,
    interval_of,
    interval_words,
    roles_with,
    shown,
    why_missing,
)
from distill_fixtures.report.html.parts import Cell, Table, table
from distill_fixtures.report.terminal import CHANGE_WORDS, ROWS, SHORT_UNITS

__all__ = ["glance_table", "model_table", "pair_table", "per_model_table", "shown_metrics"]

CHANGES: Final = {
    "disk_bytes": "size_reduction_pct",
    "parameters_total": "parameter_reduction_pct",
    "accuracy": "accuracy_loss",
    "inference_time_s": "speed_improvement_pct",
    "load_time_s": "load_time_improvement_pct",
    "model_memory_bytes": "memory_reduction_pct",
    "peak_memory_bytes": "peak_memory_reduction_pct",
}
"""The pair's figure that says how a model's own changes from teacher to student."""

NET_PEAK: Final = (
    "The change of the peak memory is that of the models' part: what Python and its libraries need "
    "is left out on both sides."
)


def model_table(
    document: Node, section: str, caption: str, families: Collection[str] = ()
) -> Table:
    """The plain figures of one section, a column a model.

    Args:
        section: its key in the document.
        families: of the metrics shown; empty: all.
    """
    names = [
        name
        for name, metric in CATALOG.items()
        if name in document["teacher"][section] and _plain(metric, families)
    ]
    roles = [
        role
        for role in ROLES
        if role != "control" or any(roles_with(document, f"{section}.{n}", [role]) for n in names)
    ]
    gaps: dict[str, list[str]] = {}
    rows = []
    for name in names:
        missing = [role for role in roles if find(document, f"{role}.{section}.{name}") is None]
        _note_gaps(document, section, name, missing, gaps, everywhere=missing == roles)
        if missing != roles:
            cells = [_model_cell(document, role, section, name) for role in roles]
            rows.append((Cell(CATALOG[name].label), *cells, _change(document, name)))
    headings = ("Figure", *(role.capitalize() for role in roles), "Change")
    if not any(row[-1].text for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    return table(caption, headings, rows, notes=_gap_sentences(gaps))


def _plain(metric: Metric, families: Collection[str]) -> bool:
    wanted = not families or metric.family in families
    return wanted and not metric.keyed and metric.alias_of is None


def _note_gaps(
    document: Node,
    section: str,
    name: str,
    missing: Sequence[str],
    gaps: dict[str, list[str]],
    *,
    everywhere: bool,
) -> None:
    """Note why a figure is missing, under each reason the figures that it explains."""
    by_reason: dict[str, list[str]] = {}
    for role in missing:
        reason = why_missing(document, f"{role}.{section}.{name}")
        by_reason.setdefault(reason, []).append(role)
    for reason, roles in by_reason.items():
        whose = "" if everywhere and len(by_reason) == 1 else f" ({', '.join(roles)})"
        gaps.setdefault(reason, []).append(f"{CATALOG[name].label}{whose}")


def _gap_sentences(gaps: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{'; '.join(labels)}: {reason}." for reason, labels in gaps.items()]


def _model_cell(document: Node, role: str, section: str, name: str) -> Cell:
    value = find(document, f"{role}.{section}.{name}")
    interval = interval_of(document, role, section, name)
    return Cell(shown(name, value), note=interval_words(name, interval))


def _change(document: Node, name: str) -> Cell:
    change = CHANGES.get(name)
    value = None if change is None else find(document, f"distillation.{change}")
    if change is None or value is None:
        return Cell("")
    interval = document["distillation"]["intervals"].get(change)
    text = CHANGE_WORDS.get(change, "{}").format(shown(change, value))
    return Cell(text, note=interval_words(change, interval))


def pair_table(document: Node, families: Collection[str], caption: str) -> Table:
    """What is said of the student against the teacher, a row a figure."""
    distillation = document["distillation"]
    gaps: dict[str, list[str]] = {}
    rows = []
    for name, metric in CATALOG.items():
        path = f"fidelity.{name}" if name in distillation["fidelity"] else name
        known = name in distillation or name in distillation["fidelity"]
        if not known or metric.family not in families or not _plain(metric, families):
            continue
        value = find(distillation, path)
        if value is None:
            reason = why_missing(document, f"distillation.{path}")
            gaps.setdefault(reason, []).append(metric.label)
        else:
            words = interval_words(name, distillation["intervals"].get(name))
            rows.append((metric.label, shown(name, value), words or "—"))
    headings: tuple[str, ...] = ("Figure", "Value", "95 % interval")
    notes = _gap_sentences(gaps)
    if all(row[-1] == "—" for row in rows):
        return table(caption, headings[:-1], [row[:-1] for row in rows], notes=notes)
    return table(caption, headings, rows, notes=notes)


def per_model_table(document: Node, path: str, caption: str) -> Table:
    """Figures under a path that are a number for each model."""
    section = find(document, path)
    gaps: dict[str, list[str]] = {}
    rows = []
    for name, metric in CATALOG.items():
        if metric.keyed_by != "model" or name not in section:
            continue
        by_role = section[name]
        if by_role is None:
            gaps.setdefault(why_missing(document, f"{path}.{name}"), []).append(metric.label)
        else:
            rows.append((metric.label, *(shown(name, by_role.get(r)) for r in ROLES[:2])))
    return table(caption, ("Figure", "Teacher", "Student"), rows, notes=_gap_sentences(gaps))


def glance_table(document: Node) -> Table:
    """The closing table of the terminal, with bars: the student's as a share of the teacher's."""
    rows = []
    for section, name, change in ROWS:
        if not section:
            continue
        values = {role: find(document, f"{role}.{section}.{name}") for role in ROLES}
        keys = list(values["teacher"] or ()) if CATALOG[name].keyed else [None]
        for key in keys:
            row = _glance_row(document, name, change, key, values)
            if row is not None:
                rows.append(row)
    roles = [role for role in ROLES if document[role] is not None]
    headings = ("Figure", *(role.capitalize() for role in roles), "Change")
    notes = [NET_PEAK] if find(document, "distillation.peak_memory_reduction_pct") else []
    return table("Teacher and student at a glance", headings, rows, notes=notes)


def _glance_row(
    document: Node, name: str, change: str, key: str | None, values: Mapping[str, Node | None]
) -> tuple[str | Cell, ...] | None:
    """A row, or None where no model has a value."""
    roles = [role for role in ROLES if document[role] is not None]
    plain = {role: values[role] if key is None else (values[role] or {}).get(key) for role in roles}
    numbers = {role: float(each) for role, each in plain.items() if isinstance(each, int | float)}
    if not numbers:
        return None
    largest = max(numbers.values())
    cells = [
        Cell(
            _short(shown(name, numbers.get(role))),
            bar=numbers[role] / largest if role in numbers and largest > 0 else None,
            role=role,
        )
        for role in roles
    ]
    label = CATALOG[name].label if key is None else f"{CATALOG[name].label}, batch {key}"
    found = find(document, f"distillation.{change}") if change else None
    found = found.get(key) if isinstance(found, Mapping) and key is not None else found
    said = "" if found is None else shown(change, found)
    return (label, *cells, CHANGE_WORDS.get(change, "{}").format(said) if said else "")


def _short(text: str) -> str:
    for unit, short in SHORT_UNITS.items():
        text = text.replace(unit.replace(" ", "\N{NO-BREAK SPACE}"), short)
    return text


def shown_metrics(document: Node) -> list[Metric]:
    """The metrics of which the document has a value, in the catalogue's order."""
    places = [f"{role}.{part}" for role in ROLES for part in ("size", "accuracy", "benchmark",
              "memory")]  # fmt: skip
    places += ["distillation", "distillation.fidelity", "dataset"]
    return [
        metric
        for name, metric in CATALOG.items()
        if any(find(document, f"{place}.{name}") is not None for place in places)
    ]
