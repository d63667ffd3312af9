"""From a loaded module to a model that can be asked, by what it was made for."""

from __future__ import annotations

from typing import Any

from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.records import ModelCard

__all__ = ["model_in_process", "run_first_token"]


def model_in_process(module: Any, tokenizer: Any, card: ModelCard) -> InProcessModel:
    """Wrap a transformers module in eval mode, perhaps with a PEFT adapter over it."""
    return CausalLM(module, tokenizer, card)


def run_first_token(module: Any) -> None:
    """The least that a module can compute: one token. It ends a load, whose time is measured."""
    import torch

    with torch.inference_mode():
        module(input_ids=torch.zeros((1, 1), dtype=torch.long, device=module.device))
