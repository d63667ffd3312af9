"""The plan of timing: options and thresholds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from distill_fixtures.config import build_config
from distill_fixtures.judge.criteria import Criterion, Gate, Thresholds
from distill_fixtures.judge.thresholds import read_thresholds
from distill_fixtures.metrics.latency import speed_improvement_pct
from distill_fixtures.plugin.timing_plan import log_ratio_bounds, plan_timing

ROOT = Path(__file__).parents[2]


def test_the_shipped_bounds() -> None:
    config = build_config({})
    plan = plan_timing(config, read_thresholds(ROOT / "thresholds.toml"), 1)
    saved = [speed_improvement_pct(math.exp(bound)) for bound in plan.log_ratio_bounds]
    assert saved == pytest.approx([0.0, 30.0])
    assert (plan.fewest_passes, plan.seed) == (5, config.seed)


def test_batches_are_judged_by_nothing() -> None:
    plan = plan_timing(build_config({}), read_thresholds(ROOT / "thresholds.toml"), 8)
    assert (plan.log_ratio_bounds, plan.fewest_passes) == ((), 2)


def test_each_bound_once_and_none_that_is_out_of_reach() -> None:
    criteria = [
        Criterion("speed_improvement_pct", good=100.0, poor=50.0),
        Criterion("speedup", good=2.0, poor=0.0),
        Criterion("knowledge_retention_pct", good=85.0, poor=70.0),
        Criterion("speed_improvement_pct", good=-100.0, poor=-100.0),
    ]
    assert log_ratio_bounds(criteria) == pytest.approx((-math.log(2), math.log(2)))
    assert log_ratio_bounds([]) == ()


def test_a_students_own_criterion_stands_in() -> None:
    criteria = (
        Criterion("speedup", good=3.0, poor=2.0),
        Criterion("speedup", good=5.0, poor=4.0, student="demo:student"),
    )
    thresholds = Thresholds(Path("thresholds.toml"), criteria, Gate(), {})
    own = plan_timing(build_config({"student": ("demo:student", ROOT)}), thresholds, 1)
    assert own.log_ratio_bounds == pytest.approx((math.log(4), math.log(5)))
    other = plan_timing(build_config({"student": ("demo:poor", ROOT)}), thresholds, 1)
    assert other.log_ratio_bounds == pytest.approx((math.log(2), math.log(3)))
