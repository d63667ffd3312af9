"""Quantised models: loaded, counted, scored, timed and measured on the CPU."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.isolated import measure_isolated
from distill_fixtures.measure.processes.process_memory import touch_parameters
from distill_fixtures.measure.processes.worker_report import WorkerRequest
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.loading import load_model, load_module
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Undefined
from tests.models.test_identity import BODY, EMBEDDING, LORA
from tests.one_by_one import assert_equal_scores, one_by_one, scored_tokens
from tests.quantised_models import QUANTISED, plain_twin, save_fp8, save_quantised
from tests.scoring_requests import REQUESTS
from tests.tiny_models import make_tokenizer, save_adapter

WHOLE = BODY + 2 * EMBEDDING
# How far a packed model may be from one with the weights that it stands for, nats a token. Only 8
# bits of bitsandbytes round something else too: activations.
APART_NATS = {"nf4": 1e-5, "torchao": 1e-5, "int8": 0.1}


@pytest.fixture(params=QUANTISED)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(kind: str, tmp_path: Path) -> Path:
    return save_quantised(tmp_path / kind, QUANTISED[kind]())


def test_counts_are_those_of_the_weights_that_are_packed(folder: Path) -> None:
    plan = resolve_reference(str(folder))
    before = card_of_plan(plan)
    assert isinstance(before.parameters_total, Undefined)
    card = load_model(plan).card
    counted = (card.parameters_total, card.parameters_trainable, card.parameters_non_embedding)
    assert counted == (WHOLE, WHOLE, BODY)
    assert isinstance(card.weights_bytes, int)
    assert card.weights_bytes < 4 * WHOLE, "bytes are those of the file"


def test_scores_are_those_of_the_weights_that_are_packed(folder: Path, kind: str) -> None:
    model = load_model(resolve_reference(str(folder)))
    wanted = one_by_one(plain_twin(model.module), REQUESTS)
    tokenizer = make_tokenizer()
    for request, one, other in zip(REQUESTS, model.score_many(REQUESTS), wanted, strict=True):
        tokens = scored_tokens(tokenizer, request)
        for found, near, count in zip(one.log_likelihoods, other, tokens, strict=True):
            assert math.isfinite(found)
            assert abs(found - near) < APART_NATS[kind] * count, request.key
    assert model.scoring_method == "packed"


@pytest.mark.parametrize("threshold", [1.0, 6.0])
def test_eight_bits_score_as_single_rows_within_their_rounding(
    threshold: float, tmp_path: Path
) -> None:
    """Whatever columns hold outliers: other tokens of a pass are a question's own."""
    QUANTISED["int8"]()
    from transformers import BitsAndBytesConfig

    settings = BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=threshold)
    model = load_model(resolve_reference(str(save_quantised(tmp_path / "m", settings))))
    wanted = one_by_one(model.module, REQUESTS)
    tokenizer = make_tokenizer()
    for request, one, other in zip(REQUESTS, model.score_many(REQUESTS), wanted, strict=True):
        tokens = scored_tokens(tokenizer, request)
        for found, near, count in zip(one.log_likelihoods, other, tokens, strict=True):
            assert abs(found - near) < 0.05 * count, request.key


def test_scores_do_not_depend_on_the_company(folder: Path) -> None:
    model = load_model(resolve_reference(str(folder)))
    together = model.score_many(REQUESTS)
    for request, one in zip(REQUESTS, together, strict=True):
        (alone,) = model.score_many([request])
        assert one.log_likelihoods == pytest.approx(alone.log_likelihoods, abs=1e-4), request.key


def test_texts_do_not_depend_on_the_company(folder: Path) -> None:
    model = load_model(resolve_reference(str(folder)))
    prompts = [request.context for request in REQUESTS[:5]]
    together = model.generate_text(prompts, max_new_tokens=6)
    alone = [model.generate_text([prompt], max_new_tokens=6)[0] for prompt in prompts]
    assert [each.text for each in together] == [each.text for each in alone]


@pytest.mark.parametrize("saved", ["float32", "bfloat16"])
def test_what_is_not_packed_has_the_format_asked_for(saved: str, kind: str, tmp_path: Path) -> None:
    import torch

    folder = save_quantised(tmp_path / kind, QUANTISED[kind](), dtype=saved)
    for name in ("float32", "bfloat16", "auto"):
        module = load_module(resolve_reference(str(folder)), device="cpu", dtype=name)
        wanted = getattr(torch, saved if name == "auto" else name)
        parts = (module.get_input_embeddings(), module.model.norm, module.get_output_embeddings())
        assert {part.weight.dtype for part in parts} == {wanted}
        assert module.dtype == wanted
        (logits,) = module(torch.tensor([[5, 6, 7]])).logits
        assert torch.isfinite(logits).all()
        assert not module.training
        assert not any(parameter.requires_grad for parameter in module.parameters())


def test_it_is_timed_and_touched(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = load_model(resolve_reference(str(folder)))
    trace = model.generate_timed(["Question: What?"], new_tokens=3, clock=SystemClock())
    assert len(trace.token_times_s) == 3
    touch_parameters(model.module)
    assert not [record for record in caplog.records if record.name.startswith("bitsandbytes")]


def test_an_adapter_over_it(folder: Path, tmp_path: Path) -> None:
    """As QLoRA leaves one: the base packed, the adapter in float32."""
    request = ScoreRequest("q", "Question: What?\nAnswer:", (" the gate", " 4.5"))
    adapter = save_adapter(tmp_path / "adapter", folder)
    card, scores = [], []
    for reference in (folder, adapter):
        model = load_model(resolve_reference(str(reference)))
        card.append(model.card)
        scores.append(model.score_many([request])[0].log_likelihoods)
    assert card[1].parameters_total == WHOLE + LORA
    assert card[1].parameters_trainable == LORA
    assert card[1].parameters_non_embedding == BODY + LORA
    assert all(math.isfinite(score) for score in scores[1])
    assert scores[0] != pytest.approx(scores[1], abs=1e-2)


@pytest.mark.slow
def test_it_is_measured_alone_in_a_process(folder: Path) -> None:
    report = measure_isolated(
        WorkerRequest(ModelToLoad(str(folder)), ("the quick brown fox",), new_tokens=3, loads=1)
    )
    assert report.runtime_memory_bytes > 50_000_000
    assert min(report.load_times_s) > 0


def test_fp8_is_unpacked_on_the_cpu(tmp_path: Path) -> None:
    """It needs no further package, and computes with the weights that the bytes stand for."""
    import torch
    from safetensors.torch import load_file

    plan = resolve_reference(str(save_fp8(tmp_path / "fp8")))
    model = load_model(plan)
    assert {each.dtype for each in model.module.parameters()} == {torch.float32}
    assert (model.card.parameters_total, model.card.parameters_non_embedding) == (WHOLE, BODY)
    stored = load_file(plan.weight_files[0])
    name = "model.layers.0.mlp.up_proj.weight"
    by_hand = stored[name].float() * stored[f"{name}_scale_inv"].repeat_interleave(
        16, 0
    ).repeat_interleave(16, 1)
    assert torch.equal(model.module.get_parameter(name), by_hand)
    assert_equal_scores(model.score_many(REQUESTS), one_by_one(model.module, REQUESTS), REQUESTS)


def test_a_method_that_transformers_passes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older transformers would read the bytes as plain weights."""
    from transformers.quantizers import auto

    plan = resolve_reference(str(save_fp8(tmp_path / "fp8")))
    monkeypatch.delitem(auto.AUTO_QUANTIZATION_CONFIG_MAPPING, "fp8")
    with pytest.raises(ModelReferenceError, match="this transformers does not know") as caught:
        load_model(plan)
    assert "fp8" in caught.value.got
    assert "--upgrade transformers" in caught.value.next_step


def test_a_method_that_needs_a_gpu_is_refused_at_loading_too(tmp_path: Path) -> None:
    """Of a model of the Hub, whose files come later than the check, only loading tells."""
    plan = resolve_reference(str(save_fp8(tmp_path / "fp8")))
    eetq = dict(plan.config) | {"quantization_config": {"quant_method": "eetq"}}
    with pytest.raises(ModelReferenceError, match="which needs a GPU"):
        load_model(replace(plan, config=eetq))
