"""Whether a folder holds a whole model, told from names, lengths and headers alone.

What a loader would say of it besides (code of its own, a base that is missing) is no matter here.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.folders import read_json_object
from distill_fixtures.models.headers import read_safetensors_header

__all__ = ["MODEL_FILES", "fault_of_model", "is_model_file", "is_weights_file", "is_whole"]

UNFINISHED = "checkpoint-is-incomplete.txt"
"""Lies in a checkpoint that transformers writes on SIGTERM until it is whole."""

ACCELERATE_STATE = "optimizer.bin"
SETTINGS = {"model": "config.json", "adapter_model": "adapter_config.json"}
# Written in one go, and of no use cut short.
WHOLE_JSON = ("generation_config.json", "tokenizer.json", "tokenizer_config.json")
PICKLED = {"model": "pytorch_model", "adapter_model": "adapter_model"}
MODEL_FILES = (*SETTINGS.values(), *WHOLE_JSON, "training_args.bin")


def is_model_file(name: str) -> bool:
    """Whether a saved model has a file of this name: settings, weights, shards, their index."""
    stems = (*SETTINGS, *PICKLED.values())
    is_weights = name.startswith(stems) and name.endswith((".safetensors", ".bin", ".index.json"))
    return is_weights or name in SETTINGS.values()


def is_weights_file(path: str) -> bool:
    """Whether the file at this path within a run's folder holds weights, or some of them."""
    name = path.rpartition("/")[2]
    return is_model_file(name) and name.endswith((".safetensors", ".bin"))


def is_whole(path: Path) -> bool:
    """Whether a file that is written in one go has its end: told of JSON, pickles and weights."""
    if path.suffix == ".json":
        return not isinstance(_object_in(path), str)
    return _fault_of_file(path) is None


def fault_of_model(folder: Path) -> str | None:
    """Why a folder does not hold a whole model, or not yet; None where it does."""
    try:
        entries = list(folder.iterdir())
        links = [each.name for each in entries if each.is_symlink() and is_model_file(each.name)]
        if links:
            return f"{min(links)} is a link, and links are not followed"
        return _fault(folder, {each.name for each in entries if each.is_file()})
    except OSError as error:
        # A trainer deletes old checkpoints while they are looked at.
        return f"{error.strerror or type(error).__name__}: {error.filename}"


def _fault(folder: Path, names: Collection[str]) -> str | None:
    if UNFINISHED in names:
        return f"{UNFINISHED} says that its writing was not finished"
    stem = "model"
    if any(name.startswith(("adapter_model", "adapter_config")) for name in names):
        stem = "adapter_model"
    fault = _fault_of_weights(folder, names, stem)
    if fault is None and SETTINGS[stem] not in names:
        fault = f"it has weights and no {SETTINGS[stem]}"
        if ACCELERATE_STATE in names:
            fault += " (accelerate's save_state writes none; save_pretrained does)"
    if fault is not None:
        return fault
    for name in (SETTINGS[stem], *WHOLE_JSON):
        if name in names and isinstance(told := _object_in(folder / name), str):
            return told
    return None


def _fault_of_weights(folder: Path, names: Collection[str], stem: str) -> str | None:
    """Of the weights that a loader would read, in its own order of preference."""
    single, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    pickled, pickled_index = f"{PICKLED[stem]}.bin", f"{PICKLED[stem]}.bin.index.json"
    for name in (single, pickled):
        listing = index if name == single else pickled_index
        if name in names:
            return _fault_of_file(folder / name)
        if listing in names:
            return _fault_of_shards(folder, names, listing)
    if any(name.startswith(f"{stem}-") for name in names):
        return f"it has shards and no {index} yet"
    return "it has no weights"


def _fault_of_shards(folder: Path, names: Collection[str], index: str) -> str | None:
    told = _object_in(folder / index)
    if isinstance(told, str):
        return told
    listed = told.get("weight_map")
    shards = {str(each) for each in listed.values()} if isinstance(listed, dict) else set[str]()
    if not shards:
        return f"{index} names no shards"
    for shard in sorted(shards):
        if shard not in names:
            return f"the shard {shard[:80]!r} is missing"
        if (fault := _fault_of_file(folder / shard)) is not None:
            return fault
    return None


def _fault_of_file(path: Path) -> str | None:
    """A safetensors file is as long as its header says; a pickled one ends with a zip's list."""
    if path.suffix == ".bin":
        return None if zipfile.is_zipfile(path) else f"{path.name} is not whole"
    try:
        read_safetensors_header(path)
    except ModelReferenceError as error:
        return f"{path.name} is not whole: {error.got}"
    return None


def _object_in(path: Path) -> dict[str, Any] | str:
    """A JSON object, or why it cannot be had."""
    try:
        return read_json_object(path)
    except ModelReferenceError as error:
        return f"{path.name} is not whole: {error.got}"
