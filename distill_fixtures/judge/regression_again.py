"""Judging a run's comparison with its baseline again, perhaps by other tolerances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distill_fixtures.catalog import metric
from distill_fixtures.judge.comparability import Difference
from distill_fixtures.judge.regression import (
    RegressionResult,
    RegressionVerdict,
    judge_regression,
)
from distill_fixtures.judge.run_figures import figures_of_document
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.non_inferiority import ROUNDING
from distill_fixtures.records import Question

__all__ = ["compare_documents", "regression_again"]

Record = Mapping[str, Any]
JUDGED = ("pass", "fail", "inconclusive")


def regression_again(
    records: Sequence[Record], tolerances: Mapping[str, float]
) -> tuple[RegressionResult, ...]:
    """A run's comparisons by the tolerances given; one without a tolerance is not judged any more.

    Args:
        records: ``regression`` of a valid ``distillation_metrics.json``.
        tolerances: per cent by which a metric may be worse, by metric.
    """
    return tuple(
        _again(record, tolerances[record["metric"]])
        for record in records
        if record["metric"] in tolerances
    )


def compare_documents(
    baseline: Record,
    current: Record,
    tolerances: Mapping[str, float],
    questions: Sequence[Question],
    seed: int = 0,
) -> tuple[RegressionResult, ...]:
    """Compare one run's document with an earlier run's, as the suite would have.

    Times are looked at once: whatever processes there are, no more can be timed.

    Args:
        baseline, current: valid documents.
        tolerances: per cent by which a metric may be worse, by metric.
        questions: the current run's, for the sources they share; empty: taken as independent.
        seed: of draws.
    """
    before, now = figures_of_document(baseline), figures_of_document(current)
    clusters = clusters_of(questions) if questions else None
    return tuple(
        judge_regression(name, tolerance, before, now, clusters=clusters, seed=seed)
        for name, tolerance in tolerances.items()
    )


def _again(record: Record, tolerance_pct: float) -> RegressionResult:
    recorded: RegressionVerdict = record["verdict"]
    ci95 = None if record["ci95"] is None else (min(record["ci95"]), max(record["ci95"]))
    verdict, reason = recorded, record["reason"]
    if recorded in JUDGED and record["change_pct"] is not None:
        verdict = _verdict(record, recorded, ci95, tolerance_pct)
        reason = "the interval holds the tolerance" if verdict == "inconclusive" else None
    return RegressionResult(
        metric=record["metric"],
        tolerance_pct=tolerance_pct,
        verdict=verdict,
        baseline=record["baseline"],
        current=record["current"],
        change_pct=record["change_pct"],
        ci95=ci95,
        basis=record["basis"],
        reason=reason,
        differences=tuple(Difference(**each) for each in record["differences"]),
    )


def _verdict(
    record: Record,
    recorded: RegressionVerdict,
    ci95: tuple[float, float] | None,
    tolerance_pct: float,
) -> RegressionVerdict:
    """By the interval of the change; by the change itself where it is exact."""
    sign = 1 if metric(record["metric"]).direction == "lower" else -1
    if ci95 is None:
        return "fail" if sign * record["change_pct"] > tolerance_pct + ROUNDING else "pass"
    if ci95 == (0.0, 0.0):
        return "pass"  # every answer is as it was
    low, high = sorted(sign * end for end in ci95)
    if min(abs(low - tolerance_pct), abs(high - tolerance_pct)) <= ROUNDING:
        # An end on the tolerance: only the run knew its digits.
        return recorded if tolerance_pct == record["tolerance_pct"] else "inconclusive"
    if low > tolerance_pct:
        return "fail"
    return "pass" if high < tolerance_pct else "inconclusive"
