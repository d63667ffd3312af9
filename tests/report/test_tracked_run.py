"""A run as metrics, parameters and tags."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from distill_fixtures.catalog import CATALOG
from distill_fixtures.report.tracked_run import TrackedRun, tracked_run
from tests.commands.written_runs import HOSTILE_NAMES, made_documents

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def told_of(document: dict[str, Any]) -> TrackedRun:
    return tracked_run(document, began=BEGAN, ended=BEGAN + timedelta(seconds=2))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return made_documents()[0]


@pytest.fixture(scope="module")
def run(document: dict[str, Any]) -> TrackedRun:
    return told_of(document)


def test_figures_have_the_catalogues_names(document: dict[str, Any], run: TrackedRun) -> None:
    metrics = run.metrics
    for role in ("teacher", "student", "control"):
        assert metrics[f"{role}.accuracy"] == document[role]["accuracy"]["accuracy"]
        assert metrics[f"{role}.disk_bytes"] == document[role]["size"]["disk_bytes"]
    for name in ("knowledge_retention_pct", "speedup", "size_reduction_pct"):
        assert metrics[name] == document["distillation"][name]
    assert metrics["kappa"] == document["distillation"]["fidelity"]["kappa"]
    assert metrics["student.ttft_s"] == document["student"]["benchmark"]["ttft_s"]
    assert (
        metrics["student.model_memory_bytes"] == document["student"]["memory"]["model_memory_bytes"]
    )


def test_every_name_is_built_of_the_catalogues(run: TrackedRun) -> None:
    for name in [*run.metrics, *run.missing]:
        parts = name.split(".")
        found = [part for part in parts if part in CATALOG]
        rest = {part for part in parts if part not in CATALOG}
        assert len(found) == 1, name
        assert (CATALOG[found[0]].scope == "model") == (parts[1:2] == found), name
        assert parts[0] in ("teacher", "student", "control", *found), name
        assert not rest - {"teacher", "student", "control", "1", "4", "ci95_low", "ci95_high"}, name


def test_one_for_each_batch_size_and_model(document: dict[str, Any], run: TrackedRun) -> None:
    pair = document["distillation"]
    assert run.metrics["throughput_gain.4"] == pair["throughput_gain"]["4"]
    assert run.metrics["student.performance_per_mb"] == pair["performance_per_mb"]["student"]
    by_batch = document["teacher"]["benchmark"]["throughput_samples_per_s"]
    assert run.metrics["teacher.throughput_samples_per_s.1"] == by_batch["1"]


def test_intervals_stand_beside(document: dict[str, Any], run: TrackedRun) -> None:
    low, high = document["student"]["accuracy"]["intervals"]["accuracy"]
    assert run.metrics["student.accuracy.ci95_low"] == low
    assert run.metrics["student.accuracy.ci95_high"] == high
    low, _ = document["distillation"]["intervals"]["throughput_gain.4"]
    assert run.metrics["throughput_gain.4.ci95_low"] == low


def test_what_is_null_is_no_metric_and_has_its_reason(
    document: dict[str, Any], run: TrackedRun
) -> None:
    """Neither 0 nor nothing."""
    assert document["student"]["size"]["adapter_bytes"] is None
    assert "student.adapter_bytes" not in run.metrics
    assert run.missing["student.adapter_bytes"] == "the model is no adapter"
    assert "control.ttft_s" in run.missing
    assert not run.missing.keys() & run.metrics.keys()
    assert run.tags["distill.metrics_missing"] == str(len(run.missing))
    assert all(math.isfinite(value) for value in run.metrics.values())


def test_zero_is_a_metric(run: TrackedRun) -> None:
    assert run.metrics["student.unparsed"] == 0.0


def test_without_a_control() -> None:
    document, _ = made_documents()
    document["control"] = None
    run = told_of(document)
    assert not any(name.startswith("control.") for name in (*run.metrics, *run.missing))
    assert "distill.control" not in run.tags


def test_parameters_are_the_options_in_force(run: TrackedRun) -> None:
    assert run.params["teacher-model"] == "demo:teacher"
    assert run.params["distill-new-tokens"] == "9"
    assert run.params["distill-batch-sizes"] == "1,4"
    assert run.params["distill-cloze-pmi"] == "false"
    assert "distill-limit" not in run.params, "it was not given"
    assert not any("password" in name for name in run.params)


def test_tags_tell_runs_apart(document: dict[str, Any], run: TrackedRun) -> None:
    tags = run.tags
    assert tags["distill.verdict"] == "acceptable"
    assert tags["distill.gate"] == "pass"
    assert tags["distill.comparability_key"] == document["environment"]["comparability_key"]
    assert tags["distill.git_commit"] == document["environment"]["git_commit"]
    assert tags["mlflow.source.git.commit"] == tags["distill.git_commit"]
    assert tags["distill.student_digest"] == "digest of demo:student"
    assert tags["distill.questions_digest"] == "digest"
    assert tags["distill.grade.knowledge_retention_pct"] == "acceptable"


def test_times(run: TrackedRun) -> None:
    assert run.began_ms == 1767323045000
    assert run.ended_ms - run.began_ms == 2000
    assert run.finished


def test_an_interrupted_run_is_not_finished() -> None:
    document, _ = made_documents()
    document["run"]["interrupted"] = True
    document["environment"]["git_commit"] = None
    run = told_of(document)
    assert not run.finished
    assert "mlflow.source.git.commit" not in run.tags


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_of_users_break_nothing(name: str) -> None:
    """MLflow takes letters, digits and a few signs in names, and values of a bounded length."""
    document, _ = made_documents()
    document["student"]["reference"] = name
    document["run"]["options"] |= {name: 1, "--student-model": name}
    document["distillation"]["throughput_gain"][name] = 2.0
    run = told_of(document)
    for key in (*run.metrics, *run.params, *run.tags):
        assert re.fullmatch("[A-Za-z0-9_./ -]{1,250}", key)
    assert all(len(value) <= 500 for value in (*run.params.values(), *run.tags.values()))
    assert len(run.name) <= 200
