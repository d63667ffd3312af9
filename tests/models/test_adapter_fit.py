"""An adapter that its base does not fit is refused, where PEFT would pass over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.folders import FolderRules
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.references import resolve_reference
from tests.plugin.tiny_inputs import tiny_llama
from tests.tiny_models import save, save_adapter, save_llama


def refusal(adapter: Path, *, base: Path | None = None) -> ModelReferenceError:
    plan = resolve_reference(
        str(adapter),
        base_model=None if base is None else str(base),
        rules=FolderRules(allow_pickle=True),
    )
    with pytest.raises(ModelReferenceError) as caught:
        load_model(plan)
    assert "does not fit its base" in caught.value.what
    return caught.value


def test_a_base_of_fewer_layers(tmp_path: Path) -> None:
    """A student whose layers were dropped is not what the teacher's adapter was trained on."""
    deep = save(tiny_llama(hidden=32, layers=3, seed=0), tmp_path / "deep")
    shallow = save(tiny_llama(hidden=32, layers=2, seed=0), tmp_path / "shallow")
    error = refusal(save_adapter(tmp_path / "adapter", deep), base=shallow)
    assert "layers.2.self_attn.q_proj.lora_A" in error.got
    assert "(4 in all)" in error.got


def pickled(adapter: Path, *, without: int = 0) -> Path:
    """The same adapter as a pickle, its first tensors left out."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(adapter / "adapter_model.safetensors")
    (adapter / "adapter_model.safetensors").unlink()
    kept = {name: tensors[name] for name in sorted(tensors)[without:]}
    torch.save(kept, adapter / "adapter_model.bin")
    return adapter


def test_a_pickled_adapter(tmp_path: Path) -> None:
    base = save_llama(tmp_path / "base")
    adapter = pickled(save_adapter(tmp_path / "adapter", base))
    load_model(resolve_reference(str(adapter), rules=FolderRules(allow_pickle=True))).close()


def test_a_pickled_adapter_without_a_tensor(tmp_path: Path) -> None:
    base = save_llama(tmp_path / "base")
    error = refusal(pickled(save_adapter(tmp_path / "adapter", base), without=1))
    assert "missing: " in error.got
    assert "lora_A" in error.got


@pytest.mark.parametrize("modules", [("lm_head",), ("embed_tokens", "lm_head")])
def test_modules_that_are_saved_whole_fit(tmp_path: Path, modules: tuple[str, ...]) -> None:
    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base, modules_to_save=modules)
    load_model(resolve_reference(str(adapter))).close()
