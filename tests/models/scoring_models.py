"""Tiny models to be scored, and what one-by-one scoring of them gives."""

from __future__ import annotations

from functools import cache
from typing import Any

from distill_fixtures.models.causal_lm import CausalLM
from tests.fakes import make_card
from tests.one_by_one import one_by_one
from tests.scoring_requests import REQUESTS
from tests.tiny_architectures import ARCHITECTURES
from tests.tiny_models import make_tokenizer

__all__ = ["METHODS", "model_of", "wanted_of"]

METHODS = {"packed", "shared cache", "rows", "one by one"}


def model_of(module: Any, **settings: Any) -> CausalLM:
    return CausalLM(module, make_tokenizer(), make_card(), **settings)


@cache
def wanted_of(name: str) -> tuple[tuple[float, ...], ...]:
    """Log-likelihoods of an architecture's options one by one, by request."""
    return one_by_one(ARCHITECTURES[name](), REQUESTS)
