"""Tiny quantised models, written as a user would, by each library that is there."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_models import make_llama, save, without_warnings

__all__ = ["QUANTISED", "need", "plain_twin", "save_fp8", "save_quantised"]

FP8_BLOCK = 16


def need(*modules: str) -> None:
    """Skip a test whose libraries are not there."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed (extra: quantised)")


def save_quantised(folder: Path, settings: Any, *, dtype: str = "float32") -> Path:
    """The tiny Llama, quantised by transformers on the CPU and saved."""
    import torch
    from transformers import AutoModelForCausalLM

    plain = save(make_llama(), folder.with_name(f"{folder.name}-plain"))
    with without_warnings():
        module = AutoModelForCausalLM.from_pretrained(
            plain, quantization_config=settings, device_map={"": "cpu"}, dtype=getattr(torch, dtype)
        )
        return save(module, folder)


def save_fp8(folder: Path) -> Path:
    """The tiny Llama with its layers' weights in one byte each and a scale for each block."""
    import torch
    from safetensors.torch import load_file, save_file

    save(make_llama(), folder)
    tensors = load_file(folder / "model.safetensors")
    for name in [each for each in tensors if "proj" in each]:
        quantised, scales = _fp8(tensors[name])
        tensors[name] = quantised
        tensors[f"{name}_scale_inv"] = scales
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert {each.dtype for each in tensors.values()} >= {torch.float8_e4m3fn, torch.float32}
    settings = {
        "quant_method": "fp8",
        "activation_scheme": "dynamic",
        "weight_block_size": [FP8_BLOCK, FP8_BLOCK],
    }
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": settings}))
    return folder


def _fp8(weight: Any) -> tuple[Any, Any]:
    import torch

    rows, columns = (size // FP8_BLOCK for size in weight.shape)
    blocks = weight.reshape(rows, FP8_BLOCK, columns, FP8_BLOCK)
    scales = blocks.abs().amax(dim=(1, 3)) / 448  # the largest number of the format
    quantised = blocks / scales[:, None, :, None]
    return quantised.reshape(weight.shape).to(torch.float8_e4m3fn), scales.float()


def _four_bits() -> Any:
    need("bitsandbytes", "accelerate")
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )


def _eight_bits() -> Any:
    need("bitsandbytes", "accelerate")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_8bit=True)


def _weight_only() -> Any:
    need("torchao", "accelerate")
    from torchao.quantization import Int8WeightOnlyConfig
    from transformers import TorchAoConfig

    return TorchAoConfig(Int8WeightOnlyConfig(version=2))


QUANTISED: Mapping[str, Callable[[], Any]] = {
    "nf4": _four_bits,
    "int8": _eight_bits,
    "torchao": _weight_only,
}
"""Settings by name; asking for them skips a test whose library is not there."""


def plain_twin(module: Any) -> Any:
    """A model with plain weights, those that a packed one stands for."""
    import torch

    twin = make_llama()
    packed = dict(module.named_modules())
    with torch.no_grad():
        for name, layer in twin.named_modules():
            if hasattr(layer, "weight"):
                layer.weight.copy_(_unpacked(packed[name]))
    return twin


def _unpacked(layer: Any) -> Any:
    weight = layer.weight
    kind = type(weight).__name__
    if kind == "Params4bit":
        from bitsandbytes.functional import dequantize_4bit

        return dequantize_4bit(weight.data, weight.quant_state)
    if kind == "Int8Params":
        scales = layer.state.SCB if weight.SCB is None else weight.SCB
        return weight.data.float() * scales[:, None] / 127
    return weight.dequantize() if hasattr(weight, "__tensor_flatten__") else weight
