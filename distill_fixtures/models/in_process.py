"""From a loaded module to a model that can be asked, by what it was made for."""

from __future__ import annotations

from typing import Any

from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.classifier import Classifier
from distill_fixtures.models.model_task import task_of_module
from distill_fixtures.models.peft_modules import plain_module
from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.models.seq2seq_lm import Seq2SeqLM
from distill_fixtures.records import ModelCard

__all__ = ["model_in_process", "run_first_token"]


def model_in_process(module: Any, tokenizer: Any, card: ModelCard) -> InProcessModel:
    """Wrap a transformers module in eval mode, perhaps with a PEFT adapter over it."""
    task = task_of_module(module)
    if task == "classification":
        return Classifier(module, tokenizer, card)
    if task == "seq2seq":
        return Seq2SeqLM(module, tokenizer, card)
    return CausalLM(module, tokenizer, card)


def run_first_token(module: Any) -> None:
    """The least that a module can compute: one token. It ends a load, whose time is measured."""
    import torch

    token = _first_token(module)
    ids = torch.full((1, 1), token, dtype=torch.long, device=module.device)
    given = {"input_ids": ids}
    if task_of_module(module) == "seq2seq":
        given["decoder_input_ids"] = ids
    with torch.inference_mode():
        module(**given)


def _first_token(module: Any) -> int:
    """Any token will do, but a classifier with a decoder looks for the one that ends its text."""
    config = plain_module(module).config
    if task_of_module(module) == "classification" and getattr(config, "is_encoder_decoder", False):
        return int(config.eos_token_id)
    return 0
