"""Checkpoints in other number formats than the one that a model is run in."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.references import resolve_reference
from tests.tiny_models import make_llama, save

REQUEST = ScoreRequest("q", "Question: Which gate?\nAnswer:", (" the Pauli X gate", " Y"))


def stored(folder: Path, dtype: str) -> Path:
    """A model whose file holds its weights rounded to a format."""
    import torch
    from safetensors.torch import load_file, save_file

    save(make_llama(), folder)
    file = folder / "model.safetensors"
    rounded = {name: one.to(getattr(torch, dtype)) for name, one in load_file(file).items()}
    save_file(rounded, file, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"])
def test_weights_are_those_of_the_file(tmp_path: Path, dtype: str) -> None:
    import torch

    folder = stored(tmp_path / "stored", dtype)
    plan = resolve_reference(str(folder))
    card = card_of_plan(plan)
    assert card.dtype == dtype
    whole = make_llama()
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.copy_(parameter.to(getattr(torch, dtype)).float())
    expected = load_model(resolve_reference(str(save(whole, tmp_path / "whole"))))
    model = load_model(plan)
    assert {each.dtype for each in model.module.parameters()} == {torch.float32}
    assert model.score_many([REQUEST]) == expected.score_many([REQUEST])
    assert model.card.parameters_total == expected.card.parameters_total
    per_parameter = {"bfloat16": 16, "float16": 16}.get(dtype, 8)
    assert isinstance(card.weights_bytes, int)
    assert isinstance(card.parameters_total, int)
    assert 8 * card.weights_bytes / card.parameters_total == pytest.approx(per_parameter, rel=0.15)
