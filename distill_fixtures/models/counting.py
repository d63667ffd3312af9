"""Counting the parameters of a loaded model: the modules themselves, not the files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.identity import ParameterCounts
from distill_fixtures.models.model_task import task_of_module
from distill_fixtures.models.packed_weights import (
    elements_of,
    is_packed,
    linear_elements,
    packed_linears,
)
from distill_fixtures.models.peft_modules import plain_module

if TYPE_CHECKING:
    import torch

__all__ = ["count_module"]


def count_module(module: Any) -> ParameterCounts:
    """Logical parameters of a loaded full model or PEFT model.

    A parameter shared by two modules counts once, a packed one as many as it holds. What a
    ``modules_to_save`` copy replaces is left out, and so are tables of sines and cosines, which
    are computed. An adapter's parameters are told by name: ``requires_grad`` after loading says
    nothing about what training updated.
    """
    weights = _weights(module)
    adapters = getattr(module, "peft_config", {}).keys()
    embeddings = _embedding_identities(module)
    return ParameterCounts(
        total=sum(each.elements for each in weights),
        trainable=sum(
            each.elements
            for each in weights
            if not adapters or _belongs_to_adapter(each.name, adapters)
        ),
        non_embedding=sum(each.elements for each in weights if each.identity not in embeddings),
    )


@dataclass(frozen=True, slots=True)
class _Weights:
    """A parameter, or a packed layer, whose own tensors do not tell what they hold.

    ``identity`` is that of the parameter or of the layer.
    """

    name: str
    identity: int
    elements: int


def _weights(module: Any) -> list[_Weights]:
    """All that is in use, each once."""
    packed = {
        name: linear
        for name, linear in packed_linears(module).items()
        if ".original_module." not in f".{name}."
    }
    inside = {id(each) for linear in packed.values() for each in linear.parameters(recurse=False)}
    plain = [
        _Weights(name, id(parameter), elements_of(parameter))
        for name, parameter in _live_parameters(module)
        if id(parameter) not in inside and not _is_scale(module, name)
    ]
    return plain + [
        _Weights(name, id(linear), linear_elements(linear)) for name, linear in packed.items()
    ]


def _is_scale(module: Any, name: str) -> bool:
    """Scales of packed weights that lie beside them as parameters of their own."""
    return name.endswith("_scale_inv") and is_packed(getattr(module, "config", None))


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
        and ".ranknum." not in name  # AdaLoRA's note of a rank, and no weight
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


def _embedding_identities(module: Any) -> set[int]:
    """Those of input and output embeddings: their parameters, and the layers themselves."""
    embeddings = [module.get_input_embeddings(), module.get_output_embeddings()]
    if task_of_module(module) == "seq2seq":
        # Each half has one of its own where they share none.
        plain = plain_module(module)
        halves = (plain.get_encoder(), plain.get_decoder())
        embeddings += [half.get_input_embeddings() for half in halves]
    return {
        id(each)
        for embedding in embeddings
        if embedding is not None
        for each in (*embedding.parameters(), *embedding.modules())
    }
