from __future__ import annotations

import gc
import json
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from distill_fixtures.errors import MeasurementError, ModelReferenceError, OptionError
from distill_fixtures.models.devices import resolve_device, resolve_dtype
from distill_fixtures.models.folders import FolderRules
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.model_registry import ModelRegistry
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import Model, ScoreRequest
from distill_fixtures.models.references import fetch, resolve_reference
from tests.fakes import FakeModel
from tests.tiny_models import make_llama, save, save_adapter, save_llama, without_warnings

REQUEST = ScoreRequest("q", "Question: What?\nAnswer:", (" the gate", " 4.5"))


def test_loads_for_inference(tmp_path: Path) -> None:
    import torch

    folder = save(make_llama().half(), tmp_path / "m")
    model = load_model(resolve_reference(str(folder)))
    assert not model.module.training
    assert not any(parameter.requires_grad for parameter in model.module.parameters())
    assert {parameter.dtype for parameter in model.module.parameters()} == {torch.float32}


def test_loading_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base)
    capfd.readouterr()
    load_model(resolve_reference(str(adapter))).score_many([REQUEST])
    assert capfd.readouterr() == ("", "")


def test_an_adapter_changes_its_base(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base, modules_to_save=("lm_head",))
    plain, adapted = (
        load_model(resolve_reference(str(folder))).score_many([REQUEST])
        for folder in (base, adapter)
    )
    assert adapted != plain
    with without_warnings():
        whole = AutoModelForCausalLM.from_pretrained(base)
        merged = PeftModel.from_pretrained(whole, adapter).merge_and_unload()
    merged_folder = save(merged, tmp_path / "merged")
    (wanted,) = load_model(resolve_reference(str(merged_folder))).score_many([REQUEST])
    assert adapted[0].log_likelihoods == pytest.approx(wanted.log_likelihoods, abs=1e-3)


def drop_tensor(path: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file

    tensors = {name: value for name, value in load_file(path).items() if part not in name}
    save_file(tensors, path, metadata={"format": "pt"})


def test_missing_weights_are_no_random_numbers(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    drop_tensor(folder / "model.safetensors", "layers.1.mlp.up_proj")
    with pytest.raises(ModelReferenceError, match=r"missing keys: .*up_proj"):
        load_model(resolve_reference(str(folder)))


def test_an_adapter_of_another_shape(tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter", save_llama(tmp_path / "base"))
    drop_tensor(adapter / "adapter_model.safetensors", "layers.1")
    with pytest.raises(ModelReferenceError, match="does not fit its base"):
        load_model(resolve_reference(str(adapter)))


def pickle_weights(folder: Path, name: str, pickled: str) -> None:
    """Replace a folder's safetensors by the same weights, pickled."""
    import torch
    from safetensors.torch import load_file

    path = folder / name
    torch.save(load_file(path), folder / pickled)
    path.unlink()


def test_pickled_weights_are_the_same_weights(tmp_path: Path) -> None:
    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base)
    wanted = [load_model(resolve_reference(str(each))) for each in (base, adapter)]
    scores = [model.score_many([REQUEST]) for model in wanted]
    pickle_weights(base, "model.safetensors", "pytorch_model.bin")
    pickle_weights(adapter, "adapter_model.safetensors", "adapter_model.bin")
    rules = FolderRules(allow_pickle=True)
    found = [load_model(resolve_reference(str(each), rules=rules)) for each in (base, adapter)]
    assert [model.score_many([REQUEST]) for model in found] == scores
    for one, other in zip(wanted, found, strict=True):
        assert one.card.parameters_total == other.card.parameters_total


class Harmful:
    """Unpickling it leaves a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("harmful", [True, False])
def test_a_pickle_that_is_no_weights(harmful: bool, tmp_path: Path) -> None:
    import torch

    folder = save_llama(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    pickled, trace = folder / "pytorch_model.bin", tmp_path / "trace"
    if harmful:
        torch.save({"model.embed_tokens.weight": Harmful(trace)}, pickled)
    else:
        pickled.write_bytes(b"")
    plan = resolve_reference(str(folder), rules=FolderRules(allow_pickle=True))
    with pytest.raises(ModelReferenceError, match="cannot be loaded"):
        load_model(plan)
    assert not trace.exists(), "code from the pickle has run"


OWN_CODE = """
from transformers import LlamaConfig, LlamaForCausalLM


class OwnForCausalLM(LlamaForCausalLM):
    config_class = LlamaConfig
"""


def test_code_of_its_own_runs_when_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = save_llama(tmp_path / "m")
    (wanted,) = load_model(resolve_reference(str(folder))).score_many([REQUEST])
    (folder / "modeling_own.py").write_text(OWN_CODE)
    config = folder / "config.json"
    auto_map = {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    config.write_text(json.dumps(json.loads(config.read_text()) | {"auto_map": auto_map}))
    with pytest.raises(ModelReferenceError, match="Python code of its own"):
        resolve_reference(str(folder))
    plan = resolve_reference(str(folder), rules=FolderRules(trust_remote_code=True))
    model = load_model(plan)
    assert type(model.module).__name__ == "OwnForCausalLM"
    assert model.score_many([REQUEST]) == (wanted,)


def test_weights_of_another_configuration(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"intermediate_size": 64}))
    with pytest.raises(ModelReferenceError):
        load_model(resolve_reference(str(folder)))


def test_an_unknown_architecture(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    config = folder / "config.json"
    config.write_text(json.dumps({"model_type": "no-such-thing"}))
    with pytest.raises(ModelReferenceError, match="cannot be loaded"):
        load_model(resolve_reference(str(folder)))


def test_a_plan_without_files_must_be_fetched() -> None:
    plan = ModelPlan("org/name", "hub", Path(), hub_id="org/name")
    with pytest.raises((MeasurementError, ModelReferenceError)):
        load_model(plan)


def test_fetch_downloads_and_plans_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    folder = save_llama(tmp_path / "m")
    asked: list[tuple[object, object]] = []

    def fake_download(
        name: str, *, revision: str | None, allow_patterns: list[str], ignore_patterns: list[str]
    ) -> str:
        assert "consolidated*" in ignore_patterns
        assert "*.bin" not in allow_patterns
        assert "*.py" not in allow_patterns
        asked.append((name, revision))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake_download)
    plan = fetch(ModelPlan("org/name@v1", "hub", Path(), hub_id="org/name", revision="v1"))
    assert asked == [("org/name", "v1")]
    assert (plan.kind, plan.folder, plan.reference) == ("full", folder, "org/name@v1")
    assert fetch(plan) is plan


def test_fetch_passes_on_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    folder = save_llama(tmp_path / "m")
    pickle_weights(folder, "model.safetensors", "pytorch_model.bin")

    def fake_download(name: str, *, allow_patterns: list[str], **_: object) -> str:
        assert {"*.bin", "*.py"} <= set(allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake_download)
    asked = ModelPlan("org/name", "hub", Path(), hub_id="org/name", trust_remote_code=True)
    plan = fetch(asked, allow_pickle=True)
    assert [path.name for path in plan.weight_files] == ["pytorch_model.bin"]
    assert plan.trust_remote_code


def test_registry_loads_once_and_frees(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_llama(tmp_path / "m")))
    registry = ModelRegistry(load_model)
    model = registry.get(plan)
    assert registry.get(resolve_reference(str(tmp_path / "m"))) is model
    weights = weakref.ref(model.module)  # type: ignore[attr-defined]
    registry.close(plan)
    gc.collect()
    assert weights() is None, "something keeps the weights alive although the model is held"
    with pytest.raises(MeasurementError):
        model.score_many([REQUEST])
    registry.close(plan)


@pytest.fixture
def make_fake() -> Callable[[ModelPlan], Model]:
    return lambda plan: FakeModel()


def test_registry_closes_all_at_the_end(make_fake: Callable[[ModelPlan], Model]) -> None:
    with ModelRegistry(make_fake) as registry:
        fakes = [registry.get(ModelPlan(name, "full", Path(name))) for name in "abc"]
    assert [fake.closed for fake in fakes] == [True] * 3  # type: ignore[attr-defined]


def test_registry_keeps_what_it_is_told_to(make_fake: Callable[[ModelPlan], Model]) -> None:
    registry = ModelRegistry(make_fake)
    plans = [ModelPlan(name, "full", Path(name)) for name in "abc"]
    fakes = [registry.get(plan) for plan in plans]
    registry.close_all(but=["b", "somebody"])
    assert [fake.closed for fake in fakes] == [True, False, True]  # type: ignore[attr-defined]
    assert registry.get(plans[1]) is fakes[1]
    assert registry.get(plans[0]) is not fakes[0]


def test_registry_closes_the_others_when_one_fails(
    make_fake: Callable[[ModelPlan], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = ModelRegistry(make_fake)
    first, last = (registry.get(ModelPlan(name, "full", Path(name))) for name in "ab")

    def fail() -> None:
        raise RuntimeError("stuck")

    monkeypatch.setattr(last, "close", fail)
    with pytest.raises(RuntimeError, match="stuck"):
        registry.close_all()
    assert first.closed  # type: ignore[attr-defined]


@pytest.mark.parametrize("option", ["gpu", "cuda:x", "CPU", "", "cuda:-1"])
def test_no_device_name(option: str) -> None:
    with pytest.raises(OptionError, match="no device name"):
        resolve_device(option)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda") == "cuda:0"
    assert resolve_device("cuda:1") == "cuda:1"
    assert resolve_device("auto") == "cuda"  # any of them
    with pytest.raises(OptionError, match="sees 2 CUDA devices"):
        resolve_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionError, match="sees 0 CUDA devices"):
        resolve_device("cuda")


def test_dtype_of_a_device() -> None:
    assert resolve_dtype("auto", "cpu") == "float32"
    assert resolve_dtype("auto", "cuda:0") == "auto"
    assert resolve_dtype("bfloat16", "cpu") == "bfloat16"
    with pytest.raises(OptionError):
        resolve_dtype("int8", "cpu")
