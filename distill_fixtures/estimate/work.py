"""How much a model has to compute, in tokens and in floating-point operations."""

from __future__ import annotations

from dataclasses import dataclass, fields

from distill_fixtures.estimate.shape import ModelShape

__all__ = ["Weights", "Work", "flops_of"]


@dataclass(frozen=True, slots=True)
class Work:
    """What runs through a model; adds up.

    Attributes:
        passes: forward passes; of texts that are written one a token and batch.
        tokens: input tokens, padding included.
        scored: tokens for which the language head is run.
        keys: pairs of a token and one that it looks at, itself included: the work of attention.
    """

    passes: float = 0.0
    tokens: float = 0.0
    scored: float = 0.0
    keys: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(
            *(getattr(self, each.name) + getattr(other, each.name) for each in fields(Work))
        )

    def __mul__(self, factor: float) -> Work:
        """So many times as much.

        >>> Work(1, 100, 10, 5050) * 2
        Work(passes=2, tokens=200, scored=20, keys=10100)
        """
        return Work(*(getattr(self, each.name) * factor for each in fields(Work)))


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's parameters as far as its work follows from them.

    Attributes:
        body: those that each token is multiplied by: all but embeddings, and of experts those that
            a token runs through.
        head: of the language head, which is run for scored tokens alone; also where its weights
            are the embedding's.
    """

    body: float
    head: float


def flops_of(work: Work, weights: Weights, shape: ModelShape | None) -> float:
    """Floating-point operations of a forward pass.

    A token is multiplied by each weight and added up: 2 operations a weight. Attention multiplies
    its query by each key that it sees, and the weight found by that key's value: 4 operations for
    each pair, layer and unit of the heads' width. So, for tokens t, scored tokens s and pairs k::

        2 * body * t + 2 * head * s + 4 * layers * attention * k

    (Chowdhery and others, PaLM, 2022, appendix B, forward part; Kaplan and others, Scaling Laws for
    Neural Language Models, 2020, table 1, without the attention's second product.) Norms,
    activation functions and softmaxes are left out: they are below a hundredth of it.

    Args:
        shape: None leaves the attention's part out.

    >>> flops_of(Work(1, 10, 3, 55), Weights(1000, 200), ModelShape(2, 8, 8, 8, 32, 25))
    24720.0
    """
    attention = 0 if shape is None else 4.0 * shape.layers * shape.attention * work.keys
    return 2.0 * weights.body * work.tokens + 2.0 * weights.head * work.scored + attention
