"""Cards from files against the loaded models, and against counts made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.models.identity import (
    card_of_plan,
    digest_of_plan,
    template_may_tell_the_date,
)
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Undefined
from tests.tiny_models import (
    make_gpt2,
    make_llama,
    save,
    save_adapter,
    save_llama,
    without_warnings,
)

EMBEDDING = 300 * 32
LAYER = 32 * 32 * 2 + 16 * 32 * 2 + 3 * 32 * 48 + 2 * 32
BODY = 2 * LAYER + 32
GPT2_BODY = 128 * 32 + 2 * (4 * 32 + 32 * 96 + 96 + 32 * 32 + 32 + 2 * 32 * 128 + 128 + 32) + 64
LORA = 2 * (4 * (32 + 32) + 4 * (32 + 16))


def untied(folder: Path) -> Path:
    return save_llama(folder)


def tied(folder: Path) -> Path:
    return save_llama(folder, tied=True)


def tied_but_saved_twice(folder: Path) -> Path:
    from safetensors.torch import load_file, save_file

    save_llama(folder, tied=True)
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def tied_by_its_configuration_alone(folder: Path) -> Path:
    """Both tensors are in the file and differ: they are loaded as two."""
    from safetensors.torch import load_file, save_file

    save_llama(folder, tied=True)
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].flip(0).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def gpt2(folder: Path) -> Path:
    return save(make_gpt2(), folder)


def lora(folder: Path) -> Path:
    return save_adapter(folder / "adapter", save_llama(folder / "base"))


def lora_with_saved_head(folder: Path) -> Path:
    base = save_llama(folder / "base")
    return save_adapter(folder / "adapter", base, modules_to_save=("lm_head",))


def lora_that_unties_the_head(folder: Path) -> Path:
    base = save_llama(folder / "base", tied=True)
    return save_adapter(folder / "adapter", base, modules_to_save=("lm_head",))


def prompt_tuned(folder: Path) -> Path:
    from peft import PromptTuningConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = save_llama(folder / "base")
    settings = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    with without_warnings():
        get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings).save_pretrained(
            folder / "adapter"
        )
    return folder / "adapter"


@pytest.mark.parametrize(
    ("make", "total", "trainable", "non_embedding"),
    [
        (untied, BODY + 2 * EMBEDDING, BODY + 2 * EMBEDDING, BODY),
        (tied, BODY + EMBEDDING, BODY + EMBEDDING, BODY),
        (tied_but_saved_twice, BODY + EMBEDDING, BODY + EMBEDDING, BODY),
        (
            tied_by_its_configuration_alone,
            BODY + 2 * EMBEDDING,
            BODY + 2 * EMBEDDING,
            BODY,
        ),
        (gpt2, GPT2_BODY + EMBEDDING, GPT2_BODY + EMBEDDING, GPT2_BODY),
        (lora, BODY + 2 * EMBEDDING + LORA, LORA, BODY + LORA),
        (lora_with_saved_head, BODY + 2 * EMBEDDING + LORA, LORA + EMBEDDING, BODY + LORA),
        (lora_that_unties_the_head, BODY + 2 * EMBEDDING + LORA, LORA + EMBEDDING, BODY + LORA),
        (prompt_tuned, BODY + 2 * EMBEDDING + 3 * 32, 3 * 32, BODY + 3 * 32),
    ],
)
def test_parameters(
    tmp_path: Path,
    make: Callable[[Path], Path],
    total: int,
    trainable: int,
    non_embedding: int,
) -> None:
    plan = resolve_reference(str(make(tmp_path / "model")))
    card = card_of_plan(plan)
    counted = (card.parameters_total, card.parameters_trainable, card.parameters_non_embedding)
    assert counted == (total, trainable, non_embedding)
    assert load_model(plan).card == card


EVERY_KIND: dict[str, Callable[[Any], Any]] = {
    "IA3": lambda peft: peft.IA3Config(
        target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]
    ),
    "AdaLoRA": lambda peft: peft.AdaLoraConfig(target_modules=["q_proj"], total_step=10),
    "VeRA": lambda peft: peft.VeraConfig(target_modules=["q_proj"], r=4),
    "prefix": lambda peft: peft.PrefixTuningConfig(num_virtual_tokens=4),
    "on embeddings": lambda peft: peft.LoraConfig(target_modules=["embed_tokens", "q_proj"], r=4),
    "rows of LoRA": lambda peft: peft.LoraConfig(
        target_modules=["q_proj"], r=4, trainable_token_indices=[1, 2]
    ),
    "rows alone": lambda peft: peft.TrainableTokensConfig(token_indices=[1, 2, 3]),
}


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_of_adapter_is_counted_alike_from_files_and_loaded(
    tmp_path: Path, kind: str, is_tied: bool
) -> None:
    import peft
    from transformers import AutoModelForCausalLM

    base = (tied if is_tied else untied)(tmp_path / "base")
    settings = EVERY_KIND[kind](peft)
    settings.task_type = "CAUSAL_LM"
    with without_warnings():
        module = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
        module.save_pretrained(tmp_path / "adapter")
    trained = sum(each.numel() for each in module.parameters() if each.requires_grad)
    plan = resolve_reference(str(tmp_path / "adapter"))
    card = card_of_plan(plan)
    body = BODY + (1 if is_tied else 2) * EMBEDDING
    assert (card.parameters_total, card.parameters_trainable) == (body + trained, trained)
    assert load_model(plan).card == card


def test_card_of_an_adapter(tmp_path: Path) -> None:
    plan = resolve_reference(str(lora(tmp_path)))
    card = card_of_plan(plan)
    base = card_of_plan(resolve_reference(str(tmp_path / "base")))
    assert card.architecture == "LlamaForCausalLM + LORA"
    assert isinstance(card.adapter_bytes, int)
    assert isinstance(base.disk_bytes, int)
    assert card.disk_bytes == base.disk_bytes + card.adapter_bytes
    assert isinstance(base.adapter_bytes, Undefined)
    assert card.digest != base.digest


def test_dtype_is_the_weights(tmp_path: Path) -> None:
    folder = save(make_llama().half(), tmp_path / "half")
    card = card_of_plan(resolve_reference(str(folder)))
    assert card.dtype == "float16"
    assert isinstance(card.weights_bytes, int)
    assert isinstance(card.parameters_total, int)
    # two bytes a parameter and a header
    assert 0 < card.weights_bytes - 2 * card.parameters_total < 4000


def test_digest_follows_content_and_not_place(tmp_path: Path) -> None:
    one, other = (resolve_reference(str(save_llama(tmp_path / name))) for name in "ab")
    assert digest_of_plan(one) == digest_of_plan(other)
    different = resolve_reference(str(save_llama(tmp_path / "c", seed=1)))
    assert digest_of_plan(different) != digest_of_plan(one)
    config = other.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"rope_theta": 5.0}))
    assert digest_of_plan(other) != digest_of_plan(one)


def test_packed_weights_are_not_guessed(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_llama(tmp_path / "m")))
    packed = replace(plan, config=dict(plan.config) | {"quantization_config": {"bits": 4}})
    assert isinstance(card_of_plan(packed).parameters_total, Undefined)


def test_templates_that_may_tell_the_date(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    assert not template_may_tell_the_date(resolve_reference(str(folder)))
    (folder / "chat_template.jinja").write_text("{{ strftime_now('%d %b %Y') }}", "utf-8")
    assert template_may_tell_the_date(resolve_reference(str(folder)))
