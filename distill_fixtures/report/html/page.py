"""report.html of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill_fixtures.report.html.answer_chapters import accuracy_chapter, fidelity_chapter
from distill_fixtures.report.html.canvas import draw
from distill_fixtures.report.html.clean_text import label
from distill_fixtures.report.html.cost_chapters import (
    memory_chapter,
    size_chapter,
    speed_chapter,
    tradeoff_chapter,
)
from distill_fixtures.report.html.criteria_cards import GRADE_WORDS, cards_of, slices_table
from distill_fixtures.report.html.figure_tables import glance_table, shown_metrics
from distill_fixtures.report.html.lookups import Node, shown
from distill_fixtures.report.html.notices import notices_of
from distill_fixtures.report.html.parts import Chapter
from distill_fixtures.report.html.run_chapters import regression_chapter, run_chapter
from distill_fixtures.report.html.templates import render

__all__ = ["Report", "draw_report"]


@dataclass(frozen=True, slots=True)
class Report:
    """A page and its plots.

    Attributes:
        html: of the page, which needs no other file.
        pngs: the plots by name.
    """

    html: str
    pngs: Mapping[str, bytes]


def draw_report(document: Node, comparison: Node | None) -> Report:
    """Draw the page of one run.

    Args:
        document: a valid ``distillation_metrics.json``.
        comparison: the ``comparison_results.json`` of the same run; None where there is none.
    """
    chapters = _chapters(document, comparison)
    drawn = draw(plot for chapter in chapters for plot in chapter.plots)
    criteria = document["verdict"]["criteria"]
    html = render(
        "report.html.j2",
        drawn,
        header=_header(document),
        notices=notices_of(document),
        cards=cards_of(criteria),
        slices=slices_table(criteria),
        glance=glance_table(document),
        chapters=chapters,
        definitions=shown_metrics(document),
        compared=comparison is not None,
    )
    return Report(html, {name: each.png for name, each in drawn.items()})


def _chapters(document: Node, comparison: Node | None) -> list[Chapter]:
    """In the order in which people ask: is it as good, is it cheaper, may I trust this."""
    return [
        accuracy_chapter(document, comparison),
        fidelity_chapter(document, comparison),
        speed_chapter(document),
        memory_chapter(document),
        size_chapter(document),
        tradeoff_chapter(document),
        regression_chapter(document),
        run_chapter(document),
    ]


def _header(document: Node) -> dict[str, Any]:
    """What was compared and what came of it."""
    dataset, environment = document["dataset"], document["environment"]
    verdict = document["verdict"]
    facts = [
        f"{dataset['questions']:,} questions of {label(dataset['name'], 60)}",
        f"{dataset['scoring']} scoring",
        f"{document['created_at'][:16].replace('T', ' ')} {_zone(document['created_at'])}".strip(),
    ]
    if document["control"] is not None:
        facts.insert(0, f"control {label(document['control']['reference'], 60)}")
    if environment["device"] is not None:
        facts.append(f"{environment['device']} {environment['dtype'] or ''}".strip())
    facts.append(label(str(environment["machine"].get("cpu") or "processor unknown"), 60))
    return {
        "teacher": label(document["teacher"]["reference"], 80),
        "student": label(document["student"]["reference"], 80),
        "overall": verdict["overall"],
        "overall_words": _overall_words(verdict),
        "gate": verdict["gate"],
        "summary": _summary(document["distillation"]),
        "facts": facts,
    }


def _overall_words(verdict: Node) -> str:
    """The worst grade; that it is the judged criteria's alone where one could not be judged."""
    words = GRADE_WORDS[verdict["overall"]]
    open_ones = any(each["grade"] == "not_judged" for each in verdict["criteria"])
    return f"{words} where judged" if open_ones and verdict["overall"] != "not_judged" else words


def _zone(created_at: str) -> str:
    return "UTC" if created_at.endswith(("+00:00", "Z")) else ""


def _summary(pair: Node) -> str:
    """What was kept and what was saved, as far as it is known."""
    said = []
    kept = pair["knowledge_retention_pct"]
    if kept is not None:
        share = shown("knowledge_retention_pct", kept)
        said.append(f"keeps {share} of the teacher's accuracy")
    for name, less, more in (
        ("size_reduction_pct", "is {} smaller on disk", "is {} larger on disk"),
        ("speed_improvement_pct", "takes {} less time a sample", "takes {} more time a sample"),
        ("memory_reduction_pct", "needs {} less memory", "needs {} more memory"),
    ):
        value = pair[name]
        if value is not None:
            said.append((less if value >= 0 else more).format(shown(name, abs(value))))
    if not said:
        return ""
    *first, last = said
    return f"The student {', '.join(first)}{' and ' if first else ''}{last}."
