"""What the ways of scoring have in common.

The ways, fastest first: packed token trees, a shared cache of the context, rows, one row at a time.
They compute the same figures; which of them an architecture can take is found by trying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from distill_fixtures.models.packed_weights import is_packed
from distill_fixtures.models.token_tree import TokenTree
from distill_fixtures.models.tokens import EncodedRequest

__all__ = [
    "REFUSALS",
    "LaidOut",
    "ScoringWay",
    "WayRefusedError",
    "is_whole_precision",
    "tolerance_nats",
]

# How far a way may be from single rows, nats per scored token. Half precision keeps 8 to 11 bits.
TOLERANCE_NATS, HALF_TOLERANCE_NATS = 1e-4, 0.05
WHOLE_PRECISION = ("torch.float32", "torch.float64")


class WayRefusedError(Exception):
    """This way does not give the scores of single rows for this model; another one will."""


# How a foreign architecture refuses a way is its own affair.
REFUSALS = (
    WayRefusedError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    LookupError,
    AssertionError,
)


def tolerance_nats(module: Any) -> float:
    """How far a way may be from single rows, for each scored token."""
    return TOLERANCE_NATS if is_whole_precision(module) else HALF_TOLERANCE_NATS


def is_whole_precision(module: Any) -> bool:
    """Whether a module computes in a format that rounds less than scores may differ."""
    # Packed layers may compute in half precision whatever the others are in, or round their
    # activations to 8 bits.
    return str(module.dtype) in WHOLE_PRECISION and not is_packed(module.config)


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A request in tokens, and its tree."""

    request: EncodedRequest
    tree: TokenTree

    @property
    def has_branches(self) -> bool:
        """Whether anything follows what all its sequences share."""
        return len(self.tree) > self.tree.trunk

    @property
    def longest_tokens(self) -> int:
        """Input tokens of its longest sequence."""
        return max(len(ids) for ids in self.request.sequences) - 1


class ScoringWay(Protocol):
    """One way to score requests together."""

    @property
    def name(self) -> str:
        """For people, in the results."""
        ...

    def cost_tokens(self, member: LaidOut) -> int:
        """Tokens that a request takes in a pass, padding included."""
        ...

    def score(self, members: Sequence[LaidOut], budget_tokens: int) -> list[list[float]]:
        """Log-likelihoods of each request's continuations, nats, in one pass.

        Args:
            members: within the budget together, or a single one that is beyond it.
            budget_tokens: a way that can cut a request into parts keeps each part within it.

        Raises:
            WayRefusedError: the architecture cannot be scored this way.
        """
        ...
