"""What quantised checkpoints need, told before any of them is loaded."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.memory_needs import memory_need
from distill_fixtures.models.quantised import (
    METHODS,
    Package,
    check_device,
    code_of_method,
    method_of,
    unpacked_on,
)
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Undefined
from tests.tiny_models import save_adapter, save_llama

WITH_PACKAGES = [name for name, method in METHODS.items() if method.packages]
ON_GPU_ALONE = {"eetq", "fbgemm_fp8", "fp_quant", "higgs", "hqq", "spqr", "vptq"}
UNPACKED = {"fp8", "metal", "mxfp4", "mxfp8"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("models") / "llama")


def quantise(folder: Path, settings: object, *, below: str | None = None) -> Path:
    """Say in config.json that a folder's weights are packed; the weights stay as they are."""
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config = {key: value for key, value in config.items() if key != "text_config"}
    config["quantization_config"] = settings
    if below is not None:
        config[below] = {"quantization_config": config.pop("quantization_config")}
    path.write_text(json.dumps(config), "utf-8")
    return folder


def install(monkeypatch: pytest.MonkeyPatch, installed: bool, version: str = "999") -> None:
    """Have no package there, or all of them."""
    spec = importlib.util.find_spec("json")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if installed else None)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)


def refusal(folder: Path) -> ModelReferenceError:
    with pytest.raises(ModelReferenceError) as caught:
        resolve_reference(str(folder))
    error = caught.value
    assert all((error.what, error.got, error.wanted, error.next_step))
    return error


@pytest.mark.parametrize("name", WITH_PACKAGES)
def test_a_method_without_its_packages(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, False)
    error = refusal(quantise(folder, {"quant_method": name}))
    assert f"quantised with {name}," in error.what
    assert str(folder) in error.what
    assert error.next_step.startswith("pip install ")
    for package in METHODS[name].packages:
        assert f"{package.install} is not installed" in error.got
        assert str(package) in error.wanted
        assert f'"{package}"' in error.next_step


@pytest.mark.parametrize("name", METHODS)
def test_a_method_with_its_packages(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, True)
    plan = resolve_reference(str(quantise(folder, {"quant_method": name})))
    need = memory_need(plan, "float32")
    assert not isinstance(need, Undefined)
    assert need.size_bytes == plan.weights_bytes, "packed weights are not widened"


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_a_method_that_needs_a_gpu(name: str, device: str) -> None:
    config = {"quantization_config": {"quant_method": name}}
    if name not in ON_GPU_ALONE:
        if (name, device) != ("metal", "mps"):
            check_device("the model", config, device)
        return
    with pytest.raises(ModelReferenceError) as caught:
        check_device("the model", config, device)
    error = caught.value
    assert f"quantised with {name}, which needs a GPU" in error.what
    assert device in error.got
    assert "--distill-device cuda" in error.wanted
    assert error.next_step


@pytest.mark.parametrize("name", METHODS)
def test_what_a_gpu_needs_besides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"quantization_config": {"quant_method": name}}
    device = f"{METHODS[name].home}:0"
    install(monkeypatch, False)
    if METHODS[name].at_home:
        with pytest.raises(ModelReferenceError, match="pip install") as caught:
            check_device("the model", config, device)
        assert "kernels is not installed" in caught.value.got
    else:
        check_device("the model", config, device)
    assert unpacked_on(config, device) is None


def test_what_is_unpacked_on_a_cpu() -> None:
    found = {
        name: unpacked_on({"quantization_config": {"quant_method": name}}, "cpu")
        for name in METHODS
    }
    assert {name for name, method in found.items() if method is not None} == UNPACKED
    assert unpacked_on({}, "cpu") is None


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"quant_method": "crystal"}, "crystal"),
        ({"quant_method": "nvfp4"}, "nvfp4"),
        ({"bits": 4}, "nothing"),
        ("fp8", "no table: 'fp8'"),
        ([], "no table: []"),
    ],
)
def test_an_unknown_method(
    settings: object, named: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, True)
    error = refusal(quantise(folder, settings))
    assert "not known" in error.what
    assert named in error.got
    for name in METHODS:
        assert name in error.wanted


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        ({"load_in_8bit": True}, "bitsandbytes"),
        ({"load_in_4bit": True, "quant_method": "bitsandbytes"}, "bitsandbytes"),
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
    ],
)
def test_where_the_method_is_told(settings: dict[str, Any], method: str) -> None:
    assert method_of({"quantization_config": settings}) == method
    assert method_of({"text_config": {"quantization_config": settings}}) == method
    assert method_of({"quantization_config": None, "text_config": None}) is None


def test_a_part_for_text_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, False)
    error = refusal(quantise(folder, {"quant_method": "awq"}, below="text_config"))
    assert "quantised with awq" in error.what


def test_the_base_of_an_adapter_is_checked(tmp_path: Path) -> None:
    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base)
    quantise(base, {"quant_method": "crystal"})
    error = refusal(adapter)
    assert "the base model of the adapter" in error.what
    assert "crystal" in error.got


def test_a_package_that_is_too_old(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, True, version="0.41.0")
    error = refusal(quantise(folder, {"quant_method": "bitsandbytes"}))
    assert "bitsandbytes 0.41.0 is installed" in error.got
    assert '"bitsandbytes>=0.46.1"' in error.next_step
    assert "accelerate 0.41.0 is installed" in error.got


@pytest.mark.parametrize("version", ["unknown", None])
def test_a_version_that_is_not_told(version: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, True)

    def tell(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", tell)
    assert Package("built", "built", "2.0").lack is None


def test_a_part_of_a_package() -> None:
    assert Package("json.decoder", "json").lack is None
    assert Package("no_such_package.part", "absent").lack == "absent is not installed"


def test_the_code_that_loading_imports() -> None:
    assert code_of_method({}) == ()
    assert code_of_method({"quantization_config": {"quant_method": "crystal"}}) == ()
    assert "accelerate" in code_of_method({"quantization_config": {"quant_method": "fp8"}})
    own = code_of_method({"quantization_config": {"quant_method": "bitsandbytes"}})
    assert "transformers.integrations.bitsandbytes" in own


def test_the_table_knows_what_transformers_knows() -> None:
    """A method that transformers gains has to be looked at; two it loads from no such folder."""
    from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

    known = {name.partition("_4bit")[0].partition("_8bit")[0] for name in AUTO_QUANTIZER_MAPPING}
    assert known - METHODS.keys() == {"gguf", "nvfp4"}
    assert METHODS.keys() - known == set()
