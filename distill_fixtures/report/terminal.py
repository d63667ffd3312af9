"""The closing table on the terminal: teacher, student, change, threshold, grade."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.catalog import CATALOG, format_value
from distill_fixtures.metrics.size import number_format_flag

__all__ = ["closing_text", "print_closing"]

# Section and name of the models' values, and the pair's value that says the change.
ROWS: tuple[tuple[str, str, str], ...] = (
    ("size", "disk_bytes", "size_reduction_pct"),
    ("size", "parameters_total", "parameter_reduction_pct"),
    ("accuracy", "accuracy", "knowledge_retention_pct"),
    ("", "", "fidelity.agreement"),
    ("benchmark", "inference_time_s", "speed_improvement_pct"),
    ("benchmark", "ttft_s", ""),
    ("benchmark", "tpot_s", ""),
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
GRADE_STYLES = {
    "good": "green",
    "acceptable": "yellow",
    "poor": "red",
    "not_judged": "red",
}
FEWEST_COLUMNS = 80
MOST_COLUMNS = 110
LABEL_COLUMNS = 22
"""The longest label of a row that every run has."""

SHORT_UNITS = {" samples/s": "/s", " million": " M", " billion": " B"}
GRADE_WORDS = {"not_judged": "not judged", "not_applicable": "n/a", "not_run": "not run"}


def print_closing(
    document: Mapping[str, Any], written: Sequence[Path], terminalreporter: Any
) -> None:
    """Write the table through pytest's terminal reporter, in colour where it has colour."""
    terminalreporter.write_sep("=", "distillation")
    width = terminalreporter.config.get_terminal_writer().fullwidth
    colour = bool(terminalreporter.config.get_terminal_writer().hasmarkup)
    quiet = terminalreporter.config.get_verbosity() < 0
    text = closing_text(
        document, written, width=max(FEWEST_COLUMNS, width), colour=colour, quiet=quiet
    )
    terminalreporter.write(text)


def closing_text(
    document: Mapping[str, Any],
    written: Sequence[Path],
    *,
    width: int,
    colour: bool,
    quiet: bool = False,
) -> str:
    """The closing words.

    Args:
        document: ``distillation_metrics.json``.
        written: files to name.
        width: columns.
        colour: with terminal colours.
        quiet: the verdict and the files alone.
    """
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        soft_wrap=True,
    )
    if not quiet:
        for line in _wrapped(_what_was_compared(document), width):
            console.print(Text(line))
        console.print(_table(document, width))
    verdict = document["verdict"]
    style = GRADE_STYLES.get(verdict["overall"], "")
    overall = verdict["overall"].replace("_", " ")
    console.print(Text.assemble("verdict: ", (overall, style), f", gate: {verdict['gate']}"))
    for note in _notes(document):
        for line in _wrapped(note, width):
            console.print(Text(line))
    for name in _names(written):
        console.print(Text(f"written: {_printable(name)}"))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _what_was_compared(document: Mapping[str, Any]) -> str:
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
    for cells, grade in _rows(document):
        table.add_row(*(Text(_printable(cell)) for cell in cells), Text(*grade))
    return table


def _rows(document: Mapping[str, Any]) -> list[tuple[list[str], tuple[str, str]]]:
    """Cells and the grade with its style, a row each; rows without any value are left out."""
    criteria = {(each["metric"], each["slice"]): each for each in document["verdict"]["criteria"]}
    rows = []
    for section, name, change in ROWS:
        for key in _keys(document, section, name, change):
            cells = _cells(document, section, name, change, key)
            criterion = criteria.pop((change.rpartition(".")[2], None), None)
            if criterion is None and not any(cells[1:]):
                continue
            rows.append(([*cells, _bounds(criterion)], _grade(criterion)))
    for (metric, part), criterion in criteria.items():
        shown = _shown(metric, criterion["value"], None)
        label = _label(metric) if part is None else f"{_label(metric)}, {part}"
        rows.append(([label, "", "", shown, _bounds(criterion)], _grade(criterion)))
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
    label = _label(name or change.rpartition(".")[2])
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


def _label(name: str) -> str:
    """The metric's label; that it is S over T, the column says."""
    return CATALOG[name].label.removesuffix(", S / T")


def _bounds(criterion: Mapping[str, Any] | None) -> str:
    if criterion is None:
        return ""
    higher = CATALOG[criterion["metric"]].direction == "higher"
    good, poor = (">", "<") if higher else ("<", ">")
    return f"{good}{criterion['good']:g} / {poor}{criterion['poor']:g}"


def _grade(criterion: Mapping[str, Any] | None) -> tuple[str, str]:
    if criterion is None:
        return "", ""
    words = GRADE_WORDS.get(criterion["grade"], criterion["grade"])
    if criterion["borderline"]:
        words += " ?"
    return words, GRADE_STYLES.get(criterion["grade"], "")


def _notes(document: Mapping[str, Any]) -> list[str]:
    criteria = document["verdict"]["criteria"]
    notes = _from_cache(document)
    for criterion in criteria:
        if criterion["grade"] in ("not_judged", "not_applicable"):
            part = "" if criterion["slice"] is None else f", {criterion['slice']}"
            words = GRADE_WORDS[criterion["grade"]]
            notes.append(f"{words}: {_label(criterion['metric'])}{part}: {criterion['reason']}")
    if document["distillation"]["number_format_differs"]:
        bits = (document[role]["size"]["bits_per_parameter"] for role in ("teacher", "student"))
        notes.append(str(number_format_flag(*bits)))
    if document["distillation"]["tokenizers_differ"]:
        notes.append("the tokenizers differ: compare characters per second, not tokens per second")
    unsure = [criterion for criterion in criteria if criterion["borderline"]]
    if any(criterion["slice"] is not None for criterion in unsure):
        notes.append("?: a slice is short of its bound, but so few questions may be by chance")
    if any(criterion["slice"] is None for criterion in unsure):
        notes.append("?: the interval holds a bound; more rounds or a quieter machine would tell")
    notes += _from_regression(document)
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
        asked = run["options"]["--distill-baseline"] is not None
        return [f"no baseline: {document['reasons']['run.baseline']}"] if asked else []
    notes = [f"baseline: {run['baseline']['path']} of {run['baseline']['created_at'][:10]}"]
    for each in document["regression"]:
        words = f"{_label(each['metric'])}: {each['verdict'].replace('_', ' ')}"
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


def _names(written: Sequence[Path]) -> list[str]:
    """A name a file; plots, of which there are many, in one line."""
    names = [_short(path) for path in written if path.suffix != ".png"]
    plots = [path for path in written if path.suffix == ".png"]
    if len(plots) == 1:
        names.append(_short(plots[0]))
    elif plots:
        names.append(f"{_short(plots[0].with_name('report_*.png'))}, {len(plots)} plots")
    return names


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(_printable(text), width, subsequent_indent="  ")


def _printable(text: str) -> str:
    """Names come from users: no control character of theirs reaches the terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
