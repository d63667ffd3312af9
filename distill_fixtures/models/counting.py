"""Counting the parameters of a loaded model: the modules themselves, not the files."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.identity import ParameterCounts
from distill_fixtures.models.model_task import task_of_module
from distill_fixtures.models.peft_modules import plain_module

if TYPE_CHECKING:
    import torch

__all__ = ["count_module"]


def count_module(module: Any) -> ParameterCounts:
    """Logical parameters of a loaded full model or PEFT model.

    A parameter shared by two modules counts once. What a ``modules_to_save`` copy replaces is
    left out, and so are tables of sines and cosines, which are computed. An adapter's parameters
    are told by name: ``requires_grad`` after loading says nothing about what training updated.
    """
    parameters = dict(_live_parameters(module))
    adapters = getattr(module, "peft_config", {}).keys()
    trained = (
        [parameter for name, parameter in parameters.items() if _belongs_to_adapter(name, adapters)]
        if adapters
        else list(parameters.values())
    )
    embeddings = _embedding_parameters(module)
    return ParameterCounts(
        total=sum(parameter.numel() for parameter in parameters.values()),
        trainable=sum(parameter.numel() for parameter in trained),
        non_embedding=sum(
            parameter.numel()
            for parameter in parameters.values()
            if id(parameter) not in embeddings
        ),
    )


def _live_parameters(module: Any) -> list[tuple[str, torch.nn.Parameter]]:
    """Parameters in use, each once, without those that a saved copy replaces."""
    computed = {
        id(parameter)
        for part in module.modules()
        if "Sinusoidal" in type(part).__name__
        for parameter in part.parameters()
    }
    return [
        (name, parameter)
        for name, parameter in module.named_parameters()
        if id(parameter) not in computed
        and (".original_module." not in f".{name}" or _is_shared_outside(module, name, parameter))
    ]


def _is_shared_outside(module: Any, name: str, parameter: torch.nn.Parameter) -> bool:
    """The replaced weight is still in use elsewhere (a tied embedding)."""
    return any(
        other is parameter and ".original_module." not in f".{other_name}"
        for other_name, other in module.named_parameters(remove_duplicate=False)
        if other_name != name
    )


def _belongs_to_adapter(name: str, adapters: Collection[str]) -> bool:
    """PEFT puts the adapter's name into the name of each of its parameters: ``lora_A.default``."""
    return not set(name.split(".")).isdisjoint(adapters)


def _embedding_parameters(module: Any) -> set[int]:
    """Identities of the parameters of the input and output embeddings."""
    embeddings = [module.get_input_embeddings(), module.get_output_embeddings()]
    if task_of_module(module) == "seq2seq":
        # Each half has one of its own where they share none.
        plain = plain_module(module)
        halves = (plain.get_encoder(), plain.get_decoder())
        embeddings += [half.get_input_embeddings() for half in halves]
    return {
        id(parameter)
        for embedding in embeddings
        if embedding is not None
        for parameter in embedding.parameters()
    }
