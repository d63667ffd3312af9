"""Counting what is packed, by hand and without the libraries that pack."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from distill_fixtures.models.counting import count_module
from distill_fixtures.models.packed_weights import (
    depends_on_company,
    elements_of,
    held_tensors,
    is_packed,
)
from tests.models.test_identity import BODY, EMBEDDING
from tests.tiny_models import make_llama


def four_bits(rows: int, columns: int) -> Any:
    """A parameter as bitsandbytes keeps it: two weights a byte, its shape beside it."""
    import torch

    data = torch.zeros((rows * columns // 2, 1), dtype=torch.uint8)
    parameter = torch.nn.Parameter(data, requires_grad=False)
    inner = SimpleNamespace(absmax=torch.ones(3), state2=None)
    parameter.quant_state = SimpleNamespace(  # type: ignore[attr-defined]
        shape=torch.Size((rows, columns)), absmax=torch.ones(5), dtype=torch.float32, state2=inner
    )
    return parameter


def integer_linear(rows: int, columns: int, *, bias: bool = False) -> Any:
    """A layer as GPTQ keeps it: integers and scales in buffers, no parameter."""
    import torch

    layer = torch.nn.Module()
    layer.in_features, layer.out_features = columns, rows  # type: ignore[assignment]
    layer.register_buffer("qweight", torch.zeros((columns // 8, rows), dtype=torch.int32))
    layer.register_buffer("scales", torch.ones((2, rows)))
    layer.register_buffer("bias", torch.zeros(rows) if bias else None)
    return layer


def scaled_linear(rows: int, columns: int) -> Any:
    """A layer as fine-grained fp8 keeps it: one byte a weight, and scales as a parameter."""
    import torch

    layer = torch.nn.Linear(columns, rows, bias=False)
    data = torch.zeros((rows, columns), dtype=torch.float8_e4m3fn)
    layer.weight = torch.nn.Parameter(data, requires_grad=False)
    layer.weight_scale_inv = torch.nn.Parameter(torch.ones((2, 2)), requires_grad=False)
    return layer


def packed_llama() -> Any:
    module = make_llama()
    first, second = (layer.self_attn for layer in module.model.layers)
    first.q_proj.weight = four_bits(32, 32)
    first.k_proj = integer_linear(16, 32)
    second.k_proj = scaled_linear(16, 32)
    module.config.quantization_config = SimpleNamespace(quant_method="several")
    return module


def test_what_packed_layers_hold_is_counted() -> None:
    counts = count_module(packed_llama())
    whole = BODY + 2 * EMBEDDING
    assert (counts.total, counts.trainable, counts.non_embedding) == (whole, whole, BODY)


def test_a_bias_counts() -> None:
    module = packed_llama()
    module.model.layers[0].self_attn.k_proj = integer_linear(16, 32, bias=True)
    assert count_module(module).total == BODY + 2 * EMBEDDING + 16


def test_a_packed_head_is_an_embedding() -> None:
    module = packed_llama()
    module.lm_head = integer_linear(300, 32)
    counts = count_module(module)
    assert (counts.total, counts.non_embedding) == (BODY + 2 * EMBEDDING, BODY)


def test_scales_of_experts_are_no_weights() -> None:
    """Experts' weights are one parameter without a layer of their own."""
    import torch

    module = packed_llama()
    module.model.experts = torch.nn.Module()
    for name in ("gate_proj", "gate_proj_scale_inv"):
        parameter = torch.nn.Parameter(torch.ones((2, 3)), requires_grad=False)
        module.model.experts.register_parameter(name, parameter)
    assert count_module(module).total == BODY + 2 * EMBEDDING + 6


def test_names_mean_nothing_in_a_model_that_is_not_packed() -> None:
    import torch

    module = make_llama()
    module.model.codes = torch.nn.Parameter(torch.ones(7))
    module.model.in_features = module.model.out_features = 5
    assert count_module(module).total == BODY + 2 * EMBEDDING + 7


def test_every_tensor_inside_is_found() -> None:
    import torch

    parameter = four_bits(32, 32)
    assert elements_of(parameter) == 1024
    module = torch.nn.Module()
    module.register_parameter("weight", parameter)
    module.register_buffer("table", torch.zeros(9))
    assert sorted(each.numel() for each in held_tensors(module)) == [3, 5, 9, 512]


def test_tensors_inside_a_subclass_are_found() -> None:
    import torch

    class Pair:
        """As torchao's tensors tell what they are made of."""

        def __init__(self) -> None:
            self.data, self.scale = torch.zeros(4, dtype=torch.int8), torch.ones(2)

        def __tensor_flatten__(self) -> tuple[list[str], None]:
            return ["data", "scale"], None

    stand_in: Any = SimpleNamespace(parameters=lambda: [Pair()], buffers=list)
    assert [each.numel() for each in held_tensors(stand_in)] == [4, 2]


def test_packed_memory_is_touched() -> None:
    from distill_fixtures.measure.processes.process_memory import touch_parameters

    touch_parameters(packed_llama())


@pytest.mark.parametrize(
    ("settings", "depends"),
    [
        (None, False),
        (SimpleNamespace(load_in_8bit=True, llm_int8_threshold=6.0), True),
        (SimpleNamespace(load_in_8bit=True, llm_int8_threshold=0.0), False),
        (SimpleNamespace(load_in_8bit=False, llm_int8_threshold=6.0), False),
        (SimpleNamespace(quant_method="torchao"), False),
    ],
)
def test_whose_figures_depend_on_the_company(settings: Any, depends: bool) -> None:
    config = SimpleNamespace(quantization_config=settings)
    assert depends_on_company(config) is depends
    assert is_packed(config) is (settings is not None)
    assert not is_packed(None)
