"""The closing table on the terminal: teacher, student, change, threshold, grade."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from distill_fixtures.catalog import CATALOG, format_value
from distill_fixtures.metrics.size import number_format_flag
from distill_fixtures.report.criteria_table import criteria_table
from distill_fixtures.report.github import defused, on_github
from distill_fixtures.report.grade_words import (
    GRADE_STYLES,
    GRADE_WORDS,
    bounds_text,
    grade_words,
    short_label,
)
from distill_fixtures.report.merged_words import merged_cells, merged_notes
from distill_fixtures.report.page import Page
from distill_fixtures.report.printable import printable

__all__ = [
    "FEWEST_COLUMNS",
    "closing_notes",
    "closing_rows",
    "closing_text",
    "judged_text",
    "print_closing",
    "shown_path",
    "what_was_compared",
    "written_names",
]

# Section and name of the models' values, and the pair's value that says the change.
ROWS: tuple[tuple[str, str, str], ...] = (
    ("size", "disk_bytes", "size_reduction_pct"),
    ("size", "parameters_total", "parameter_reduction_pct"),
    ("accuracy", "accuracy", "knowledge_retention_pct"),
    ("", "", "fidelity.agreement"),
    ("benchmark", "inference_time_s", "speed_improvement_pct"),
    ("benchmark", "ttft_s", ""),
    ("benchmark", "tpot_s", ""),
    ("benchmark", "characters_per_s", ""),
    ("benchmark", "throughput_samples_per_s", "throughput_gain"),
    ("benchmark", "load_time_s", "load_time_improvement_pct"),
    ("memory", "model_memory_bytes", "memory_reduction_pct"),
    ("memory", "peak_memory_bytes", "peak_memory_reduction_pct"),
    ("", "", "performance_efficiency"),
    ("", "", "distillation_gain"),
)
CHANGE_WORDS = {
    "size_reduction_pct": "{} less",
    "parameter_reduction_pct": "{} fewer",
    "knowledge_retention_pct": "{} kept",
    "speed_improvement_pct": "{} saved",
    "load_time_improvement_pct": "{} saved",
    "memory_reduction_pct": "{} less",
    "peak_memory_reduction_pct": "{} less",
}
FEWEST_COLUMNS = 80
MOST_COLUMNS = 110
LABEL_COLUMNS = 22
"""The longest label of a row that every run has."""

SHORT_UNITS = {" samples/s": "/s", " characters/s": "/s", " million": " M", " billion": " B"}


def print_closing(
    document: Mapping[str, Any], written: Sequence[Path], terminalreporter: Any
) -> None:
    """Write the table through pytest's terminal reporter, in colour where it has colour."""
    write_closing(partial(closing_text, document, written), terminalreporter)


def write_closing(text_of: Callable[..., str], terminalreporter: Any) -> None:
    """Write closing words under their heading.

    Args:
        text_of: makes them of ``width``, ``colour`` and ``verbosity``, as :func:`closing_text`.
    """
    terminalreporter.write_sep("=", "distillation")
    writer = terminalreporter.config.get_terminal_writer()
    text = text_of(
        width=max(FEWEST_COLUMNS, writer.fullwidth),
        colour=bool(writer.hasmarkup),
        verbosity=terminalreporter.config.get_verbosity(),
    )
    terminalreporter.write(defused(text) if on_github(os.environ) else text)


def closing_text(
    document: Mapping[str, Any],
    written: Sequence[Path],
    *,
    width: int,
    colour: bool,
    verbosity: int = 0,
) -> str:
    """The closing words.

    Args:
        document: ``distillation_metrics.json``.
        written: files to name.
        width: columns.
        colour: with terminal colours.
        verbosity: pytest's. Below 0: the verdict and the files alone; above: also each criterion
            with its interval and stability.
    """
    page = Page(width, colour=colour)
    if verbosity >= 0:
        page.write(what_was_compared(document))
        page.add(_table(document, width))
    if verbosity > 0 and document["verdict"]["criteria"]:
        page.add(criteria_table(document, width))
    _add_verdict(page, document)
    for name in written_names(written):
        page.write(f"written: {name}", wrap=False)
    return page.text


def judged_text(document: Mapping[str, Any], *, width: int, colour: bool) -> str:
    """A run's criteria, its verdict and what is to be noted, without its other figures.

    Args:
        document: ``distillation_metrics.json``.
        width: columns.
        colour: with terminal colours.
    """
    page = Page(width, colour=colour)
    page.write(what_was_compared(document))
    if document["verdict"]["criteria"]:
        page.add(criteria_table(document, width))
    _add_verdict(page, document)
    return page.text


def _add_verdict(page: Page, document: Mapping[str, Any]) -> None:
    from rich.text import Text

    verdict = document["verdict"]
    style = GRADE_STYLES.get(verdict["overall"], "")
    overall = verdict["overall"].replace("_", " ")
    page.add(Text.assemble("verdict: ", (overall, style), f", gate: {verdict['gate']}"))
    for note in closing_notes(document):
        page.write(note)


def what_was_compared(document: Mapping[str, Any]) -> str:
    dataset = document["dataset"]
    return (
        f"teacher {document['teacher']['reference']}, student {document['student']['reference']}; "
        f"{dataset['questions']} questions of {dataset['name']}, {dataset['scoring']} scoring"
    )


def _table(document: Mapping[str, Any], width: int) -> Any:
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
    table.add_column("", ratio=1, min_width=LABEL_COLUMNS)
    for heading in ("teacher", "student", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("good/poor", no_wrap=True)
    table.add_column("grade", no_wrap=True)
    for cells, grade in closing_rows(document):
        table.add_row(*(Text(printable(cell)) for cell in cells), Text(*grade))
    return table


def closing_rows(document: Mapping[str, Any]) -> list[tuple[list[str], tuple[str, str]]]:
    """Cells and the grade with its style, a row each; rows without any value are left out."""
    criteria = {(each["metric"], each["slice"]): each for each in document["verdict"]["criteria"]}
    rows = []
    for section, name, change in ROWS:
        if name == "characters_per_s" and document["distillation"]["tokenizers_differ"] is False:
            continue  # the times say as much
        for key in _keys(document, section, name, change):
            cells = _cells(document, section, name, change, key)
            criterion = criteria.pop((change.rpartition(".")[2], None), None)
            if criterion is None and not any(cells[1:]):
                continue
            rows.append(([*cells, bounds_text(criterion)], grade_words(criterion)))
        merged = merged_cells(document) if name == "inference_time_s" else None
        if merged is not None:
            rows.append(([*merged, "", ""], ("", "")))
    for (metric, part), criterion in criteria.items():
        shown = _shown(metric, criterion["value"], None)
        label = short_label(metric) if part is None else f"{short_label(metric)}, {part}"
        rows.append(([label, "", "", shown, bounds_text(criterion)], grade_words(criterion)))
    return rows


def _keys(document: Mapping[str, Any], section: str, name: str, change: str) -> list[str | None]:
    """None for a plain value; the keys, one row each, for a value by batch size."""
    if not CATALOG[name or change.rpartition(".")[2]].keyed:
        return [None]
    value = document["teacher"][section][name] if section else None
    return list(value or {})


def _cells(
    document: Mapping[str, Any], section: str, name: str, change: str, key: str | None
) -> list[str]:
    label = short_label(name or change.rpartition(".")[2])
    cells = [label if key is None else f"{label}, batch {key}"]
    for role in ("teacher", "student"):
        value = document[role][section][name] if section else None
        cells.append(_shown(name, value, key))
    found: Any = document["distillation"]
    for part in change.split(".") if change else ():
        found = found[part]
    change_name = change.rpartition(".")[2]
    shown = "" if not change else _shown(change_name, found, key)
    cells.append(CHANGE_WORDS.get(change_name, "{}").format(shown) if shown else "")
    return cells


def _shown(name: str, value: Any, key: str | None) -> str:
    if value is not None and key is not None:
        value = value.get(key)
    if value is None:
        return ""
    text = format_value(name, value)
    for unit, short in SHORT_UNITS.items():
        text = text.replace(unit, short)
    return text


def closing_notes(document: Mapping[str, Any]) -> list[str]:
    criteria = document["verdict"]["criteria"]
    notes = _from_cache(document)
    for criterion in criteria:
        if criterion["grade"] in ("not_judged", "not_applicable"):
            part = "" if criterion["slice"] is None else f", {criterion['slice']}"
            words, label = GRADE_WORDS[criterion["grade"]], short_label(criterion["metric"])
            notes.append(f"{words}: {label}{part}: {criterion['reason']}")
    bits = [document[role]["size"]["bits_per_parameter"] for role in ("teacher", "student")]
    if document["distillation"]["number_format_differs"] and None not in bits:
        notes.append(str(number_format_flag(*bits)))
    if document["distillation"]["tokenizers_differ"]:
        notes.append("the tokenizers differ: compare characters per second, not tokens per second")
    unsure = [criterion for criterion in criteria if criterion["borderline"]]
    if any(criterion["slice"] is not None for criterion in unsure):
        notes.append("?: a slice is short of its bound, but so few questions may be by chance")
    if any(criterion["slice"] is None for criterion in unsure):
        notes.append("?: the interval holds a bound; more rounds or a quieter machine would tell")
    notes += merged_notes(document) + _from_regression(document)
    wrong = document["environment"]["machine_check"]["problems"]
    if wrong:
        said = "; ".join(f"{each['sentence']} ({each['when']})" for each in wrong)
        notes.append(f"the machine was not quiet: {said}")
    run = document["run"]
    if run["interrupted"]:
        notes.append("interrupted: only what was measured until then is in the files")
    if run["partial"]:
        notes.append("partial run: " + "; ".join(run["partial_reasons"]))
    return notes


def _from_cache(document: Mapping[str, Any]) -> list[str]:
    """A sentence where answers of earlier runs were used, else none."""
    counts = {
        role: document[role]["scoring"]["questions_from_cache"] or 0
        for role in ("teacher", "student", "control")
        if document[role] is not None
    }
    total = document["dataset"]["questions"]
    said = [f"{count} of {total} of the {role}" for role, count in counts.items() if count]
    return [f"answers from the score cache: {', '.join(said)}"] if said else []


def _from_regression(document: Mapping[str, Any]) -> list[str]:
    """How the run compares with its baseline; nothing where none was asked for."""
    run = document["run"]
    if run["baseline"] is None:
        asked = run["options"].get("--distill-baseline") is not None
        reason = document["reasons"].get("run.baseline", "the file does not say why")
        return [f"no baseline: {reason}"] if asked else []
    notes = [f"baseline: {run['baseline']['path']} of {run['baseline']['created_at'][:10]}"]
    for each in document["regression"] or ():
        words = f"{short_label(each['metric'])}: {each['verdict'].replace('_', ' ')}"
        if each["change_pct"] is not None:
            words += f", {each['change_pct']:+.1f} %"
            if each["ci95"] is not None:
                words += f" ({each['ci95'][0]:+.1f} to {each['ci95'][1]:+.1f})"
            words += f", {each['tolerance_pct']:g} % allowed"
        if each["reason"] is not None:
            words += f": {each['reason']}"
        words += "".join(
            f"; {one['what']} was {one['baseline']} and is {one['current']}"
            for one in each["differences"]
        )
        notes.append(words)
    return notes


def written_names(written: Sequence[Path]) -> list[str]:
    """A name a file; plots, of which there are many, in one line."""
    names = [shown_path(path) for path in written if path.suffix != ".png"]
    plots = [path for path in written if path.suffix == ".png"]
    if len(plots) == 1:
        names.append(shown_path(plots[0]))
    elif plots:
        names.append(f"{shown_path(plots[0].with_name('report_*.png'))}, {len(plots)} plots")
    return names


def shown_path(path: Path) -> str:
    """A path as short as it can be said in the working folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
