"""The chapters about the run itself: against the baseline, what ran where, how to run it again."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, Final

from distill_fixtures.report.html.command_line import command_line
from distill_fixtures.report.html.key_values import facts_table, key_words, words_of
from distill_fixtures.report.html.lookups import ROLES, Node, find, shown, why_missing
from distill_fixtures.report.html.parts import Cell, Chapter, Table, plots_and_gaps, table
from distill_fixtures.report.html.regression_plot import regression_plot, regression_table

__all__ = ["regression_chapter", "run_chapter"]

MOST_PROCESSES: Final = 60
TOLD_ELSEWHERE: Final = ("load", "during", "problems")


def regression_chapter(document: Node) -> Chapter:
    """The run against an earlier one."""
    plots, gaps = plots_and_gaps([("Change since the baseline", regression_plot(document))])
    baseline = document["run"]["baseline"]
    lead = ""
    tables: list[Table] = []
    if baseline is not None:
        lead = (
            f"Held against the run of {baseline['created_at'][:10]} with student "
            f"{baseline['student']} ({baseline['path']}). Times of another day are compared by "
            "the student's time over its teacher's."
        )
    if document["regression"] is not None and not plots:
        tables.append(regression_table(document))
    if document["process_timing"] is not None:
        tables.append(_processes(document["process_timing"]))
    return Chapter("regression", "Baseline", lead, plots, tuple(tables), gaps)


def _processes(timing: Node) -> Table:
    processes = timing["processes"]
    rows = [
        (
            f"{place}",
            shown("load_time_s", each["load_s"]),
            f"{len(each['teacher']['seconds'])}",
            *(
                shown("inference_time_s", median(each[role]["seconds"]) / timing["samples"])
                for role in ("teacher", "student")
            ),
        )
        for place, each in enumerate(processes[:MOST_PROCESSES], start=1)
    ]
    notes = [
        f"{len(processes)} processes on {timing['device']} in {timing['dtype']}, "
        f"{timing['threads']} threads, {timing['samples']} samples a round, "
        f"{timing['new_tokens']} new tokens each."
    ]
    if timing["note"] is not None:
        notes.append(timing["note"])
    return table(
        "Rounds in several processes: what a later run is held against",
        ("Process", "Load both", "Rounds", "Teacher, median per sample", "Student, median"),
        rows,
        notes=notes,
        folded=True,
    )


def run_chapter(document: Node) -> Chapter:
    """Models, questions, machine, versions, options, and the command that makes the run again."""
    check = document["environment"]["machine_check"]
    tables = [
        _models(document),
        facts_table(document, "Questions", "dataset", document["dataset"], without=["warnings"]),
        _problems(check),
        _environment(document),
        _versions(document),
        facts_table(document, "Machine check", "environment.machine_check", check,
                    without=TOLD_ELSEWHERE, folded=True),
        *_loads(document),
        _options(document["run"]["options"]),
    ]  # fmt: skip
    lead = (
        "The command makes the run again, in the folder of the suite (elsewhere with "
        "--pyargs distill_fixtures.suite). Options at their defaults are left out of it."
    )
    if any("deselected" in reason for reason in document["run"]["partial_reasons"]):
        lead += " The selection of tests (-m, -k, names of files) is not known and not part of it."
    command = command_line(document["run"]["options"])
    return Chapter("run", "The run", lead, (), tuple(tables), (), command)


def _models(document: Node) -> Table:
    roles = [role for role in ROLES if document[role] is not None]
    facts = {key: key for key in ("reference", "architecture", "digest")}
    scoring = document["teacher"]["scoring"]
    facts |= {f"scoring.{key}": f"scoring: {key_words(key)}" for key in scoring}
    rows = [
        [Cell(words), *(_or_why(document, f"{role}.{path}") for role in roles)]
        for path, words in facts.items()
    ]
    headings = ("What", *(role.capitalize() for role in roles))
    return table("Models", headings, rows, words=range(len(headings)), broad=True)


def _or_why(document: Node, path: str) -> Cell:
    value = find(document, path)
    if value is None:
        return Cell("—", note=why_missing(document, path))
    return Cell(words_of(path.rpartition(".")[2], value))


def _problems(check: Node) -> Table:
    """What was wrong with the machine, the worst first; said too where nothing was."""
    rows = [
        (
            each["when"],
            Cell(
                each["severity"].replace("_", " "),
                grade="poor" if each["severity"] == "too_noisy" else "acceptable",
            ),
            Cell(each["sentence"], note=each["next_step"]),
        )
        for each in check["problems"]
    ]
    notes = () if rows else ("Nothing was found that would disturb the timing.",)
    return table(
        "What was wrong with the machine",
        ("When", "How bad", "What"),
        rows,
        words=range(3),
        notes=notes,
    )


def _loads(document: Node) -> list[Table]:
    """What others did on the machine before and during each timing; empty where nobody looked."""
    path = "environment.machine_check"
    check = find(document, path)
    told = {"before": check["load"], **{_timing_words(k): v for k, v in check["during"].items()}}
    loads: dict[str, Mapping[str, Any]] = {k: v for k, v in told.items() if v is not None}
    if not loads:
        return []
    rows = [
        (key_words(key), *(words_of(key, _busy(load.get(key))) or "—" for load in loads.values()))
        for key in next(iter(loads.values()))
    ]
    return [table("Load of the machine", ("What", *loads), rows, folded=True)]


def _timing_words(key: str) -> str:
    """Which timing it was.

    >>> _timing_words("8"), _timing_words("merged_student")
    ('batch 8', 'merged student')
    """
    return f"batch {key}" if key.isdecimal() else key.replace("_", " ")


def _busy(value: Any) -> Any:
    """Busy processes by name, as one text; all else as it is."""
    if isinstance(value, list):
        return [f"{each['name']} {each['cores']:.2f}" for each in value]
    return value


def _environment(document: Node) -> Table:
    environment = document["environment"]
    keys = ("device", "dtype", "threads", "git_commit", "comparability_key")
    machine = facts_table(document, "Environment", "environment.machine", environment["machine"])
    rest = facts_table(
        document, "Environment", "environment", {key: environment[key] for key in keys}
    )
    return table("Environment", machine.headings, [*machine.rows, *rest.rows], words=(0, 1))


def _versions(document: Node) -> Table:
    rows = list(document["environment"]["versions"].items())
    return table("Versions", ("Package", "Version"), rows, words=(0, 1), folded=True)


def _options(options: Mapping[str, Any]) -> Table:
    rows = [
        (flag, "not given" if value is None else words_of(flag, value))
        for flag, value in options.items()
    ]
    return table("Every option", ("Option", "Value"), rows, words=(0, 1), folded=True)
