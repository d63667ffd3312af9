"""A model's own files do not lead its loader to others, nor to anybody's server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.folders import FolderRules, unlisted_files
from distill_fixtures.models.references import resolve_reference
from tests.models.served.fake_server import MODEL, Behaviour, serving
from tests.tiny_models import save_adapter, save_llama


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_adapter(folder / "adapter", save_llama(folder / "model"))
    return folder


@pytest.fixture
def here(saved: Path, tmp_path: Path) -> Path:
    """A folder with a copy of a model and of an adapter over it."""
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    change(tmp_path / "adapter" / "adapter_config.json", base_model_name_or_path="../model")
    return tmp_path


def change(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def refusal(folder: Path, *, allow_pickle: bool = False) -> ModelReferenceError:
    with pytest.raises(ModelReferenceError) as caught:
        resolve_reference(str(folder), rules=FolderRules(allow_pickle=allow_pickle))
    assert all((caught.value.got, caught.value.wanted, caught.value.next_step))
    return caught.value


def test_what_leads_nowhere_else(here: Path) -> None:
    model = here / "model"
    change(
        model / "config.json",
        transformers_weights="model.safetensors",
        attn_implementation={"": "sdpa"},
        text_config={"attn_implementation": "eager"},
    )
    (model / "tokenizer.4.0.0.json").write_text("{}")
    change(model / "tokenizer_config.json", fast_tokenizer_files=["tokenizer.4.0.0.json"])
    assert resolve_reference(str(here / "adapter")).base is not None
    # It is read, so that its change makes another model.
    assert model / "tokenizer.4.0.0.json" in unlisted_files(resolve_reference(str(model)))


@pytest.mark.parametrize("named", ["other.safetensors", "../model/model.safetensors", 3])
def test_other_weights(here: Path, named: object) -> None:
    shutil.copy(here / "model" / "model.safetensors", here / "model" / "other.safetensors")
    change(here / "model" / "config.json", transformers_weights=named)
    assert f"transformers_weights: {named!r}" in refusal(here / "model").got
    assert f"transformers_weights: {named!r}" in refusal(here / "adapter").got


@pytest.mark.parametrize(
    "settings",
    [
        {"attn_implementation": "someone/kernel"},
        {"_attn_implementation": "someone/kernel@v1:function"},
        {"attn_implementation": {"text_config": "paged|someone/kernel"}},
        {"text_config": {"attn_implementation": "someone/kernel"}},
    ],
)
def test_code_of_the_hub(here: Path, settings: dict[str, object]) -> None:
    change(here / "model" / "config.json", **settings)
    assert "someone/kernel" in refusal(here / "model").got


@pytest.mark.parametrize("named", [["../out/tokenizer.1.0.json"], ["a\\tokenizer.1.json"], [3], 3])
def test_other_tokenizers(here: Path, named: object) -> None:
    change(here / "model" / "tokenizer_config.json", fast_tokenizer_files=named)
    assert f"fast_tokenizer_files: {named!r}" in refusal(here / "model").got


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"peft_type": "XLORA", "adapters": {"0": "someone/adapter"}}, "someone/adapter"),
        (
            {
                "peft_type": "MULTITASK_PROMPT_TUNING",
                "prompt_tuning_init": "EXACT_SOURCE_TASK",
                "prompt_tuning_init_state_dict_path": "/elsewhere/state.bin",
            },
            "/elsewhere/state.bin",
        ),
    ],
)
def test_other_adapters(here: Path, settings: dict[str, object], said: str) -> None:
    change(here / "adapter" / "adapter_config.json", **settings)
    assert said in refusal(here / "adapter").got


def test_no_adapter_names_the_server_that_is_asked(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be sent the user's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    with serving(does := Behaviour()) as url:
        served = f"openai+{url}?model={MODEL}"
        change(here / "adapter" / "adapter_config.json", base_model_name_or_path=served)
        error = refusal(here / "adapter")
    assert "behind a server" in error.what
    assert does.asked == []


def test_shards_of_an_adapter(here: Path) -> None:
    """PEFT looks for one file, and where it finds none asks the Hub."""
    adapter = here / "adapter"
    (adapter / "adapter_model.safetensors").rename(adapter / "shard.safetensors")
    (adapter / "adapter_model.bin").write_bytes(b"")
    index = adapter / "adapter_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "shard.safetensors"}}))
    assert "several files" in refusal(adapter).what


@pytest.mark.parametrize(
    ("stem", "name"), [("model.safetensors", "a.bin"), ("pytorch_model.bin", "a.pkl")]
)
def test_shards_of_another_kind(here: Path, stem: str, name: str) -> None:
    model = here / "model"
    (model / "model.safetensors").rename(model / name)
    (model / f"{stem}.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    assert name in refusal(model, allow_pickle=True).got


@pytest.mark.parametrize("shard", [["a"], {"a": 1}, None, 3])
def test_shards_that_are_no_names(here: Path, shard: object) -> None:
    (here / "model" / "model.safetensors").unlink()
    index = here / "model" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": shard}}))
    assert repr(shard) in refusal(here / "model").got


def write_gguf(folder: Path) -> Path:
    import numpy as np
    from gguf import GGUFWriter

    writer = GGUFWriter(folder / "m.gguf", "llama")
    writer.add_tensor("token_embd.weight", np.zeros((4, 32), dtype=np.float32))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file):
        step()
    writer.write_tensors_to_file()
    writer.close()
    return folder / "m.gguf"


def test_a_gguf_file_beside_an_adapter(here: Path) -> None:
    """transformers would load the file of that name in the base's folder."""
    assert "adapter_config.json" in refusal(write_gguf(here / "adapter")).got


def test_an_adapter_over_a_gguf_file_is_counted_once_loaded(here: Path) -> None:
    from distill_fixtures.models.identity import counts_of_plan
    from distill_fixtures.records import Undefined

    change(here / "adapter" / "adapter_config.json", base_model_name_or_path=str(write_gguf(here)))
    assert isinstance(counts_of_plan(resolve_reference(str(here / "adapter"))), Undefined)


LINKS: dict[str, Callable[[Path, Path], None]] = {
    "weights": lambda model, out: link(model / "model.safetensors", out / "model.safetensors"),
    "templates": lambda model, out: (model / "additional_chat_templates").symlink_to(out),
}


def link(path: Path, target: Path) -> None:
    path.rename(target)
    path.symlink_to(target)


@pytest.mark.parametrize("name", LINKS)
def test_links_out(here: Path, name: str) -> None:
    (here / "out").mkdir()
    LINKS[name](here / "model", here / "out")
    assert "a link to" in refusal(here / "model").got


def test_links_as_the_hubs_cache_has_them(here: Path) -> None:
    snapshot, blobs = here / "snapshots" / "abc", here / "blobs"
    shutil.move(here / "model", snapshot)
    blobs.mkdir()
    for path in list(snapshot.iterdir()):
        path.rename(blobs / path.name)
        path.symlink_to(f"../../blobs/{path.name}")
    assert resolve_reference(str(snapshot)).weights_bytes > 0
    # The folder of blobs may not lead on.
    blobs.rename(here / "moved")
    blobs.symlink_to(here / "moved")
    assert "a link to" in refusal(snapshot).got
