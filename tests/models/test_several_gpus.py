"""Which models are laid over several GPUs, and what a model whose layers lie apart scores."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models import loading
from distill_fixtures.models.devices import resolve_device
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.memory_needs import MemoryNeed
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.models.several_gpus import layers_over_gpus, rooms_for
from distill_fixtures.records import Undefined
from tests.scoring_requests import REQUESTS
from tests.tiny_models import save_llama

GB = 10**9


def need(size: float) -> MemoryNeed:
    return MemoryNeed("big", int(size * GB))


@pytest.mark.parametrize(
    ("size", "free", "rooms"),
    [
        (8, (10, 10), {}),
        (9, (10, 10), {}),
        (9.1, (10, 10), {0: 9 * GB, 1: 9 * GB}),
        (18, (10, 10), {0: 9 * GB, 1: 9 * GB}),
        # The first is full of another model; the next would hold it alone.
        (8, (1, 10), {0: 9 * GB // 10, 1: 9 * GB}),
        (140, (80, 80), {0: 72 * GB, 1: 72 * GB}),
        # With one GPU there is nothing to decide; loading tells.
        (20, (10,), {}),
        (20, (), {}),
    ],
)
def test_where_a_model_goes(size: float, free: tuple[int, ...], rooms: dict[int, int]) -> None:
    assert rooms_for(need(size), [each * GB for each in free]) == rooms


def test_a_model_of_unknown_size_goes_onto_the_first() -> None:
    assert rooms_for(Undefined("not here"), [1, 1]) == {}


def test_what_fits_nowhere_is_refused_with_the_figures() -> None:
    with pytest.raises(ModelReferenceError) as caught:
        rooms_for(need(18.1), [10 * GB, 10 * GB])
    assert caught.value.got == "18.1 GB; free are 10.0, 10.0 GB, of which 90 % are for weights"


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that nothing fits one of them."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    half = resolve_reference("demo:student").weights_bytes
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (half, 2 * half))


@pytest.mark.usefixtures("two_gpus")
def test_auto_with_several_gpus() -> None:
    plan = resolve_reference("demo:student")
    room = int(0.9 * plan.weights_bytes)
    wanted = {"device_map": "auto", "max_memory": {0: room, 1: room}}
    assert layers_over_gpus(plan, resolve_device("auto"), "auto") == wanted
    # Named, it is that one.
    for named in ("cuda", "cuda:1"):
        assert layers_over_gpus(plan, resolve_device(named), "auto") == {}
    assert layers_over_gpus(plan, "cpu", "auto") == {}


@pytest.mark.usefixtures("two_gpus")
def test_it_takes_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "accelerate" else find(name)
    )
    with pytest.raises(ModelReferenceError) as caught:
        layers_over_gpus(resolve_reference("demo:student"), "cuda", "auto")
    assert caught.value.next_step == "pip install accelerate"


def lay_out(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    monkeypatch.setattr(loading, "layers_over_gpus", lambda plan, device, dtype: settings)


@pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="accelerate is not installed"
)
def test_layers_that_find_no_gpu_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = resolve_reference(str(save_llama(tmp_path / "model")))
    size = plan.weights_bytes
    lay_out(monkeypatch, {"device_map": "auto", "max_memory": {"cpu": size // 2}})
    with pytest.raises(ModelReferenceError, match=r"not every layer of .* found room"):
        load_model(plan)


@pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="accelerate is not installed"
)
def test_layers_on_several_devices_score_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's memory and the disk stand for two GPUs: the same hooks move what is computed."""
    plan = resolve_reference(str(save_llama(tmp_path / "model")))
    wanted = load_model(plan).score_many(REQUESTS)
    parts = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.rotary_emb": "cpu"}
    others = {"model.layers.1": "disk", "model.norm": "disk", "lm_head": "disk"}
    lay_out(monkeypatch, {"device_map": parts | others, "offload_folder": str(tmp_path / "off")})
    monkeypatch.setattr(loading, "refuse_layers_elsewhere", lambda plan, module: None)
    model = load_model(plan)
    assert set(model.module.hf_device_map.values()) == {"cpu", "disk"}
    found = model.score_many(REQUESTS)
    for one, other in zip(found, wanted, strict=True):
        assert one.log_likelihoods == pytest.approx(other.log_likelihoods, abs=1e-4)
    assert model.scoring_method == "packed"
    assert model.card.parameters_total == load_model(plan).card.parameters_total
