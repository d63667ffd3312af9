"""report.html of several runs: the leaderboard, accuracy against cost, and who is surely ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from distill_fixtures.catalog import CATALOG, MISSING
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import draw
from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.criteria_cards import GRADE_WORDS
from distill_fixtures.report.html.lookups import Node, interval_words, shown
from distill_fixtures.report.html.notices import Notice
from distill_fixtures.report.html.page import Report
from distill_fixtures.report.html.parts import Cell, Chapter, Table, left_out, table
from distill_fixtures.report.html.templates import render
from distill_fixtures.report.html.tradeoff_plot import (
    COSTS,
    Candidate,
    candidates_of,
    tradeoff_plot,
)
from distill_fixtures.report.leaderboard import SURE

__all__ = ["JOINT_METRICS", "JointRun", "draw_joint_report"]

JOINT_METRICS: Final = (
    "accuracy",
    "knowledge_retention_pct",
    "inference_time_s",
    "speedup",
    "disk_bytes",
    "model_memory_bytes",
)
"""The columns of the table, which a board for this page must have."""

MOST_RUNS: Final = 200
MOST_PAIRS: Final = 60
MOST_ABSENT: Final = 20
Board = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JointRun:
    """One of the runs of a board, in its order.

    Attributes:
        document: a valid ``distillation_metrics.json``.
        link: from the page to the run's own; empty: it has none.
    """

    document: Node
    link: str


def draw_joint_report(board: Board, runs: Sequence[JointRun]) -> Report:
    """Draw the page of several runs.

    Args:
        board: what ``distill-bench compare --json`` prints, with ``JOINT_METRICS``; or a
            session's ``leaderboard.json``.
        runs: those of the board.
    """
    found = tradeoff_plot(None, _candidates(board, runs))
    plots = () if isinstance(found, Undefined) else (found,)
    gaps = [f"Accuracy against cost: {found.reason}"] if isinstance(found, Undefined) else []
    if plots:
        gaps += _left_out_of_plot(board)
    chapters = [
        Chapter(
            anchor="runs",
            title="The students",
            lead=_lead(board),
            plots=plots,
            tables=(_leaderboard(board, runs),),
            gaps=tuple(gaps),
        ),
        _pairs(board),
        Chapter("compared", "What was compared", tables=(_compared(board, runs),)),
    ]
    drawn = draw(plots)
    html = render(
        "runs.html.j2",
        drawn,
        title=f"{len(runs)} students side by side",
        facts=_facts(runs),
        notices=_notices(board),
        chapters=chapters,
    )
    return Report(html, {name: each.png for name, each in drawn.items()})


def _candidates(board: Board, runs: Sequence[JointRun]) -> list[Candidate]:
    """Each student by its place, and each teacher once, with what compares with the first file."""
    found: list[Candidate] = []
    teachers: set[str] = set()
    for row, run in zip(board["runs"], runs, strict=True):
        known = {name for name in JOINT_METRICS if row["figures"][name]["value"] is not None}
        if "accuracy" not in known:
            continue
        for each in candidates_of(run.document):
            digest = str(run.document["teacher"]["digest"] or row["teacher"])
            name = f"{row['place']}"
            if each.role == "control" or (each.role == "teacher" and digest in teachers):
                continue
            if each.role == "teacher":
                teachers.add(digest)
                name = "T" if len(teachers) == 1 else f"T{len(teachers)}"
            costs = {cost: value if cost in known else None for cost, value in each.costs.items()}
            found.append(replace(each, name=name, costs=costs, competes=each.role == "student"))
    return found


def _left_out_of_plot(board: Board) -> list[str]:
    """A sentence for each cost of which some students' figures cannot stand beside the others'."""
    said = []
    for cost in COSTS:
        without = [
            f"{row['place']}"
            for row in board["runs"]
            if None in (row["figures"][cost]["value"], row["figures"]["accuracy"]["value"])
        ]
        if without:
            runs = f"run{'s' * (len(without) > 1)} {', '.join(without)}"
            said.append(f"{CATALOG[cost].label} of {runs} in the drawing: the table says why")
    return said


def _lead(board: Board) -> str:
    by = CATALOG[board["sorted_by"]].label.lower()
    said = f"Best first by {by}. Figures are held against run {board['held_against']}, the first "
    return said + "file given; what does not compare with it is a dash with its reason."


def _leaderboard(board: Board, runs: Sequence[JointRun]) -> Table:
    """A row a run."""
    rows = [
        [
            Cell(
                f"{row['place']}. {label(row['student'], 60)}",
                note=row["created_at"][:16].replace("T", " "),
                link=quote(run.link),
            ),
            _verdict(row),
            *(_figure(name, row["figures"][name]) for name in JOINT_METRICS),
            Cell(", ".join(row["front"]) or MISSING),
        ]
        for row, run in zip(board["runs"][:MOST_RUNS], runs, strict=False)
    ]
    labels = (CATALOG[name].label for name in JOINT_METRICS)
    notes = [
        "Front: no other run has at least its accuracy for less time, or for less size.",
        *left_out(len(runs), MOST_RUNS, "runs"),
    ]
    return table(
        "Students, each against its teacher",
        ("Student", "Verdict", *labels, "Front"),
        rows,
        words=(0, 1, 2 + len(JOINT_METRICS)),
        notes=notes,
        broad=True,
    )


def _verdict(row: Node) -> Cell:
    marks = [f"gate: {row['gate']}"] + ["partial"] * row["partial"]
    return Cell(GRADE_WORDS[row["overall"]], note=", ".join(marks), grade=row["overall"])


def _figure(name: str, figure: Node) -> Cell:
    if figure["value"] is None:
        return Cell(MISSING, note=figure["why"])
    return Cell(shown(name, figure["value"]), note=interval_words(name, figure["ci95"]))


def _pairs(board: Board) -> Chapter:
    """Which accuracies differ by more than chance."""
    pairs = sorted(board["pairs"], key=lambda each: (each["p_holm"], each["p_mcnemar"]))
    if not pairs:
        gap = (
            "Accuracy in pairs: no two runs have answers to the same questions, put the same way",
        )
        return Chapter("pairs", "Who is surely ahead", gaps=gap)
    sure = sum(each["p_holm"] < SURE for each in pairs)
    notes = list(left_out(len(pairs), MOST_PAIRS, "pairs"))
    if not all(each["sources_known"] for each in pairs):
        notes.append(
            "Some intervals take the questions as independent: without comparison_results.json "
            "beside a run nothing tells which share a source."
        )
    found = table(
        "Accuracy in pairs",
        ("Runs", "Difference", "95 % interval", "Only the first right", "Only the second right",
         "p", "p (Holm)"),
        [_pair(each) for each in pairs[:MOST_PAIRS]],
        notes=notes,
        broad=True,
    )  # fmt: skip
    counted = f"{len(pairs)} pair{'s' * (len(pairs) > 1)}"
    lead = (
        f"Students on the same questions: exact McNemar, Holm's correction over {counted}; "
        f"{sure} of them differ{'s' * (sure == 1)} by more than chance (p below {SURE:g})."
    )
    return Chapter("pairs", "Who is surely ahead", lead, tables=(found,))


def _pair(each: Node) -> tuple[str | Cell, ...]:
    ends = each["ci95"]
    grade = "good" if each["p_holm"] < SURE else ""
    return (
        f"{each['first']} against {each['second']}",
        shown("accuracy_delta", each["difference"]),
        Cell(MISSING, note=each["why_no_interval"] or "")
        if ends is None
        else interval_words("accuracy_delta", ends),
        f"{each['only_first_right']}",
        f"{each['only_second_right']}",
        f"{each['p_mcnemar']:.2g}",
        Cell(f"{each['p_holm']:.2g}", grade=grade),
    )


def _compared(board: Board, runs: Sequence[JointRun]) -> Table:
    rows = []
    for row, run in zip(board["runs"][:MOST_RUNS], runs, strict=False):
        dataset = run.document["dataset"]
        rows.append(
            (
                f"{row['place']}. {row['student']}",
                row["teacher"],
                f"{dataset['questions']:,} of {dataset['name']}, {dataset['scoring']}",
                f"{run.document['environment']['machine'].get('cpu') or 'unknown'}",
                row["path"],
            )
        )
    headings = ("Student", "Teacher", "Questions", "Processor", "File")
    return table("Models, questions, machines", headings, rows, words=range(5), broad=True)


def _facts(runs: Sequence[JointRun]) -> list[str]:
    days = sorted(run.document["created_at"][:10] for run in runs)
    teachers = list(dict.fromkeys(run.document["teacher"]["reference"] for run in runs))
    told = (
        f"teacher {label(teachers[0], 60)}" if len(teachers) == 1 else f"{len(teachers)} teachers"
    )
    return [days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}", told]


def _notices(board: Board) -> list[Notice]:
    """Warnings on runs that tell only a part, and on figures that are not put side by side."""
    found = []
    partial = [f"{row['place']}" for row in board["runs"] if row["partial"]]
    if partial:
        runs = f"run{'s' * (len(partial) > 1)} {', '.join(partial)}"
        found.append(Notice("warning", "Partial", (f"{runs} did not measure everything",)))
    missing = [
        CATALOG[name].label
        for name in JOINT_METRICS
        if any(row["figures"][name]["value"] is None for row in board["runs"])
    ]
    if missing:
        said = f"{', '.join(missing)}: dashes in the table, with the reason"
        found.append(Notice("note", "Not every figure compares", (said,)))
    absent = board.get("not_measured", ())
    if absent:
        told = [
            f"{label(each['name'], 60)} ({each['status'].replace('_', ' ')}): "
            f"{label(each['reason'], 300)}"
            for each in absent[:MOST_ABSENT]
        ]
        told += left_out(len(absent), MOST_ABSENT, "students")
        found.append(Notice("warning", "Not measured", tuple(told)))
    return found
