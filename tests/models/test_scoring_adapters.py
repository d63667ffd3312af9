"""Scores of a model with an adapter, of every kind that PEFT has, against one-by-one arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.models.scoring_models import model_of
from tests.one_by_one import assert_equal_scores, one_by_one
from tests.scoring_requests import REQUESTS
from tests.tiny_models import make_gpt2, make_llama, without_warnings


def adapted(settings: Any) -> Any:
    import torch
    from peft import get_peft_model

    torch.manual_seed(1)
    with without_warnings():
        return get_peft_model(make_llama(), settings).eval()


def low_rank() -> Any:
    from peft import LoraConfig

    return adapted(LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False))


def low_rank_without_task() -> Any:
    from peft import LoraConfig

    # The language head and the input embedding are adapted too.
    return adapted(
        LoraConfig(
            r=4,
            target_modules=["v_proj", "lm_head", "embed_tokens"],
            task_type="CAUSAL_LM",
            init_lora_weights=False,
        )
    )


def whole_head() -> Any:
    import torch
    from peft import LoraConfig

    module = adapted(
        LoraConfig(
            r=4,
            target_modules=["q_proj"],
            modules_to_save=["lm_head"],
            task_type="CAUSAL_LM",
            init_lora_weights=False,
        )
    )
    with torch.no_grad():
        # The saved copy differs from the head beneath it, as after training.
        module.get_output_embeddings().modules_to_save["default"].weight.mul_(-1)
    return module


def scaled_activations() -> Any:
    from peft import IA3Config

    return adapted(
        IA3Config(
            target_modules=["k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
            init_ia3_weights=False,
            task_type="CAUSAL_LM",
        )
    )


def tuned_prompt() -> Any:
    from peft import PromptTuningConfig

    return adapted(PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))


def tuned_prefix() -> Any:
    from peft import PrefixTuningConfig

    return adapted(PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))


PROMPT_LEARNING = (tuned_prompt, tuned_prefix)


@pytest.mark.parametrize(
    "make",
    [low_rank, low_rank_without_task, whole_head, scaled_activations, *PROMPT_LEARNING],
)
def test_adapters_score_as_single_rows(make: Callable[[], Any]) -> None:
    # Virtual tokens take places of the window that are not told of here: no text is cut.
    requests = REQUESTS[:-2] if make in PROMPT_LEARNING else REQUESTS
    module = make()
    wanted = one_by_one(module, requests)
    bare = one_by_one(make_llama(), requests)
    assert max(abs(a - b) for a, b in zip(wanted[2], bare[2], strict=True)) > 0.1
    assert_equal_scores(model_of(module).score_many(requests), wanted, requests)


@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_a_learned_prompt_takes_places_of_the_window(kind: str) -> None:
    from peft import PrefixTuningConfig, PromptTuningConfig, get_peft_model

    make = {"prompt": PromptTuningConfig, "prefix": PrefixTuningConfig}[kind]
    with without_warnings():
        # GPT-2 has a table of positions: one beyond the window is an index error.
        module = get_peft_model(
            make_gpt2(), make(task_type="CAUSAL_LM", num_virtual_tokens=5)
        ).eval()
        model = model_of(module)
        long = next(request for request in REQUESTS if request.key == "too long")
        (scored,) = model.score_many([long])
        (written,) = model.generate_text([long.context], max_new_tokens=4)
    assert scored.truncated
    assert written.truncated
