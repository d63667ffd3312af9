"""Whether a folder holds a whole model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill_fixtures.training.saved_model import fault_of_model, is_model_file
from tests.training.made_up_training import pickled, weights

INDEX = "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
MAP = json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}).encode()
WHOLE = {"config.json": b"{}", "model.safetensors": weights(), "tokenizer.json": b"{}"}
ADAPTER = {"adapter_config.json": b"{}", "adapter_model.safetensors": weights()}
SHARDED = {"config.json": b"{}", INDEX: MAP, SHARDS[0]: weights(), SHARDS[1]: weights()}


PICKLED = {"config.json": b"{}", "pytorch_model.bin": pickled()}


def fault(folder: Path, files: dict[str, bytes | None]) -> str | None:
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return fault_of_model(folder)


@pytest.mark.parametrize("files", [WHOLE, ADAPTER, SHARDED, PICKLED, WHOLE | {"x.json": b"["}])
def test_whole_models(tmp_path: Path, files: dict[str, bytes | None]) -> None:
    assert fault(tmp_path, files) is None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no weights"),
        (WHOLE | {"model.safetensors": None}, "no weights"),
        (WHOLE | {"model.safetensors": weights()[:-1]}, "model.safetensors is not whole"),
        (WHOLE | {"model.safetensors": weights()[:20]}, "model.safetensors is not whole"),
        (WHOLE | {"model.safetensors": b""}, "model.safetensors is not whole"),
        (WHOLE | {"config.json": None}, "weights and no config.json"),
        (WHOLE | {"config.json": b'{"a": '}, "config.json is not whole"),
        (WHOLE | {"tokenizer.json": b'{"a": '}, "tokenizer.json is not whole"),
        (WHOLE | {"checkpoint-is-incomplete.txt": b""}, "was not finished"),
        ({"model.safetensors": weights(), "optimizer.bin": b""}, "save_state writes none"),
        (ADAPTER | {"adapter_config.json": None}, "weights and no adapter_config.json"),
        (ADAPTER | {"adapter_model.safetensors": None, **WHOLE}, "no weights"),
        (SHARDED | {INDEX: None}, "shards and no model.safetensors.index.json"),
        (SHARDED | {INDEX: MAP[:30]}, "index.json is not whole"),
        (SHARDED | {INDEX: b"{}"}, "names no shards"),
        (SHARDED | {INDEX: b'{"weight_map": ["a"]}'}, "names no shards"),
        (SHARDED | {INDEX: b'{"weight_map": {"a": [1]}}'}, "is missing"),
        (SHARDED | {INDEX: b'{"weight_map": {"a": "../../etc/passwd"}}'}, "is missing"),
        (SHARDED | {SHARDS[1]: None}, f"'{SHARDS[1]}' is missing"),
        (SHARDED | {SHARDS[1]: weights()[:-4]}, f"{SHARDS[1]} is not whole"),
        (PICKLED | {"pytorch_model.bin": pickled()[:-30]}, "pytorch_model.bin is not whole"),
    ],
)
def test_faults(tmp_path: Path, files: dict[str, bytes | None], said: str) -> None:
    found = fault(tmp_path, files)
    assert found is not None
    assert said in found


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(weights())
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_bytes(b"{}")
    (run / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert fault_of_model(run) == "model.safetensors is a link, and links are not followed"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    found = fault_of_model(tmp_path / "none")
    assert found is not None
    assert "none" in found


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("config.json", True),
        ("adapter_model.bin", True),
        (SHARDS[0], True),
        (INDEX, True),
        ("tokenizer.json", False),
        ("model_card.md", False),
        ("optimizer.pt", False),
        ("trainer_state.json", False),
    ],
)
def test_files_of_a_model(name: str, is_one: bool) -> None:
    assert is_model_file(name) is is_one
