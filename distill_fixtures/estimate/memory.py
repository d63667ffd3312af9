"""Memory that a model needs at its peak, from its shape and from the longest pass."""

from __future__ import annotations

from dataclasses import dataclass

from distill_fixtures.estimate.shape import ModelShape

__all__ = ["LargestPass", "cache_bytes", "pass_bytes", "peak_bytes"]

# Of the activations of a layer there are at once: what comes in, normed; queries, keys, values and
# what attention gives; the feed-forward part's two inner products and their product.
LIVE_HIDDEN, LIVE_INNER = 4, 3
FLOAT32_BYTES = 4
# Distributions that are compared: as computed, and as log-probabilities.
READ_COPIES = 2


@dataclass(frozen=True, slots=True)
class LargestPass:
    """The largest pass of each kind that a run makes.

    Attributes:
        tokens: of a scoring pass.
        scored: of them those that the language head is run for.
        written_rows: texts written together.
        written_tokens: of each, prompt and answer.
        read: tokens of texts that are read together, whose whole distributions are kept.
    """

    tokens: float = 0.0
    scored: float = 0.0
    written_rows: float = 0.0
    written_tokens: float = 0.0
    read: float = 0.0


def cache_bytes(shape: ModelShape, tokens: float, element_bytes: float) -> float:
    """Keys and values of so many tokens: 2 * layers * kept * tokens elements.

    >>> cache_bytes(ModelShape(80, 8192, 8192, 1024, 28672, 128256), 1000, 2)
    327680000.0
    """
    return 2.0 * shape.layers * shape.kept * tokens * element_bytes


def pass_bytes(shape: ModelShape, tokens: float, scored: float, element_bytes: float) -> float:
    """Activations of one layer, which the next one's replace, and the scored tokens' logits, in
    float32 and, where the model computes in another format, in that one too.

    >>> pass_bytes(ModelShape(2, 10, 10, 10, 40, 100), tokens=5, scored=2, element_bytes=4)
    4000.0
    """
    layer = LIVE_HIDDEN * shape.hidden + LIVE_INNER * shape.inner
    logit = FLOAT32_BYTES + (element_bytes if element_bytes != FLOAT32_BYTES else 0)
    return float(layer * tokens * element_bytes + scored * shape.vocabulary * logit)


def peak_bytes(
    weights_bytes: float, shape: ModelShape | None, largest: LargestPass, element_bytes: float
) -> float:
    """Weights, and the largest of a scoring pass, of texts being written and of texts being read.

    Args:
        shape: None leaves all but the weights out.
        element_bytes: of an activation.
    """
    if shape is None:
        return weights_bytes
    scoring = pass_bytes(shape, largest.tokens, largest.scored, element_bytes)
    rows_tokens = largest.written_rows * largest.written_tokens
    writing = cache_bytes(shape, rows_tokens, element_bytes)
    writing += pass_bytes(shape, rows_tokens, largest.written_rows, element_bytes)
    reading = pass_bytes(shape, largest.read, 0, element_bytes)
    reading += READ_COPIES * FLOAT32_BYTES * largest.read * shape.vocabulary
    return weights_bytes + max(scoring, writing, reading)
