"""What the ways of scoring have in common.

The ways, fastest first: packed token trees, a shared cache of the context, rows, one row at a time.
They compute the same figures; which of them an architecture can take is found by trying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from distill_fixtures.models.token_tree import TokenTree
from distill_fixtures.models.tokens import EncodedRequest

__all__ = ["LaidOut", "ScoringWay", "WayRefusedError"]


class WayRefusedError(Exception):
    """This way does not give the scores of single rows for this model; another one will."""


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
