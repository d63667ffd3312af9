"""The sizes of a model that its work and its memory follow from, told by its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ModelShape", "active_share", "shape_of_config"]

# The names that architectures have for the same thing, the most usual first.
LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
HIDDEN = ("hidden_size", "n_embd", "d_model", "dim")
HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads")
KEY_HEADS = ("num_key_value_heads",)
HEAD_WIDTH = ("head_dim", "d_kv")
INNER = ("intermediate_size", "n_inner", "d_ff", "ffn_dim", "hidden_dim")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
EXPERTS_A_TOKEN = ("num_experts_per_tok", "num_experts_per_token")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a transformer.

    Attributes:
        layers: blocks of attention.
        hidden: width of the activations between blocks.
        attention: width of all heads of queries together.
        kept: width of all heads of keys together; so many values and as many keys of each token and
            layer are kept while a text is written.
        inner: width within a block's feed-forward part.
        vocabulary: rows of the language head.
    """

    layers: int
    hidden: int
    attention: int
    kept: int
    inner: int
    vocabulary: int


def shape_of_config(config: Mapping[str, Any]) -> ModelShape | None:
    """The shape that a configuration tells; None where it lacks a layer count, width or vocabulary.

    >>> shape_of_config({"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 4,
    ...     "num_key_value_heads": 2, "intermediate_size": 20, "vocab_size": 100})
    ModelShape(layers=2, hidden=8, attention=8, kept=4, inner=20, vocabulary=100)
    """
    nested = config.get("text_config")
    if isinstance(nested, Mapping):
        config = {**config, **nested}
    layers, hidden = _first(config, LAYERS), _first(config, HIDDEN)
    vocabulary = _first(config, ("vocab_size",))
    if layers is None or hidden is None or vocabulary is None:
        return None
    heads = _first(config, HEADS) or 1
    width = _first(config, HEAD_WIDTH) or hidden // heads
    return ModelShape(
        layers=layers,
        hidden=hidden,
        attention=heads * width,
        kept=(_first(config, KEY_HEADS) or heads) * width,
        inner=_first(config, INNER) or 4 * hidden,
        vocabulary=vocabulary,
    )


def active_share(config: Mapping[str, Any]) -> float:
    """The share of a model's experts that a token runs through; 1 without experts.

    >>> active_share({"num_local_experts": 8, "num_experts_per_tok": 2})
    0.25
    """
    experts, used = _first(config, EXPERTS), _first(config, EXPERTS_A_TOKEN)
    if experts is None or used is None:
        return 1.0
    return min(1.0, used / experts)


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
