"""From a loaded module to a model that can be asked, by what it was made for."""

from __future__ import annotations

from typing import Any

from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.model_task import task_of_module
from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.models.seq2seq_lm import Seq2SeqLM
from distill_fixtures.records import ModelCard

__all__ = ["model_in_process", "run_first_token"]


def model_in_process(module: Any, tokenizer: Any, card: ModelCard) -> InProcessModel:
    """Wrap a transformers module in eval mode, perhaps with a PEFT adapter over it."""
    if task_of_module(module) == "seq2seq":
        return Seq2SeqLM(module, tokenizer, card)
    return CausalLM(module, tokenizer, card)


def run_first_token(module: Any) -> None:
    """The least that a module can compute: one token. It ends a load, whose time is measured."""
    import torch

    token = torch.zeros((1, 1), dtype=torch.long, device=module.device)
    given = {"input_ids": token}
    if task_of_module(module) == "seq2seq":
        given["decoder_input_ids"] = token
    with torch.inference_mode():
        module(**given)
