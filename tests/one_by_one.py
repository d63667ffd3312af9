"""Plain one-by-one scoring, which every faster way is compared with.

One unpadded row per continuation through the whole module, the whole softmax in float64, the split
between context and continuation as lm-evaluation-harness documents it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from distill_fixtures.models.protocol import Scored, ScoreRequest
from tests.tiny_models import make_tokenizer

__all__ = [
    "TOLERANCE_NATS",
    "assert_equal_scores",
    "log_likelihood",
    "log_likelihoods",
    "one_by_one",
    "scored_tokens",
    "window_of",
]

TOLERANCE_NATS = 1e-4
"""How far a log-likelihood may be from one-by-one scoring in float32."""

# Where a configuration says how far its model can look; 2048 tokens where it does not.
WINDOW_NAMES = ("n_positions", "max_position_embeddings", "max_seq_len")


def assert_equal_scores(
    found: Sequence[Scored],
    wanted: Sequence[Sequence[float]],
    requests: Sequence[ScoreRequest],
) -> None:
    for request, one, other in zip(requests, found, wanted, strict=True):
        assert one.log_likelihoods == pytest.approx(other, abs=TOLERANCE_NATS), request.key


def one_by_one(module: Any, requests: Sequence[ScoreRequest]) -> tuple[tuple[float, ...], ...]:
    """Log-likelihoods by request, with the tokenizer of the tiny models."""
    tokenizer = make_tokenizer()
    return tuple(log_likelihoods(module, tokenizer, request) for request in requests)


def log_likelihoods(module: Any, tokenizer: Any, request: ScoreRequest) -> tuple[float, ...]:
    """Of every continuation of a request, nats."""
    return tuple(
        log_likelihood(module, tokenizer, request.context, text) for text in request.continuations
    )


def window_of(module: Any) -> int:
    """Tokens that the module can look at together."""
    values = (getattr(module.config, name, None) for name in WINDOW_NAMES)
    return next((int(value) for value in values if value), 2048)


def log_likelihood(module: Any, tokenizer: Any, context: str, continuation: str) -> float:
    """Sum of log p(token | everything before) over a continuation's tokens, nats."""
    import torch

    ids, count = _split(tokenizer, context, continuation)
    ids = ids[-(window_of(module) + 1) :]
    with torch.no_grad():
        # Prompt learning answers for its virtual tokens too, in front.
        logits = module(torch.tensor([ids[:-1]])).logits[0, -(len(ids) - 1) :].double()
    log_p = torch.log_softmax(logits, -1)
    return sum(float(log_p[-count + place, ids[-count + place]]) for place in range(count))


def scored_tokens(tokenizer: Any, request: ScoreRequest) -> tuple[int, ...]:
    """How many tokens of each continuation are scored."""
    return tuple(_split(tokenizer, request.context, text)[1] for text in request.continuations)


def _split(tokenizer: Any, context: str, continuation: str) -> tuple[list[int], int]:
    """All token ids, and how many at their end belong to the continuation."""
    moved = context[len(context.rstrip()) :]
    context = context.rstrip()
    own = not context.startswith("<s>")
    if context:
        start = len(tokenizer.encode(context, add_special_tokens=own))
        ids = tokenizer.encode(context + moved + continuation, add_special_tokens=own)
    else:
        start, ids = 1, [tokenizer.bos_token_id, *tokenizer.encode(moved + continuation)]
    return ids, len(ids) - start
