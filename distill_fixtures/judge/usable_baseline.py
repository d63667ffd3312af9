"""Whether an earlier run may be a baseline of this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from distill_fixtures.catalog import Origin, metric
from distill_fixtures.judge.comparability import conditions_of, differences
from distill_fixtures.judge.run_figures import noise_of

__all__ = ["why_no_baseline"]


def why_no_baseline(
    document: Mapping[str, Any],
    current: Mapping[str, str],
    *,
    student: str,
    metrics: Iterable[str],
) -> str | None:
    """Why a run of the history is no baseline for this one; None where it is.

    Only a complete run that passed its own gate is, so that what became worse by little in each of
    many runs is not let through; and one under the same conditions as this one.

    Args:
        document: the earlier run's ``distillation_metrics.json``.
        current: this run's conditions, as ``conditions_of`` gives them.
        student: this run's student, as its reference names it.
        metrics: those that are compared.

    Returns:
        A clause for after a count: ``2 of another student``.
    """
    run = document["run"]
    if run["partial"] or run["interrupted"]:
        return "partial"
    if document["verdict"]["gate"] != "pass":
        return "failed"
    if noise_of(document) is not None:
        return "timed on a machine too noisy to judge by"
    if document["student"]["reference"] != student:
        return "of another student"
    if "inconclusive" in {each["verdict"] for each in document["regression"] or ()}:
        return "still open against a baseline of its own"
    origins: set[Origin] = {metric(name).origin for name in metrics}
    if "time" in origins and document["process_timing"] is None:
        return "without times in several processes"
    if "answers" in origins and document["student"]["accuracy"]["correct_by_question"] is None:
        return "without answers"
    found = differences(conditions_of(document), current, sorted(origins))
    if found:
        return f"under other conditions ({found[0].what})"
    return None
