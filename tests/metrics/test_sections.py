"""Which section holds which metric, and what a section says of itself."""

from __future__ import annotations

import pytest

from distill_fixtures.catalog import CATALOG, UnknownMetricError
from distill_fixtures.metrics.section import Section, undefined_section
from distill_fixtures.metrics.sections import (
    MODEL_SECTIONS,
    PAIR_SECTIONS,
    section_of,
    why_not_gradable,
    why_not_sliced,
)
from distill_fixtures.records import Undefined


def test_each_metric_stands_in_one_section_of_its_scope() -> None:
    for sections, scope in ((MODEL_SECTIONS, "model"), (PAIR_SECTIONS, "pair")):
        names = [name for each in sections.values() for name in each]
        assert len(names) == len(set(names))
        for name in names:
            # What each model has but is computed from both stands in the pair's, by model.
            assert CATALOG[name].scope == scope or CATALOG[name].keyed_by == "model", name


def test_what_can_be_graded_is_a_number_of_a_section() -> None:
    reasons = {name: why_not_gradable(name) for name in CATALOG}
    for name, metric in CATALOG.items():
        if reasons[name] is None:
            sections = PAIR_SECTIONS if metric.scope == "pair" else MODEL_SECTIONS
            assert name in sections[section_of(name)]
    assert reasons["total"] == "neither way is better"
    assert reasons["throughput_gain"] == "it is no one number"
    for name in ("load_time_s", "load_time_cold_s", "load_time_improvement_pct"):
        assert "handful of loads" in str(reasons[name])
    assert reasons["exact_match_rate"] == "it is counted in comparison_results.json alone"


def test_what_can_be_sliced_follows_from_answers() -> None:
    for name in ("accuracy", "knowledge_retention_pct", "agreement", "control_difference"):
        assert why_not_sliced(name) is None
    assert why_not_sliced("performance_efficiency") is None
    assert "all questions together" in str(why_not_sliced("token_kl_nats"))
    for name in ("distillation_gain", "letter_debiased_accuracy"):
        assert "no draws" in str(why_not_sliced(name))
    assert "too high" in str(why_not_sliced("expected_calibration_error"))
    assert why_not_sliced("speedup") == "it comes from time and not from answers"
    assert "size" in str(why_not_sliced("disk_bytes"))


def test_unknown_names() -> None:
    with pytest.raises(UnknownMetricError):
        section_of("speeed")
    with pytest.raises(KeyError, match="no value of its own"):
        section_of("both_right")


def test_values_that_have_to_be_there() -> None:
    section = Section(
        {"a": 1, "ci95": [0.1, 0.2], "by": {"x": 2.0}, "gone": Undefined("not asked")},
        {"a": (0.5, 1.5), "gone": Undefined("no spread")},
    )
    assert section.number("a") == 1.0
    assert section.reason("a") is None
    assert section.pair("ci95") == (0.1, 0.2)
    assert section.by_key("by") == {"x": 2.0}
    assert section.interval("a") == (0.5, 1.5)
    assert section.reason("gone") == "not asked"
    for ask in (section.number, section.pair, section.by_key, section.slices):
        with pytest.raises(AssertionError, match="gone could not be measured: not asked"):
            ask("gone")
    with pytest.raises(AssertionError, match="gone has no interval: no spread"):
        section.interval("gone")


def test_undefined_section() -> None:
    section = undefined_section(("a", "b"), "deselected")
    assert section.values == {"a": Undefined("deselected"), "b": Undefined("deselected")}
    assert section.samples is None
