"""Log-probabilities of scored tokens, piece by piece."""

from __future__ import annotations

import math

import pytest

from distill_fixtures.models import language_head
from distill_fixtures.models.language_head import (
    has_own_head,
    scored_log_probabilities,
    token_log_probabilities,
)
from tests.tiny_models import VOCABULARY, make_gpt2, make_llama


def test_by_hand() -> None:
    import torch

    logits = torch.tensor([[0.0, math.log(3.0)], [1000.0, 0.0]])
    found = token_log_probabilities(logits, torch.tensor([1, 1]))
    assert found.tolist() == pytest.approx([math.log(0.75), -1000.0])


def test_minus_infinity_rules_a_token_out_and_nan_stays() -> None:
    import torch

    logits = torch.tensor([[0.0, -torch.inf], [0.0, torch.nan]])
    first, second = token_log_probabilities(logits, torch.tensor([0, 0])).tolist()
    assert first == 0.0
    assert math.isnan(second)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_equal_to_log_softmax(dtype: str) -> None:
    import torch

    logits = 10 * torch.randn(7, 50, generator=torch.Generator().manual_seed(0))
    logits = logits.to(getattr(torch, dtype))
    targets = torch.arange(7)
    wanted = torch.log_softmax(logits.double(), -1)[torch.arange(7), targets]
    found = token_log_probabilities(logits.clone(), targets)
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx(wanted.tolist(), abs=1e-5)


@pytest.mark.parametrize(("rows", "most"), [(1, 1), (64, 3 * VOCABULARY), (64, 1 << 30)])
def test_pieces_do_not_matter(rows: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    module = make_llama()
    hidden = torch.randn(130, 32, generator=torch.Generator().manual_seed(1))
    targets = torch.arange(130) % VOCABULARY
    monkeypatch.setattr(language_head, "FEWEST_ROWS", rows)
    monkeypatch.setattr(language_head, "MAX_LOGITS", {"cpu": most})
    with torch.inference_mode():
        found = scored_log_probabilities(module, hidden, targets)
        wanted = torch.log_softmax(module.lm_head(hidden), -1)[torch.arange(130), targets]
    assert found.tolist() == pytest.approx(wanted.tolist(), abs=1e-5)


def test_who_has_a_head_apart() -> None:
    assert has_own_head(make_llama())
    assert has_own_head(make_gpt2())
