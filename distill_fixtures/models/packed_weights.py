"""What the tensors of a loaded quantised module hold, and how exactly it computes.

Libraries pack weights in their own ways: two to a byte in a parameter that still knows its shape
(bitsandbytes in 4 bits), in a tensor subclass that shows the shape of what it stands for (torchao),
or in integers of a layer that knows its features alone (GPTQ, AWQ and most others).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = [
    "cast_plain_weights",
    "depends_on_company",
    "elements_of",
    "held_tensors",
    "is_packed",
    "linear_elements",
    "packed_linears",
]

# Tensors of which one is in every layer that keeps its weights in integers or with their scales.
PACKED_NAMES = frozenset(
    (
        *("qweight", "weight_packed", "W_q"),  # GPTQ and AWQ, compressed-tensors, HQQ
        *("codes", "indices", "tables"),  # AQLM, VPTQ, HIGGS
        *("weight_scale", "weight_scales", "weight_scale_inv"),  # fp8, BitNet, EETQ
    )
)


def is_packed(config: Any) -> bool:
    """Whether a loaded module's weights are packed; not so where loading has unpacked them."""
    return getattr(config, "quantization_config", None) is not None


def depends_on_company(config: Any) -> bool:
    """Whether what a token computes depends on the tokens that run through a layer with it.

    So it is with 8 bits of bitsandbytes: a column of the activations in which any token's value
    exceeds a threshold is computed in half precision for all tokens of the pass; the others are
    rounded to 8 bits (LLM.int8, https://arxiv.org/abs/2208.07339).
    """
    settings = getattr(config, "quantization_config", None)
    if not getattr(settings, "load_in_8bit", False):
        return False
    return float(getattr(settings, "llm_int8_threshold", 0.0)) > 0


def elements_of(parameter: torch.Tensor) -> int:
    """Weights that a parameter stands for, however they are packed."""
    shape = getattr(getattr(parameter, "quant_state", None), "shape", None)
    return parameter.numel() if shape is None else math.prod(shape)


def packed_linears(module: Any) -> Mapping[str, Any]:
    """By name, the linear layers whose own tensors do not tell how many weights they hold."""
    if not is_packed(getattr(module, "config", None)):
        return {}
    return {name: each for name, each in module.named_modules() if _is_packed_linear(each)}


def linear_elements(linear: Any) -> int:
    """Weights and biases of a linear layer, from its features."""
    bias = getattr(linear, "bias", None)
    return int(linear.in_features * linear.out_features) + (0 if bias is None else bias.numel())


def cast_plain_weights(module: Any) -> None:
    """Put what is not packed into the format that the module was loaded for.

    transformers leaves it as it is in the file, bitsandbytes' checkpoints at least: a float32
    model would compute in the half precision of its embeddings.
    """
    if not is_packed(module.config):
        return
    wanted = module.config.dtype
    kept = (*(module._keep_in_fp32_modules or ()), *(module._keep_in_fp32_modules_strict or ()))
    packed = packed_linears(module)
    for name, parameter in module.named_parameters():
        if name.rpartition(".")[0] in packed or any(part in name for part in kept):
            continue
        # One byte an element is a packed format, and a subclass packs in its own way.
        plain = type(parameter).__name__ == "Parameter" and not _is_wrapper(parameter)
        if plain and parameter.is_floating_point() and parameter.element_size() > 1:
            parameter.data = parameter.data.to(wanted)


def held_tensors(module: Any) -> Iterator[torch.Tensor]:
    """Every plain tensor that takes memory for a module, those inside packed ones too."""
    for tensor in (*module.parameters(), *module.buffers()):
        yield from _plain_tensors(tensor)


def _plain_tensors(tensor: Any) -> Iterator[torch.Tensor]:
    import torch

    if _is_wrapper(tensor):
        names, _ = tensor.__tensor_flatten__()
        for name in names:
            yield from _plain_tensors(getattr(tensor, name))
        return
    yield tensor
    state = getattr(tensor, "quant_state", None)
    while state is not None:  # the scales of 4 bits may have scales of their own
        yield from (each for each in vars(state).values() if isinstance(each, torch.Tensor))
        state = getattr(state, "state2", None)


def _is_wrapper(tensor: Any) -> bool:
    """Whether it only shows the shape of what other tensors hold."""
    return hasattr(tensor, "__tensor_flatten__")


def _is_packed_linear(module: Any) -> bool:
    features = [getattr(module, name, None) for name in ("in_features", "out_features")]
    if not all(isinstance(each, int) for each in features):
        return False
    own = {**module._parameters, **module._buffers}
    return any(own.get(name) is not None for name in PACKED_NAMES)
