"""What scoring takes at the least, and what this machine can do at the most.

Counted: every input token once that some option of a question needs (options share the tokens
that they begin with), each linear layer and attention of it, and the language head where a score
is read. Measured: matrix products alone, and plain forward passes over the same tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.records import Question, Scoring
from distill_fixtures.tasks.prompts import build_prompt

if TYPE_CHECKING:
    import torch

    from distill_fixtures.models.token_tree import TokenTree

__all__ = ["ScoringWork", "measure_work"]

MATRIX_SIZES = (1024, 2048, 4096)
MATRIX_PRODUCTS = 5
PLAIN_ROWS, PLAIN_TOKENS = 4, 256
MOST_PLAIN_BATCHES = 8


@dataclass(frozen=True, slots=True)
class ScoringWork:
    """The work of scoring some questions.

    Attributes:
        tokens: input tokens that have to run through the layers.
        scored_tokens: places where the language head has to run.
        linear_flops, attention_flops, head_flops: floating-point operations, a multiplication
            and an addition counted as two.
        peak_flops_per_s: the fastest float32 product of square matrices.
        plain_tokens_per_s: a plain forward pass, ``module(input_ids)`` on 4 x 256 of the same
            tokens, with logits for every token.
        plain_scored_tokens_per_s: the same with the language head on as large a share of the
            tokens as scoring reads.
    """

    tokens: int
    scored_tokens: int
    linear_flops: float
    attention_flops: float
    head_flops: float
    peak_flops_per_s: float
    plain_tokens_per_s: float
    plain_scored_tokens_per_s: float

    @property
    def flops(self) -> float:
        return self.linear_flops + self.attention_flops + self.head_flops


def measure_work(
    module: Any, tokenizer: Any, questions: Sequence[Question], scoring: Scoring
) -> ScoringWork:
    """Count the work of these questions, and measure what the machine can do."""
    trees = _trees(module, tokenizer, questions, scoring)
    tokens = sum(len(tree) for tree in trees)
    scored = sum(len(set(tree.sources.tolist())) for tree in trees)
    config = module.config
    head_size = (
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )
    # Scores of queries against keys, and the weighted sum of values: two products.
    a_pair = 4 * config.num_attention_heads * head_size * config.num_hidden_layers
    plain, plain_scored = _plain_rates(module, trees, scored / tokens)
    return ScoringWork(
        tokens=tokens,
        scored_tokens=scored,
        linear_flops=2.0 * _linear_weights(module.get_decoder()) * tokens,
        attention_flops=float(a_pair * sum(tree.keys_seen for tree in trees)),
        head_flops=2.0 * module.get_output_embeddings().weight.numel() * scored,
        peak_flops_per_s=_matrix_peak(),
        plain_tokens_per_s=plain,
        plain_scored_tokens_per_s=plain_scored,
    )


def _trees(
    module: Any, tokenizer: Any, questions: Sequence[Question], scoring: Scoring
) -> list[TokenTree]:
    from distill_fixtures.models.model_limits import window_of
    from distill_fixtures.models.token_tree import lay_out
    from distill_fixtures.models.tokens import TokenLimits, encode_requests

    rows = module.get_input_embeddings().weight.shape[0]
    limits = TokenLimits(window=window_of(module.config, tokenizer), rows=rows)
    requests = [
        ScoreRequest(question.id, *build_prompt(question, scoring)) for question in questions
    ]
    return [lay_out(request) for request in encode_requests(tokenizer, requests, limits)]


def _linear_weights(decoder: Any) -> int:
    """Weights that each token is multiplied with; embeddings are looked up and not counted."""
    import torch
    from transformers.pytorch_utils import Conv1D

    return sum(
        layer.weight.numel()
        for layer in decoder.modules()
        if isinstance(layer, torch.nn.Linear | Conv1D)
    )


def _matrix_peak() -> float:
    """Operations a second of the fastest product, warm."""
    import torch

    best = 0.0
    for size in MATRIX_SIZES:
        one, other = torch.rand(size, size), torch.rand(size, size)
        out = torch.mm(one, other)
        for _ in range(MATRIX_PRODUCTS):
            start = time.perf_counter()
            torch.mm(one, other, out=out)
            best = max(best, 2.0 * size**3 / (time.perf_counter() - start))
    return best


def _plain_rates(
    module: Any, trees: Sequence[TokenTree], scored_share: float
) -> tuple[float, float]:
    """Tokens a second of plain forward passes: logits everywhere, and where scores are read."""
    import torch

    stream = torch.cat([torch.from_numpy(tree.ids) for tree in trees])
    # Of few questions, the same tokens again: only their number matters for the time.
    stream = stream.repeat(-(-PLAIN_ROWS * PLAIN_TOKENS // len(stream)))
    whole = len(stream) // (PLAIN_ROWS * PLAIN_TOKENS)
    batches = stream[: whole * PLAIN_ROWS * PLAIN_TOKENS].view(whole, PLAIN_ROWS, PLAIN_TOKENS)
    batches = batches[:MOST_PLAIN_BATCHES]
    head = module.get_output_embeddings()
    read = max(1, round(scored_share * PLAIN_TOKENS))

    def everywhere(ids: torch.Tensor) -> object:
        return module(input_ids=ids, use_cache=False).logits

    def where_scored(ids: torch.Tensor) -> object:
        hidden = module.get_decoder()(input_ids=ids, use_cache=False)[0]
        return torch.log_softmax(head(hidden[:, -read:]), -1)

    return _rate(everywhere, batches), _rate(where_scored, batches)


def _rate(forward: Callable[[torch.Tensor], object], batches: torch.Tensor) -> float:
    import torch

    with torch.inference_mode():
        forward(batches[0])
        start = time.perf_counter()
        for ids in batches:
            forward(ids)
        return batches.numel() / (time.perf_counter() - start)
