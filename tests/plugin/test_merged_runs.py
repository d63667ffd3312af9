"""An adapter's model and its merged copy, timed in a run of the suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Outcome, QuickStarter, Workspace
from tests.report.paths import wrong_figures
from tests.report.recompute import merged
from tests.report.test_assemble import unexplained
from tests.tiny_models import save_adapter, without_warnings

FEWEST_ROUNDS = 5


@dataclass(frozen=True)
class Ran:
    outcome: Outcome
    document: dict[str, Any]


def tune_prompt(folder: Path, base: Path) -> Path:
    from peft import PromptTuningConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    settings = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    with without_warnings():
        module = get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
        module.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return {
        "teacher": save_adapter(folder / "teacher", tiny.teacher),
        "student": save_adapter(folder / "student", tiny.student),
        "prompt": tune_prompt(folder / "prompt", tiny.student),
    }


@pytest.fixture(scope="module")
def ran(
    tiny: Tiny,
    adapters: dict[str, Path],
    heavy_starter: QuickStarter,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    """Two LoRA adapters: timed, each beside its merged copy."""
    workspace = Workspace(tmp_path_factory.mktemp("merged") / "clone", heavy_starter)
    options = tiny.options(
        teacher_model=adapters["teacher"],
        student_model=adapters["student"],
        distill_batch_sizes="1",
    )
    outcome = workspace.quick(*options, "-m", "latency", "-k", "merged or per_sample", "-rs")
    return Ran(outcome, workspace.document())


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_an_adapter_is_timed_beside_its_merged_copy(role: str, ran: Ran) -> None:
    assert ran.outcome.returncode == 0, ran.outcome.output
    found = ran.document[role]["benchmark"]["merged"]
    assert found["rounds"] >= FEWEST_ROUNDS
    low, high = found["speedup_ci95"]
    assert 0 < low <= found["speedup"] <= high
    assert found["inference_time_s"] > found["ttft_s"] > 0
    for samples in found["samples"].values():
        assert len(samples) == 2 * found["rounds"]
    orders = {
        name: sorted({each["round"] for each in samples})
        for name, samples in found["samples"].items()
    }
    places = sorted(orders["merged"] + orders["unmerged"])
    assert places == list(range(2 * found["rounds"])), "in turn, and by themselves"
    assert f"merged_{role}" in ran.document["environment"]["machine_check"]["during"]


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_its_figures_follow_from_its_requests(role: str, ran: Ran) -> None:
    found = ran.document[role]["benchmark"]["merged"]
    assert wrong_figures(found, merged(ran.document[role]), "merged") == []
    assert unexplained(ran.document) == []


def test_the_closing_words_say_it(ran: Ran) -> None:
    assert "Time, adapter merged" in ran.outcome.output
    assert "merging the student's adapter: " in ran.outcome.output


def test_what_is_not_merged_says_why(
    tiny: Tiny, adapters: dict[str, Path], tmp_path: Path, heavy_starter: QuickStarter
) -> None:
    """A learned prompt is asked for and skipped; of a full model there is no test at all."""
    workspace = Workspace(tmp_path / "clone", heavy_starter)
    options = tiny.options(student_model=adapters["prompt"], distill_batch_sizes="1")
    outcome = workspace.quick(*options, "-m", "latency", "-k", "merged", "-rs", "-v")
    assert outcome.returncode == 0, outcome.output
    assert "test_merged_adapter[student]" in outcome.output
    assert "test_merged_adapter[teacher]" not in outcome.output
    assert "a learned prompt (PROMPT_TUNING)" in outcome.output
    document = workspace.document()
    for role, words in (("student", "a learned prompt"), ("teacher", "the model is no adapter")):
        assert document[role]["benchmark"]["merged"] is None
        assert words in document["reasons"][f"{role}.benchmark.merged"]


def test_an_adapter_nobody_asked_about(
    tiny: Tiny, adapters: dict[str, Path], workspace: Workspace
) -> None:
    outcome = workspace.quick(*tiny.options(student_model=adapters["student"]), "-m", "size")
    assert outcome.returncode == 0, outcome.output
    reasons = workspace.document()["reasons"]
    assert reasons["student.benchmark.merged"] == "no test that measures it was run"
    assert reasons["teacher.benchmark.merged"] == "the model is no adapter"
