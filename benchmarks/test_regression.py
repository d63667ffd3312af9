"""Against an earlier run (--distill-baseline): each tolerance of thresholds.toml is a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distill_fixtures.report.baseline import NoBaseline

if TYPE_CHECKING:
    from distill_fixtures.plugin.regressing import Regression

pytestmark = pytest.mark.regression


def test_regression(distill_regression: str, distill_baseline: Regression) -> None:
    """A figure that is worse than the baseline's by more than its tolerance fails here."""
    result = distill_baseline(distill_regression)
    if isinstance(result, NoBaseline):
        # Measured all the same, so that a later run can be held against this one.
        reason = distill_baseline.why_not_recorded(distill_regression)
        if reason is not None:
            pytest.skip(f"{result}; and no later run can be held against this one: {reason}")
        return
    if distill_baseline.fails(result):
        pytest.fail(result.message, pytrace=False)
    if result.verdict != "pass":
        pytest.skip(result.message)
