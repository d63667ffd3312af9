"""report.html of several runs: a table, and accuracy against cost with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from distill_fixtures.catalog import CATALOG
from distill_fixtures.records import Undefined
from distill_fixtures.report.html.canvas import draw
from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.criteria_cards import GRADE_WORDS
from distill_fixtures.report.html.lookups import Node, find, interval_of, interval_words, shown
from distill_fixtures.report.html.notices import Notice
from distill_fixtures.report.html.page import Report
from distill_fixtures.report.html.parts import Cell, Chapter, Plot, Table, left_out, table
from distill_fixtures.report.html.templates import render
from distill_fixtures.report.html.tradeoff_plot import (
    COSTS,
    Candidate,
    candidates_of,
    front,
    tradeoff_plot,
)

__all__ = ["draw_joint_report"]

MOST_RUNS: Final = 200
SAME_QUESTIONS: Final = ("dataset.digest", "dataset.scoring", "dataset.prompt_digest")
SAME_TIMES: Final = (
    "environment.comparability_key",
    "dataset.digest",
    "run.options.--distill-new-tokens",
    "run.options.--benchmark-samples",
)
FIGURES: Final = (
    ("size.disk_bytes", "size_reduction_pct", "{} less"),
    ("benchmark.inference_time_s", "speed_improvement_pct", "{} saved"),
    ("memory.model_memory_bytes", "memory_reduction_pct", "{} less"),
)
"""Of the student's figures: its path, and what the pair says of it."""


@dataclass(frozen=True, slots=True)
class Comparable:
    """What of several runs may be put side by side.

    Attributes:
        answers: all were asked the same questions in the same way.
        times: all were timed in the same way on machines that compare.
    """

    answers: bool
    times: bool


def draw_joint_report(documents: Sequence[Node], links: Sequence[str]) -> Report:
    """Draw the page of several runs.

    Args:
        documents: valid ``distillation_metrics.json``, in the order in which they are listed.
        links: from the page to each run's own; empty: there is none.
    """
    same = Comparable(_all_same(documents, SAME_QUESTIONS), _all_same(documents, SAME_TIMES))
    candidates = _candidates(documents)
    plot: Plot | Undefined = Undefined("the runs were not asked the same questions in the same way")
    if same.answers:
        without = () if same.times else ("inference_time_s",)
        plot = tradeoff_plot(None, candidates, without=without)
    found = plot if isinstance(plot, Plot) else None
    gaps = [f"Accuracy against cost: {plot.reason}"] if isinstance(plot, Undefined) else []
    if found is not None and not same.times:
        gaps.append("Accuracy against time: the machines, or how they timed, do not compare")
    chapter = Chapter(
        anchor="runs",
        title="The runs",
        plots=() if found is None else (found,),
        tables=(_runs(documents, links, candidates, same), _students(documents)),
        gaps=tuple(gaps),
    )
    drawn = draw(chapter.plots)
    html = render(
        "runs.html.j2",
        drawn,
        title=f"{len(documents)} runs side by side",
        facts=_facts(documents),
        notices=_notices(documents, same),
        chapter=chapter,
    )
    return Report(html, {name: each.png for name, each in drawn.items()})


def _all_same(documents: Sequence[Node], paths: Sequence[str]) -> bool:
    return all(len({str(find(each, path)) for each in documents}) == 1 for path in paths)


def _candidates(documents: Sequence[Node]) -> list[Candidate]:
    """Each run's student by its number, and each teacher once."""
    found: list[Candidate] = []
    teachers: set[str] = set()
    for number, document in enumerate(documents, start=1):
        for each in candidates_of(document):
            if each.role == "student":
                found.append(replace(each, name=f"{number}"))
            if each.role == "teacher":
                digest = str(document["teacher"]["digest"] or document["teacher"]["reference"])
                if digest not in teachers:
                    teachers.add(digest)
                    name = "T" if len(teachers) == 1 else f"T{len(teachers)}"
                    found.append(replace(each, name=name))
    return found


def _runs(
    documents: Sequence[Node],
    links: Sequence[str],
    candidates: Sequence[Candidate],
    same: Comparable,
) -> Table:
    """A row a run; which students no other beats, where the runs compare."""
    costs = [cost for cost in COSTS if same.answers and (same.times or cost == "disk_bytes")]
    fronts = {cost: {each.name for each in front(candidates, cost)} for cost in costs}
    rows = []
    for number, document in enumerate(documents[:MOST_RUNS], start=1):
        on = [CATALOG[cost].label.lower() for cost, names in fronts.items() if f"{number}" in names]
        rows.append(
            (
                f"{number}",
                Cell(
                    label(document["student"]["reference"], 60),
                    note=document["created_at"][:16].replace("T", " "),
                    link=quote(links[number - 1]),
                ),
                _verdict(document),
                *_figures(document),
                ", ".join(on) or "—",
            )
        )
    headings = (
        "Run",
        "Student",
        "Verdict",
        "Accuracy",
        "Knowledge retention",
        *(CATALOG[path.rpartition(".")[2]].label for path, _, _ in FIGURES),
        "On the Pareto front of",
    )
    return table(
        "Students, each against its teacher",
        headings,
        rows,
        words=(0, 1, 2, 8),
        notes=left_out(len(documents), MOST_RUNS, "runs"),
        broad=True,
    )


def _verdict(document: Node) -> Cell:
    verdict = document["verdict"]
    marks = [f"gate: {verdict['gate']}"]
    if document["run"]["partial"]:
        marks.append("partial run")
    return Cell(GRADE_WORDS[verdict["overall"]], note=", ".join(marks), grade=verdict["overall"])


def _figures(document: Node) -> list[Cell]:
    pair = document["distillation"]
    accuracy = find(document, "student.accuracy.accuracy")
    interval = interval_of(document, "student", "accuracy", "accuracy")
    kept = "knowledge_retention_pct"
    cells = [
        Cell(shown("accuracy", accuracy), note=interval_words("accuracy", interval)),
        Cell(shown(kept, pair[kept]), note=interval_words(kept, pair["intervals"].get(kept))),
    ]
    for path, change, words in FIGURES:
        value = find(document, f"student.{path}")
        said = "" if pair[change] is None else words.format(shown(change, pair[change]))
        cells.append(Cell(shown(path.rpartition(".")[2], value), note=said))
    return cells


def _students(documents: Sequence[Node]) -> Table:
    rows = [
        (
            f"{number}",
            document["student"]["reference"],
            document["teacher"]["reference"],
            f"{document['dataset']['questions']} of {document['dataset']['name']}, "
            f"{document['dataset']['scoring']}",
            f"{document['environment']['machine'].get('cpu', 'unknown')}",
        )
        for number, document in enumerate(documents[:MOST_RUNS], start=1)
    ]
    headings = ("Run", "Student", "Teacher", "Questions", "Processor")
    return table("What was compared", headings, rows, words=range(5), folded=True)


def _facts(documents: Sequence[Node]) -> list[str]:
    days = sorted(document["created_at"][:10] for document in documents)
    teachers = list(dict.fromkeys(document["teacher"]["reference"] for document in documents))
    facts = [days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"]
    facts.append(f"teacher {label(teachers[0], 60)}" if len(teachers) == 1 else
                 f"{len(teachers)} teachers")  # fmt: skip
    return facts


def _notices(documents: Sequence[Node], same: Comparable) -> list[Notice]:
    found: list[Notice] = []

    def note(title: str, sentence: str) -> None:
        found.append(Notice("warning", title, (sentence,)))

    if not same.answers:
        note("Accuracies do not compare", "the questions, or how they were put, differ")
    if not same.times:
        note(
            "Times do not compare",
            "the machine, its software, or how it was timed differ; time saved, each student "
            "against its own teacher on its own machine, does compare",
        )
    partial: list[Any] = [n for n, each in enumerate(documents, 1) if each["run"]["partial"]]
    if partial:
        note("Partial", f"runs {', '.join(map(str, partial))} did not measure everything")
    return found
