"""Results as plain types, as they stand in ``distillation_metrics.json``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distill_fixtures.judge.criteria import Slice
    from distill_fixtures.judge.grades import CriterionResult
    from distill_fixtures.judge.regression import RegressionResult

__all__ = ["criterion_record", "regression_record", "slice_text"]


def criterion_record(result: CriterionResult) -> dict[str, Any]:
    """One of ``verdict.criteria``."""
    criterion = result.criterion
    plain = {
        each.name: getattr(result, each.name)
        for each in dataclasses.fields(result)
        if each.name != "criterion"
    }
    return {
        "metric": criterion.metric,
        "slice": slice_text(criterion.slice),
        "good": criterion.good,
        "poor": criterion.poor,
        **plain,
    }


def regression_record(result: RegressionResult) -> dict[str, Any]:
    """One of ``regression``."""
    plain = {each.name: getattr(result, each.name) for each in dataclasses.fields(result)}
    plain["differences"] = [dataclasses.asdict(each) for each in result.differences]
    return {**plain, "message": result.message}


def slice_text(part: Slice | None) -> str | None:
    """A criterion's slice in words; None for all questions."""
    return None if part is None else str(part)
