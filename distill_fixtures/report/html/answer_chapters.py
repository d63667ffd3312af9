"""The chapters that come from answers: accuracy, and how like the teacher the student answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.report.html.accuracy_plot import accuracy_plot
from distill_fixtures.report.html.agreement_plot import agreement_plot
from distill_fixtures.report.html.calibration_plot import calibration_plot
from distill_fixtures.report.html.figure_tables import model_table, pair_table, per_model_table
from distill_fixtures.report.html.flips import flip_table, option_letter
from distill_fixtures.report.html.lookups import Node, find, interval_words, shown
from distill_fixtures.report.html.parts import Chapter, Table, plots_and_gaps, table
from distill_fixtures.report.html.slice_plot import slice_plot

__all__ = ["accuracy_chapter", "fidelity_chapter"]

PAIR: Final = ("teacher", "student")
F1_NAMES: Final = {
    "teacher_macro": "teacher_macro",
    "student_macro": "student_macro",
    "student_vs_teacher_macro": "student_vs_teacher_macro",
    "teacher_token_f1": "token_f1",
    "student_token_f1": "token_f1",
}
"""Keys of the comparison's summary, and the metric that each is."""


def accuracy_chapter(document: Node, comparison: Node | None) -> Chapter:
    """How often each model is right, in all and slice by slice."""
    found = [
        ("Accuracy with intervals", accuracy_plot(document)),
    ]
    if find(document, "student.accuracy.by_question_type"):
        kind = "Accuracy by question type"
        found.append((kind, slice_plot(document, "question_type")))
    found += [
        ("Accuracy by subdomain", slice_plot(document, "subdomain")),
        ("Calibration", calibration_plot(document, comparison)),
    ]
    plots, gaps = plots_and_gaps(found)
    tables = [
        model_table(document, "accuracy", "Accuracy and calibration"),
        pair_table(document, ("retention",), "Retention, against the labels"),
        *_positions(document),
    ]
    return Chapter("accuracy", "Accuracy", _lead(document), plots, tuple(tables), gaps)


def _lead(document: Node) -> str:
    teacher, student = (document[role]["accuracy"] for role in PAIR)
    if teacher["correct"] is None or student["correct"] is None:
        return ""
    said = (
        f"The student is right on {student['correct']:,} of {student['total']:,} questions, the "
        f"teacher on {teacher['correct']:,}."
    )
    kept = document["distillation"]["knowledge_retention_pct"]
    if kept is None:
        return said
    interval = document["distillation"]["intervals"].get("knowledge_retention_pct")
    words = interval_words("knowledge_retention_pct", interval)
    said += f" It keeps {shown('knowledge_retention_pct', kept)} of the teacher's accuracy"
    return said + (f" (95 % interval {words})." if words else ".")


def _positions(document: Node) -> list[Table]:
    """How often each option position was picked; empty where nobody counted."""
    by_role = {role: find(document, f"{role}.accuracy.position_shares") or {} for role in PAIR}
    places = list(dict.fromkeys(place for shares in by_role.values() for place in shares))
    if not places:
        return []
    rows = [
        (
            _position(place),
            *(shown("position_shares", by_role[role].get(place)) for role in PAIR),
        )
        for place in places
    ]
    label = CATALOG["position_shares"].label
    return [table(label, ("Position", "Teacher", "Student"), rows, folded=True)]


def _position(key: str) -> str:
    return f"{option_letter(int(key))}" if key.isdecimal() else key


def fidelity_chapter(document: Node, comparison: Node | None) -> Chapter:
    """Who is right where, which questions changed sides, and how alike the answers are."""
    plots, gaps = plots_and_gaps([("Who is right", agreement_plot(document, comparison))])
    tables = [
        pair_table(document, ("fidelity",), "Fidelity, against the teacher"),
        per_model_table(document, "distillation.fidelity", "Likelihood of the questions' text"),
    ]
    if comparison is None:
        gaps += (
            "Questions that were lost or gained: the answers one by one, in "
            "comparison_results.json, are not at hand",
        )
    else:
        tables += [flip_table(comparison, "lost"), flip_table(comparison, "gained")]
        tables.append(_f1_table(comparison))
    return Chapter(
        "fidelity", "Agreement with the teacher", _agreement(document), plots, tuple(tables), gaps
    )


def _agreement(document: Node) -> str:
    fidelity = document["distillation"]["fidelity"]
    if fidelity["agreement"] is None:
        return ""
    said = (
        f"Teacher and student give the same answer to "
        f"{shown('agreement', fidelity['agreement'])} of the questions."
    )
    if fidelity["negative_flip_rate"] is not None and fidelity["positive_flip_rate"] is not None:
        said += (
            f" The student lost {shown('agreement', fidelity['negative_flip_rate'])} that "
            f"the teacher knew, and gained "
            f"{shown('agreement', fidelity['positive_flip_rate'])} that it did not."
        )
    return said


def _f1_table(comparison: Node) -> Table:
    summary: Mapping[str, Node] = comparison["summary"]
    rows = [
        (f"{CATALOG['exact_match_vs_reference'].label}, {role}", shown("accuracy", value))
        for role, value in summary["exact_match_vs_reference"].items()
    ]
    notes: dict[str, list[str]] = {}
    for key, name in F1_NAMES.items():
        value = summary["f1"].get(key)
        role = key.partition("_")[0]
        label = CATALOG[name].label + (f" of the {role}" if name == "token_f1" else "")
        if value is None:
            reason = comparison["reasons"].get(f"summary.f1.{key}", "the file does not say why")
            notes.setdefault(reason, []).append(label)
        else:
            rows.append((label, shown("accuracy", value)))
    said = [f"{'; '.join(labels)}: {reason}." for reason, labels in notes.items()]
    return table("Exact match and F1", ("Figure", "Value"), rows, notes=said, folded=True)
