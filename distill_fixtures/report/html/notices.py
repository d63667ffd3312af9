"""What a reader must know before any figure: what is partial, noisy, or does not compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from distill_fixtures.metrics.size import number_format_flag
from distill_fixtures.report.html.lookups import ROLES, Node

__all__ = ["Notice", "notices_of"]

MOST_SENTENCES: Final = 6


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know.

    Attributes:
        weight: ``warning`` where figures may mislead without it, else ``note``.
        title: what it is about.
        sentences: what it says.
    """

    weight: Literal["warning", "note"]
    title: str
    sentences: tuple[str, ...]


def notices_of(document: Node) -> list[Notice]:
    """What to know of this run, warnings first."""
    run, pair = document["run"], document["distillation"]
    found = []
    if run["interrupted"]:
        said = "only what was measured until then is here"
        found.append(Notice("warning", "Interrupted", (said,)))
    if run["partial"]:
        found.append(Notice("warning", "Partial run", tuple(run["partial_reasons"])))
    problems = document["environment"]["machine_check"]["problems"]
    if problems:
        said_of = [f"{each['sentence']} ({each['when']})" for each in problems[:MOST_SENTENCES]]
        found.append(Notice("warning", "The machine was not quiet", tuple(said_of)))
    if pair["number_format_differs"]:
        bits = (document[role]["size"]["bits_per_parameter"] for role in ROLES[:2])
        found.append(Notice("note", "Number formats differ", (f"{number_format_flag(*bits)}",)))
    if pair["tokenizers_differ"]:
        said = "compare characters per second, not tokens per second"
        found.append(Notice("note", "Tokenizers differ", (said,)))
    if document["dataset"]["warnings"]:
        warnings = tuple(document["dataset"]["warnings"][:MOST_SENTENCES])
        found.append(Notice("note", "The questions", warnings))
    cached = _from_cache(document)
    if cached:
        found.append(Notice("note", "Answers from the score cache", (cached,)))
    return found


def _from_cache(document: Node) -> str:
    counts = {
        role: document[role]["scoring"]["questions_from_cache"] or 0
        for role in ROLES
        if document[role] is not None
    }
    total = document["dataset"]["questions"]
    return ", ".join(f"{count} of {total} of the {role}" for role, count in counts.items() if count)
