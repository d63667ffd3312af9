"""Which tensors of a checkpoint are one parameter once it is loaded.

Output and input embedding are tied where the configuration says so; an encoder's and a decoder's
copy of the embedding are too. Some files hold the copies all the same. transformers then compares
them: equal ones are tied, and different ones are parameters of their own whatever the configuration
says, as T5 1.1's and FLAN's output embedding is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.models.headers import TensorHeader

__all__ = ["INPUT_EMBEDDINGS", "PlacedTensor", "copies_of_embeddings", "is_input_embedding"]

INPUT_EMBEDDINGS = (
    ".shared.weight",
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "word_embedding.weight",
    "tok_embeddings.weight",
    "embed_in.weight",
)
CHUNK_BYTES = 1 << 20
# Architectures that tie output to input embeddings unless their configuration says otherwise.
TIED_BY_DEFAULT = frozenset(
    {
        *("gpt2", "gpt_neo", "opt", "bloom", "gemma", "gemma2", "gemma3", "gemma3_text", "cohere"),
        *("bart", "mbart", "plbart", "pegasus", "pegasus_x", "bigbird_pegasus", "marian", "led"),
        *("blenderbot", "blenderbot-small", "m2m_100", "switch_transformers"),
    }
)
# Those that tie them even where it says otherwise.
TIED_ALWAYS = frozenset({"t5", "mt5", "umt5", "longt5"})


@dataclass(frozen=True, slots=True)
class PlacedTensor:
    """A tensor and the file that it lies in."""

    path: Path
    header: TensorHeader


def is_input_embedding(name: str) -> bool:
    """Told from a tensor's name.

    >>> is_input_embedding("shared.weight"), is_input_embedding("mlp.unshared.weight")
    (True, False)
    """
    return f".{name}".endswith(INPUT_EMBEDDINGS)


def copies_of_embeddings(
    tensors: Mapping[str, PlacedTensor], config: Mapping[str, Any]
) -> frozenset[str]:
    """Names of tensors that are tied to the input embedding and hold the same numbers.

    Reads from the files as far as both are the same.

    Args:
        tensors: those of a whole model, by name.
        config: the content of its config.json.
    """
    inputs = sorted((name for name in tensors if is_input_embedding(name)), key=_order)
    if not inputs or not _is_tied(config):
        return frozenset()
    candidates = inputs[1:] + [name for name in tensors if name.endswith("lm_head.weight")]
    source = tensors[inputs[0]]
    return frozenset(name for name in candidates if _same_numbers(source, tensors[name]))


def _order(name: str) -> tuple[bool, str]:
    """The embedding that encoder and decoder share comes first."""
    return not f".{name}".endswith(".shared.weight"), name


def _is_tied(config: Mapping[str, Any]) -> bool:
    if config.get("model_type") in TIED_ALWAYS:
        return True
    said = config.get("tie_word_embeddings")
    return said if isinstance(said, bool) else config.get("model_type") in TIED_BY_DEFAULT


def _same_numbers(one: PlacedTensor, other: PlacedTensor) -> bool:
    if one.header != other.header:
        return False
    with one.path.open("rb") as first, other.path.open("rb") as second:
        first.seek(one.header.start_byte)
        second.seek(other.header.start_byte)
        left = one.header.size_bytes
        while left > 0:
            wanted = min(CHUNK_BYTES, left)
            if first.read(wanted) != second.read(wanted):
                return False
            left -= wanted
    return True
