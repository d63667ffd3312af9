"""Operations, rooflines, fits and memory, each worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.errors import OptionError
from distill_fixtures.estimate.fit import PassTime, fit_passes
from distill_fixtures.estimate.memory import LargestPass, cache_bytes, peak_bytes
from distill_fixtures.estimate.roofline import Fit, Shares, fit_on, roofline_s
from distill_fixtures.estimate.shape import ModelShape, active_share, shape_of_config
from distill_fixtures.estimate.targets import find_target, known_devices
from distill_fixtures.estimate.work import Weights, Work, flops_of

WHOLE = Shares(compute=1.0, bandwidth=1.0, memory=1.0)
TWO_LAYERS = ModelShape(layers=2, hidden=8, attention=8, kept=4, inner=16, vocabulary=50)
COUNTS = st.floats(0, 1e9)
WORKS = st.builds(Work, COUNTS, COUNTS, COUNTS, COUNTS)


def test_operations_by_hand() -> None:
    # A row of 3 tokens sees 1 + 2 + 3 keys; one of them is scored.
    work = Work(passes=1, tokens=3, scored=1, keys=6)
    body = 2 * 1000 * 3
    head = 2 * 400 * 1
    attention = 2 * 6 * (2 * 8 + 2 * 8)  # layers, pairs: a product with the key, one with the value
    assert flops_of(work, Weights(1000, 400), TWO_LAYERS) == body + head + attention


def test_operations_of_a_known_model() -> None:
    """Llama 2 7B: 6.6 billion parameters without embeddings, and as many operations a token twice
    over; attention over 4,096 tokens adds a sixth (its shape by its own configuration)."""
    shape = ModelShape(32, 4096, 4096, 4096, 11008, 32000)
    body = 32 * (4 * 4096**2 + 3 * 4096 * 11008)
    tokens = 4096
    work = Work(1, tokens, 0, tokens * (tokens + 1) / 2)
    a_token = flops_of(work, Weights(body, 0), shape) / tokens
    assert a_token == pytest.approx(2 * body + 4 * 32 * 4096 * 2048.5)
    assert 1.05 < a_token / (2 * body) < 1.2


@given(WORKS, WORKS)
def test_more_work_never_takes_less(one: Work, more: Work) -> None:
    weights = Weights(1e6, 1e4)
    assert flops_of(one + more, weights, TWO_LAYERS) >= flops_of(one, weights, TWO_LAYERS)
    line = PassTime(0.01, 1e-4)
    both = one + more
    assert line.seconds(both.passes, both.tokens) >= line.seconds(one.passes, one.tokens)


def test_without_a_shape_attention_is_left_out() -> None:
    assert flops_of(Work(1, 10, 0, 55), Weights(100, 0), None) == 2000


@pytest.mark.parametrize(
    ("config", "layers", "kept"),
    [
        ({"n_layer": 3, "n_embd": 12, "n_head": 3, "vocab_size": 9}, 3, 12),
        ({"num_layers": 4, "d_model": 16, "num_heads": 2, "d_kv": 4, "vocab_size": 9}, 4, 8),
        ({"text_config": {"n_layers": 5, "dim": 8, "n_heads": 2, "vocab_size": 9}}, 5, 8),
    ],
)
def test_shapes_of_other_names(config: dict[str, object], layers: int, kept: int) -> None:
    shape = shape_of_config(config)
    assert shape is not None
    assert (shape.layers, shape.kept) == (layers, kept)


def test_no_shape_and_no_experts() -> None:
    assert shape_of_config({"hidden_size": 8}) is None
    assert shape_of_config({"num_hidden_layers": True, "hidden_size": 8, "vocab_size": 2}) is None
    assert active_share({"hidden_size": 8}) == 1.0


def test_roofline_by_hand() -> None:
    gpu = known_devices()["a100-80"]
    # 312e12 operations a second: 1.56e14 take half a second; their bytes a quarter.
    assert roofline_s(1.56e14, 2.039e12 / 4, gpu, "bfloat16", WHOLE) == pytest.approx(0.5)
    # A single token of 70e9 parameters in 2 bytes is bound by the bandwidth.
    step = roofline_s(2 * 70e9, 140e9, gpu, "bfloat16", WHOLE)
    assert step == pytest.approx(140e9 / 2.039e12)
    assert roofline_s(1.56e14, 0, gpu, "bfloat16", replace(WHOLE, compute=0.5)) == pytest.approx(1)


def test_a_format_without_units_goes_at_the_rate_of_float32() -> None:
    gpu = known_devices()["v100"]
    assert roofline_s(15.7e12, 0, gpu, "bfloat16", WHOLE) == pytest.approx(1)


@pytest.mark.parametrize(
    ("size", "target", "fit"),
    [
        (141e9, "h100x8", Fit(2, 4)),
        (10e9, "h100x8", Fit(1, 8)),
        (73e9, "h100", Fit(2, 0)),
        (72e9, "h100", Fit(1, 1)),
        (800e9, "h200x8", Fit(7, 1)),
    ],
)
def test_how_a_model_lies_on_gpus(size: float, target: str, fit: Fit) -> None:
    assert fit_on(size, find_target("--on", target)) == fit


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("h100x8", "NVIDIA H100 80 GB (SXM)", 8),
        ("H100", "NVIDIA H100 80 GB (SXM)", 1),
        ("a100-80x4", "NVIDIA A100 80 GB (SXM)", 4),
        ("a100x2", "NVIDIA A100 80 GB (SXM)", 2),
        ("mi300x", "AMD Instinct MI300X", 1),
        ("mi300xx8", "AMD Instinct MI300X", 8),
        ("rtx4090", "NVIDIA GeForce RTX 4090", 1),
    ],
)
def test_targets(text: str, name: str, count: int) -> None:
    found = find_target("--on", text)
    assert (found.device.name, found.count) == (name, count)


@pytest.mark.parametrize("text", ["h1000", "x8", "h100x0", "h100x", "8xh100", "h100x999999"])
def test_unknown_targets(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        find_target("--on", text)
    assert repr(text) in str(caught.value)
    for name in known_devices():
        assert name in caught.value.wanted
    assert "--on h" in caught.value.next_step


def test_the_table_is_plausible() -> None:
    for name, device in known_devices().items():
        assert device.source, name
        assert device.flops_per_s["float32"] <= device.flops_per_s["float16"] <= 5e15
        assert 1e9 < device.memory_bytes < 1e12
        assert 1e11 < device.bytes_per_s < 1e13


def test_a_line_through_passes() -> None:
    assert fit_passes([10, 20, 30], [0.3, 0.5, 0.7]) == PassTime(0.1, 0.02)
    assert fit_passes([1000], [2.0]) == PassTime(0.0, 0.002)
    assert fit_passes([1000, 1000], [2.0, 4.0]) == PassTime(0.0, 0.003)
    falling = fit_passes([10, 20], [0.4, 0.2])
    assert falling.token_s == 0
    assert falling.pass_s == pytest.approx(0.3)
    with pytest.raises(ValueError, match="0 passes"):
        fit_passes([], [])


@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(1e-6, 1e3)), min_size=1, max_size=8))
def test_no_part_of_a_line_is_below_zero(points: list[tuple[float, float]]) -> None:
    found = fit_passes([t for t, _ in points], [s for _, s in points])
    assert found.pass_s >= 0
    assert found.token_s >= 0


def test_memory_by_hand() -> None:
    assert cache_bytes(TWO_LAYERS, tokens=10, element_bytes=2) == 2 * 2 * 4 * 10 * 2
    writing = LargestPass(written_rows=2, written_tokens=5)
    activations = 10 * (4 * 8 + 3 * 16) * 4 + 2 * 50 * 4
    kept = 2 * 2 * 4 * 10 * 4
    assert peak_bytes(1000, TWO_LAYERS, writing, 4) == 1000 + activations + kept
    assert peak_bytes(1000, None, writing, 4) == 1000


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_larger_pass_never_needs_less(tokens: float, more: float) -> None:
    small = peak_bytes(0, TWO_LAYERS, LargestPass(tokens=tokens), 2)
    assert peak_bytes(0, TWO_LAYERS, LargestPass(tokens=tokens + more), 2) >= small
