"""Merged copies of adapters' models."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import MissingFigureError
from distill_fixtures.models.adapter_merge import check_mergeable, load_merged, why_not_merged
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.model_registry import ModelRegistry
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.models.served.address import parse_address
from tests.models.test_identity import prompt_tuned
from tests.scoring_requests import REQUESTS
from tests.tiny_models import save_adapter, save_llama, without_warnings


def saved(settings: Any, folder: Path) -> ModelPlan:
    """An adapter of any kind over a saved base."""
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    base = save_llama(folder / "base")
    torch.manual_seed(1)
    with without_warnings():
        module = get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
        module.save_pretrained(folder / "adapter")
    return resolve_reference(str(folder / "adapter"))


def low_rank(**settings: Any) -> Any:
    from peft import LoraConfig

    given = {"r": 4, "target_modules": ["q_proj", "down_proj"], "init_lora_weights": False}
    return LoraConfig(**(given | {"task_type": "CAUSAL_LM"} | settings))


def scaled_activations() -> Any:
    from peft import IA3Config

    return IA3Config(
        target_modules=["k_proj", "down_proj"],
        feedforward_modules=["down_proj"],
        init_ia3_weights=False,
        task_type="CAUSAL_LM",
    )


@pytest.mark.parametrize("kind", ["LoRA", "DoRA", "saved head", "IA3"])
def test_a_merged_copy_scores_as_the_unmerged_model(kind: str, tmp_path: Path) -> None:
    settings = {
        "LoRA": low_rank,
        "DoRA": lambda: low_rank(use_dora=True),
        "saved head": lambda: low_rank(modules_to_save=["lm_head"]),
        "IA3": scaled_activations,
    }[kind]()
    plan = saved(settings, tmp_path)
    unmerged = load_model(plan)
    merged = load_merged(plan, unmerged.card, device="cpu", dtype="float32")
    assert not any("lora" in name for name, _ in merged.module.named_parameters())
    assert not any(parameter.requires_grad for parameter in merged.module.parameters())
    wanted = unmerged.score_many(REQUESTS)
    for request, one, other in zip(REQUESTS, merged.score_many(REQUESTS), wanted, strict=True):
        assert one.log_likelihoods == pytest.approx(other.log_likelihoods, abs=1e-4), request.key
    plain = load_model(plan.base or plan)
    assert plain.score_many(REQUESTS)[2].log_likelihoods != pytest.approx(
        wanted[2].log_likelihoods, abs=1e-2
    ), "the adapter changes nothing"
    assert merged.card.reference == f"{plan.reference}, merged"


def test_a_closed_copy_keeps_no_weights(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_adapter(tmp_path / "a", save_llama(tmp_path / "base"))))
    card = load_model(plan).card
    with ModelRegistry(
        lambda copied: load_merged(copied, card, device="cpu", dtype="float32")
    ) as copies:
        weights = weakref.ref(copies.get(plan).module)  # type: ignore[attr-defined]
    gc.collect()
    assert weights() is None


def test_a_full_model_is_no_adapter(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_llama(tmp_path / "m")))
    assert why_not_merged(plan) == "the model is no adapter"
    with pytest.raises(MissingFigureError, match="the model is no adapter"):
        check_mergeable(plan, dtype="float32", free_bytes=None)


def test_what_a_server_runs_is_its_own_affair() -> None:
    address = parse_address("openai+http://127.0.0.1:9/v1?model=m")
    plan = ModelPlan("r", "served", Path(), served=address)
    assert why_not_merged(plan) == "what a server runs cannot be merged here"


def test_a_learned_prompt_cannot_be_merged(tmp_path: Path) -> None:
    plan = resolve_reference(str(prompt_tuned(tmp_path)))
    assert "a learned prompt (PROMPT_TUNING)" in str(why_not_merged(plan))


@pytest.mark.parametrize(
    "kind",
    ["PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "CPT", "LORA"],
)
def test_what_peft_puts_elsewhere_than_into_weights(kind: str, tmp_path: Path) -> None:
    plan = resolve_reference(str(save_adapter(tmp_path / "a", save_llama(tmp_path / "base"))))
    changed = replace(plan, config=dict(plan.config) | {"peft_type": kind})
    assert (why_not_merged(changed) is None) == (kind == "LORA")


def test_a_quantised_base_would_round_the_adapter(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_adapter(tmp_path / "a", save_llama(tmp_path / "base"))))
    assert plan.base is not None
    packed = {"quantization_config": {"quant_method": "bitsandbytes"}}
    base = replace(plan.base, config=dict(plan.base.config) | packed)
    reason = why_not_merged(replace(plan, base=base))
    assert reason is not None
    assert "bitsandbytes" in reason
    assert "round" in reason


def test_a_copy_that_does_not_fit(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_adapter(tmp_path / "a", save_llama(tmp_path / "base"))))
    check_mergeable(plan, dtype="float32", free_bytes=10**9)
    with pytest.raises(MissingFigureError) as caught:
        check_mergeable(plan, dtype="float32", free_bytes=1000)
    assert "no memory for a merged copy" in caught.value.what
    assert plan.reference in caught.value.wanted


def test_what_peft_refuses_to_merge_has_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft.tuners.tuners_utils import BaseTuner

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("this layer cannot be merged")

    monkeypatch.setattr(BaseTuner, "merge_and_unload", refuse)
    plan = resolve_reference(str(save_adapter(tmp_path / "a", save_llama(tmp_path / "base"))))
    card = load_model(plan).card
    with pytest.raises(MissingFigureError, match=r"PEFT cannot merge this adapter \(LORA\)") as it:
        load_merged(plan, card, device="cpu", dtype="float32")
    assert "ValueError: this layer cannot be merged" in it.value.got
