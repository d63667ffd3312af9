"""Whole runs whose questions replicas answer: the results of a local run, and its errors."""

from __future__ import annotations

import importlib.util

import pytest

from tests.plugin.tiny_inputs import QUESTIONS, Tiny
from tests.plugin.workspace import Workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
]

PASSED, USAGE_ERROR = 0, 4
REPLICAS = {"distill_executor": "ray", "distill_ray_workers": 1}
SELECTED = ("-m", "accuracy")


def test_the_results_of_a_local_run(workspace: Workspace, tiny: Tiny) -> None:
    cached = {"distill_score_cache": workspace.folder / "kept"}
    outcome = workspace.run(*tiny.options(**REPLICAS, **cached), *SELECTED)
    assert outcome.returncode == PASSED, outcome.output
    assert "never measured on them" in outcome.output
    pooled = workspace.read_json("metrics/comparison_results.json")["predictions"]
    document = workspace.document()
    assert document["run"]["options"]["--distill-executor"] == "ray"
    assert document["environment"]["device"] == "cpu"
    scoring = document["student"]["scoring"]
    assert (scoring["questions_scored"], scoring["method"]) == (QUESTIONS, "packed")

    apart = {"distill_no_score_cache": None}
    outcome = workspace.run(*tiny.options(**apart), "--distill-no-score-cache", *SELECTED)
    assert outcome.returncode == PASSED, outcome.output
    assert workspace.read_json("metrics/comparison_results.json")["predictions"] == pooled

    outcome = workspace.run(*tiny.options(**cached), *SELECTED)
    assert outcome.returncode == PASSED, outcome.output
    assert workspace.document()["student"]["scoring"]["questions_from_cache"] == QUESTIONS


def test_the_error_of_a_local_run(workspace: Workspace, tiny: Tiny) -> None:
    broken = tiny.options(student_model=tiny.broken, **REPLICAS)
    pooled = workspace.run(*broken, *SELECTED)
    local = workspace.run(*tiny.options(student_model=tiny.broken), *SELECTED)
    assert pooled.returncode == local.returncode == USAGE_ERROR
    message = f"the model {tiny.broken} gave a score that is no number"
    assert message in pooled.output
    assert message in local.output
