"""The suite on a pair of encoder-decoders: everything in cloze scoring, answers in the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from distill_fixtures.report.schema import schema_file
from tests.plugin.tiny_inputs import WINDOW, Tiny
from tests.plugin.workspace import Workspace
from tests.tiny_seq2seq import save_seq2seq

USAGE_ERROR = 4
ROLES = ("teacher", "student")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pair")
    sizes = {"teacher": {"d_model": 96, "num_layers": 3}, "student": {}}
    return {
        role: save_seq2seq("t5 1.1", folder / role, n_positions=WINDOW, seed=seed, **sizes[role])
        for seed, role in enumerate(ROLES)
    }


def options_of(tiny: Tiny, pair: dict[str, Path], **changed: object) -> list[str]:
    models = {f"{role}_model": folder for role, folder in pair.items()}
    return tiny.options(**models, **changed)


def validated(workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both files, each held against its schema."""
    contents = []
    for name in ("distillation_metrics", "comparison_results"):
        content = workspace.read_json(f"metrics/{name}.json")
        schema = json.loads(schema_file(name).read_text(encoding="utf-8"))
        jsonschema.validate(content, schema)
        contents.append(content)
    return contents[0], contents[1]


@pytest.mark.slow
def test_a_whole_run(workspace: Workspace, tiny: Tiny, pair: dict[str, Path]) -> None:
    outcome = workspace.run(*options_of(tiny, pair), "benchmarks")
    assert outcome.returncode in (0, 1), outcome.output
    document, comparison = validated(workspace)
    for role in ROLES:
        model = document[role]
        assert model["architecture"] == "T5ForConditionalGeneration"
        assert model["scoring"]["method"] == "encoder once, options packed"
        assert model["accuracy"]["total"] == 40
        for figure in ("inference_time_s", "ttft_s", "tpot_s", "load_time_s", "tokens_per_s"):
            assert model["benchmark"][figure] > 0, figure
        assert all(model["benchmark"]["throughput_samples_per_s"].values())
        for figure in ("model_memory_bytes", "peak_memory_bytes"):
            assert model["memory"][figure] > 0, figure
        new_tokens = {len(each["token_times_s"]) for each in model["benchmark"]["samples"]}
        assert new_tokens == {4}
    fidelity = document["distillation"]["fidelity"]
    assert fidelity["agreement"] is not None
    for figure in ("token_kl_nats", "bits_per_byte"):
        assert fidelity[figure] is None
        assert "encoder-decoder" in document["reasons"][f"distillation.fidelity.{figure}"]
    assert len(comparison["predictions"]) == 40


@pytest.mark.parametrize("scoring", ["letter", "generate"])
def test_other_scorings(
    scoring: str, workspace: Workspace, tiny: Tiny, pair: dict[str, Path]
) -> None:
    options = options_of(tiny, pair, distill_scoring=scoring, distill_limit=6)
    outcome = workspace.quick(*options, "-m", "accuracy")
    assert outcome.returncode in (0, 1), outcome.output
    document, comparison = validated(workspace)
    for role in ROLES:
        assert document[role]["accuracy"]["total"] == 6
        answers = [prediction[role] for prediction in comparison["predictions"]]
        if scoring == "generate":
            assert all(isinstance(answer["text"], str) for answer in answers)
            assert document[role]["scoring"]["chat_template"] is False
        else:
            assert all(len(answer["log_likelihoods"]) == 8 for answer in answers)


def test_more_tokens_than_a_decoder_can_write(
    workspace: Workspace, tiny: Tiny, pair: dict[str, Path]
) -> None:
    options = options_of(tiny, pair, distill_new_tokens=WINDOW + 1)
    outcome = workspace.quick(*options, "-m", "latency")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in ("--distill-new-tokens", f"window of {WINDOW}", f"at most {WINDOW}"):
        assert word in outcome.output
