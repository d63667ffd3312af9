"""Refusing learned prompts over encoder-decoders.

PEFT puts some of them before the encoder's text, some before the decoder's, some into the cache:
each would have to be scored, counted against a window and timed in a way of its own.
"""

from __future__ import annotations

from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.model_task import task_of_plan
from distill_fixtures.models.peft_modules import virtual_tokens_of
from distill_fixtures.models.plan import ModelPlan

__all__ = ["refuse_learned_prompt_of_module", "refuse_learned_prompt_of_plan"]


def refuse_learned_prompt_of_plan(plan: ModelPlan) -> None:
    """Told from an adapter's configuration and its base's, where that is here already.

    Raises:
        ModelReferenceError: the adapter is a learned prompt over an encoder-decoder.
    """
    if plan.config.get("num_virtual_tokens") and task_of_plan(plan) == "seq2seq":
        raise _refused(plan.reference, str(plan.config.get("peft_type")))


def refuse_learned_prompt_of_module(module: Any, reference: str) -> None:
    """Told from a loaded encoder-decoder.

    Raises:
        ModelReferenceError: a learned prompt stands before its texts.
    """
    if virtual_tokens_of(module):
        raise _refused(reference, module.active_peft_config.peft_type.value)


def _refused(reference: str, kind: str) -> ModelReferenceError:
    return ModelReferenceError(
        f"the adapter {reference} cannot be used",
        got=f"a learned prompt ({kind}) over an encoder-decoder",
        wanted="an adapter that changes the model's layers, such as LoRA",
        next_step="give a LoRA adapter or a merged model",
    )
