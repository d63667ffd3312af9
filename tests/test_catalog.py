"""The catalogue holds every metric once, and what is generated from it matches."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from distill_fixtures import catalog
from distill_fixtures.catalog import CATALOG, UnknownMetricError, format_value, metric, nearest
from distill_fixtures.records import Undefined
from distill_fixtures.report.catalog_markdown import catalog_markdown

KEYS_OF_THE_DOCUMENTS = """
disk_bytes disk_mb disk_gb weights_bytes adapter_bytes parameters_total parameters_trainable
parameters_non_embedding bits_per_parameter accuracy accuracy_norm accuracy_pmi correct total ci95
expected_calibration_error brier_score overconfidence option_nll_nats unparsed truncated
by_subdomain by_question_type position_shares load_time_s load_time_cold_s inference_time_s
throughput_samples_per_s tokens_per_s decode_tokens_per_s prefill_tokens_per_s characters_per_s
ttft_s tpot_s itl_p50_s itl_p99_s latency_p50_s latency_p90_s latency_p99_s model_memory_bytes
peak_memory_bytes load_peak_memory_bytes runtime_memory_bytes device_peak_bytes
size_reduction_bytes size_reduction_pct parameter_reduction_pct compression_ratio
compression_factor accuracy_delta accuracy_loss accuracy_retention_pct knowledge_retention_pct
chance_corrected_retention_pct speedup speed_improvement_pct time_saved_s throughput_gain
load_time_improvement_pct memory_reduction_bytes memory_reduction_pct peak_memory_reduction_pct
performance_efficiency efficiency_score performance_per_mb performance_per_million_params
accuracy_loss_by_subdomain accuracy_loss_by_question_type
distillation_efficacy distillation_gain control_difference agreement agreement_teacher_wrong
kappa kl_nats kl_nats_median js_nats negative_flip_rate positive_flip_rate
relative_negative_flip_rate mcnemar_p chance_accuracy guess_baseline token_kl_nats bits_per_byte
exact_match_rate exact_match_vs_reference both_right both_wrong_same both_wrong_different
teacher_only_right student_only_right teacher_macro student_macro student_vs_teacher_macro
token_f1
"""


@pytest.mark.parametrize("name", KEYS_OF_THE_DOCUMENTS.split())
def test_every_measured_key_of_the_documents_is_a_metric(name: str) -> None:
    assert CATALOG[name].name == name
    assert CATALOG[name].definition.endswith(".")


def test_fields_hold_only_known_values() -> None:
    for each in CATALOG.values():
        assert each.direction in get_args(catalog.Direction)
        assert each.scope in get_args(catalog.Scope)
        assert each.origin in get_args(catalog.Origin)
        assert each.keyed_by is None or each.keyed_by in get_args(catalog.KeyedBy)
        assert each.interval is None or each.interval in get_args(catalog.IntervalMethod)
        assert each.keyed == (each.keyed_by is not None)
        assert each.unit
        assert each.label


def test_one_name_for_one_thing() -> None:
    labels = Counter(each.label for each in CATALOG.values() if each.alias_of is None)
    assert [label for label, uses in labels.items() if uses > 1] == []
    for each in CATALOG.values():
        if each.alias_of is not None and each.name != "exact_match_rate":
            assert each.label == CATALOG[each.alias_of].label


def test_names_carry_their_units() -> None:
    units = {"_pct": "%", "_bytes": "bytes", "_nats": "nats", "_mb": "MB"}
    for each in CATALOG.values():
        for ending, unit in units.items():
            if each.name.endswith(ending) and not each.name.endswith("per" + ending):
                assert each.unit == unit, each.name
        if each.name.endswith("_per_s"):
            assert each.unit.endswith("/s"), each.name
        elif each.name.endswith("_s"):
            assert each.unit == "s", each.name


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("accuracy_delta", "lower"),
        ("accuracy_loss", "higher"),
        ("compression_ratio", "lower"),
        ("compression_factor", "higher"),
        ("speedup", "higher"),
        ("negative_flip_rate", "lower"),
        ("kl_nats", "lower"),
        ("overconfidence", "none"),
    ],
)
def test_direction(name: str, direction: str) -> None:
    assert metric(name).direction == direction


def test_time_is_graded_by_its_interval() -> None:
    assert metric("speed_improvement_pct").origin == "time"
    assert metric("knowledge_retention_pct").origin == "answers"
    assert metric("performance_efficiency").origin == "answers"
    assert metric("size_reduction_pct").origin == "size"


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOG["new"] = metric("speedup")  # type: ignore[index]


def test_unknown_name_says_the_nearest() -> None:
    with pytest.raises(UnknownMetricError) as caught:
        metric("acuracy_retention_pct")
    assert caught.value.nearest == "accuracy_retention_pct"
    assert isinstance(caught.value, KeyError)
    assert "did you mean 'accuracy_retention_pct'?" in str(caught.value)


def test_nothing_near_is_none() -> None:
    assert nearest("zzzz") is None
    assert "did you mean" not in str(UnknownMetricError("zzzz"))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("disk_bytes", 2_270_000_000, "2.27 GB"),
        ("disk_bytes", 17_300_000, "17.3 MB"),
        ("disk_bytes", 12_300, "12.3 kB"),
        ("disk_bytes", 0, "0 B"),
        ("memory_reduction_bytes", -1_500_000, "-1.50 MB"),
        ("disk_mb", 17.3, "17.3 MB"),
        ("ttft_s", 0.0123, "12.3 ms"),
        ("ttft_s", 1.5, "1.50 s"),
        ("ttft_s", 12e-6, "12.0 µs"),
        ("accuracy", 0.8125, "81.2 %"),
        ("accuracy_delta", 0.031, "+3.1 points"),
        ("accuracy_delta", -0.031, "-3.1 points"),
        ("size_reduction_pct", 75.04, "75.0 %"),
        ("speedup", 2.345, "2.35x"),
        ("correct", 1234, "1,234"),
        ("parameters_total", 3_412_992, "3.41 million"),
        ("parameters_total", 512, "512"),
        ("kl_nats", 0.123, "0.123 nats"),
        ("kl_nats", 0.0, "0 nats"),
        ("mcnemar_p", 0.00001234, "1.23e-05"),
        ("kappa", 0.8731, "0.873"),
        ("tokens_per_s", 1234.5, "1,234 tokens/s"),
        ("throughput_gain", {"1": 2.5, "8": 3.25}, "1: 2.50x, 8: 3.25x"),
        ("accuracy", None, "—"),
        ("accuracy", Undefined("not measured"), "—"),
    ],
)
def test_format_value(name: str, value: float | None, text: str) -> None:
    assert format_value(name, value) == text


def test_the_documentation_is_the_rendered_catalogue() -> None:
    path = Path(__file__).parents[1] / "docs" / "metrics.md"
    assert path.read_text("utf-8") == catalog_markdown(), (
        "run `python -m distill_fixtures.report.catalog_markdown > docs/metrics.md`"
    )


def test_every_metric_is_documented_once() -> None:
    text = catalog_markdown()
    for name in CATALOG:
        assert text.count(f"### `{name}`:") == 1


def test_importing_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        "import sys, distill_fixtures.catalog; "
        "print(sorted({'numpy', 'scipy', 'torch', 'pydantic', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
