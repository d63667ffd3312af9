"""Sections from model cards and from isolated processes, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.metrics.size_sections import (
    efficiency_pair,
    load_model,
    load_pair,
    memory_model,
    memory_pair,
    size_model,
    size_pair,
)
from distill_fixtures.records import IsolatedReport, ModelCard, Phase, Undefined

UNKNOWN = Undefined("a server does not say")
TEACHER = ModelCard("t", "d", "A", 8_000_000, 6_000_000, UNKNOWN, 3_000_000, 3_000_000, 2_000_000)
STUDENT = ModelCard("s", "d", "A", 2_000_000, 1_500_000, UNKNOWN, 750_000, 750_000, 500_000)
REPORT = IsolatedReport(
    runtime_memory_bytes=100,
    model_memory_bytes=400,
    load_peak_memory_bytes=700,
    peak_memory_bytes=600,
    device_peak_bytes=UNKNOWN,
    load_times_s=(3.0, 1.0, 2.0),
    load_time_cold_s=UNKNOWN,
    phases=(Phase("imports", -4.0, -1.5), Phase("load", 0.0, 3.0)),
    model_pss_bytes=300,
    model_uss_bytes=UNKNOWN,
)
SMALLER = replace(
    REPORT, model_memory_bytes=100, peak_memory_bytes=225, load_times_s=(0.25, 0.5, 0.75, 0.5)
)


def test_size() -> None:
    values = size_model(TEACHER).values
    assert set(values) == set(MODEL_SECTIONS["size"])
    assert values["disk_mb"] == 8.0
    assert values["disk_gb"] == 0.008
    assert values["bits_per_parameter"] == 16.0
    assert values["adapter_bytes"] is UNKNOWN


def test_size_pair() -> None:
    section = size_pair(TEACHER, STUDENT)
    assert section.values == {
        "size_reduction_bytes": 6_000_000,
        "size_reduction_pct": 75.0,
        "parameter_reduction_pct": 75.0,
        "compression_ratio": 0.25,
        "compression_factor": 4.0,
    }
    swapped = size_pair(STUDENT, TEACHER)
    assert swapped.number("compression_factor") == section.number("compression_ratio")


def test_an_unknown_size_undefines_what_needs_it_alone() -> None:
    section = size_pair(TEACHER, replace(STUDENT, disk_bytes=UNKNOWN))
    assert section.reason("size_reduction_pct") == UNKNOWN.reason
    assert section.number("parameter_reduction_pct") == 75.0


@pytest.mark.parametrize(("report", "median"), [(REPORT, 2.0), (SMALLER, 0.5)])
def test_load_time_is_the_median(report: IsolatedReport, median: float) -> None:
    section = load_model(report)
    assert set(section.values) == set(MODEL_SECTIONS["load"])
    assert section.number("load_time_s") == median
    assert section.reason("load_time_cold_s") == UNKNOWN.reason
    assert section.number("import_time_s") == 2.5
    assert section.samples == len(report.load_times_s)


def test_a_process_without_imports_has_no_time_of_them() -> None:
    section = load_model(replace(REPORT, phases=()))
    assert section.reason("import_time_s")
    assert section.number("load_time_s") == 2.0


def test_load_pair() -> None:
    section = load_pair(REPORT, SMALLER)
    assert section.number("load_time_improvement_pct") == 75.0
    assert section.samples == 3
    assert isinstance(section.intervals["load_time_improvement_pct"], Undefined)


def test_memory() -> None:
    of_model = memory_model(REPORT)
    assert set(of_model.values) == set(MODEL_SECTIONS["memory"])
    assert of_model.number("model_pss_bytes") == 300
    assert of_model.reason("model_uss_bytes") == UNKNOWN.reason
    section = memory_pair(REPORT, SMALLER)
    assert section.values == {
        "memory_reduction_bytes": 300,
        "memory_reduction_pct": 75.0,
        "peak_memory_reduction_pct": 75.0,
    }


def test_efficiency() -> None:
    section = efficiency_pair(TEACHER, STUDENT, 0.8, 0.6)
    assert set(section.values) == set(PAIR_SECTIONS["efficiency"])
    assert section.number("efficiency_score") == pytest.approx(2.4)
    assert section.number("performance_efficiency") == pytest.approx(3.0)
    assert section.by_key("performance_per_mb") == pytest.approx({"teacher": 0.1, "student": 0.3})
    per_million = section.by_key("performance_per_million_params")
    assert per_million == pytest.approx({"teacher": 0.8 / 3, "student": 0.8})
    assert section.not_applicable == {}


def test_efficiency_takes_its_draws_from_the_answers() -> None:
    """The student has a quarter of the parameters."""
    of_answers = {
        "accuracy": np.array([0.5, 0.6]),
        "knowledge_retention_pct": np.array([60.0, 80.0]),
    }
    draws = efficiency_pair(TEACHER, STUDENT, 0.8, 0.6, of_answers).draws
    assert draws["efficiency_score"].tolist() == pytest.approx([2.0, 2.4])
    assert draws["performance_efficiency"].tolist() == pytest.approx([2.4, 3.2])
    unknown = replace(STUDENT, parameters_total=UNKNOWN)
    assert efficiency_pair(TEACHER, unknown, 0.8, 0.6, of_answers).draws == {}


def test_a_copy_in_another_format_is_not_judged_by_its_parameters() -> None:
    copy = replace(TEACHER, disk_bytes=2_000_000)
    section = efficiency_pair(TEACHER, copy, 0.8, 0.8)
    assert section.number("performance_efficiency") == pytest.approx(1.0)
    assert "same number of parameters" in section.not_applicable["performance_efficiency"]


def test_a_value_for_both_models_or_for_none() -> None:
    section = efficiency_pair(TEACHER, replace(STUDENT, disk_bytes=UNKNOWN), 0.8, 0.6)
    assert section.reason("performance_per_mb") == f"student: {UNKNOWN.reason}"
    section = efficiency_pair(TEACHER, STUDENT, Undefined("not asked"), 0.6)
    assert section.reason("performance_per_mb") == "teacher: not asked"
    assert section.number("efficiency_score") == pytest.approx(2.4)
