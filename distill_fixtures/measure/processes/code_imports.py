"""Importing all the code that loading and running a model needs, before anything is measured."""

from __future__ import annotations

import importlib
import tempfile

from distill_fixtures.models.library_noise import quiet_libraries
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.quantised import code_of_method

__all__ = ["import_code", "rehearse"]


def import_code(plan: ModelPlan) -> None:
    """Import what loading will need, the architecture's own module included."""
    import torch  # noqa: F401
    import transformers

    source = plan.base or plan
    for module in code_of_method(source.config):
        importlib.import_module(module)
    if plan.kind == "adapter":
        import peft  # noqa: F401
    for name in source.config.get("architectures") or ():
        getattr(transformers, str(name), None)


def rehearse(device: str) -> None:
    """Save, load and run a toy model: libraries import much of their code only then."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    toy = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=8,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            max_position_embeddings=8,
        )
    )
    with tempfile.TemporaryDirectory(prefix="distill-toy-") as folder, quiet_libraries():
        toy.save_pretrained(folder)
        loaded = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).to(device)
        with torch.inference_mode():
            loaded(input_ids=torch.zeros((1, 1), dtype=torch.long, device=loaded.device))
