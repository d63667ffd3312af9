"""A question's token sequences laid out as one tree, in which shared beginnings stand once.

Context and options share the context; options that begin alike share their first tokens too. Each
node is one input token; what it may look at is its own way from the root, so it sees just what it
would see in a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.models.tokens import EncodedRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TokenTree", "lay_out"]

NO_PARENT = -1


@dataclass(frozen=True)
class TokenTree:
    """The input tokens of one request; parents stand before their children.

    Attributes:
        ids: token ids, ``[tokens]``.
        positions: each token's distance from the start of its own sequence, ``[tokens]``.
        parents: the token before it; ``NO_PARENT`` at a root. The sequences have several roots
            where they were cut on the left by different lengths.
        trunk: how many leading tokens stand in one line, each the parent of the next.
        sources: nodes whose next-token distribution is read, ``[scored]``.
        targets: the token that is scored there, ``[scored]``.
        options: for each continuation the places in ``sources`` that add up to its score.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    parents: NDArray[np.int64]
    trunk: int
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    options: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def branch_sight(self) -> NDArray[np.bool_]:
        """What each token after the trunk may look at, ``[tokens - trunk, tokens]``.

        Computed anew each time: kept, it would be the largest part of a tree.
        """
        sight = np.zeros((len(self) - self.trunk, len(self)), dtype=np.bool_)
        for row, parent in enumerate(self.parents[self.trunk :].tolist()):
            if parent >= self.trunk:
                sight[row] = sight[parent - self.trunk]
            elif parent != NO_PARENT:
                sight[row, : parent + 1] = True
            sight[row, self.trunk + row] = True
        return sight

    def branch_groups(self, at_least_tokens: int) -> list[tuple[int, int]]:
        """Stretches of whole branches, from and to which node; together all after the trunk.

        A branch sees the trunk and itself, so a stretch needs no other's keys.

        Args:
            at_least_tokens: neighbours are put together until they have so many.
        """
        starts = np.flatnonzero(self.parents[self.trunk :] < self.trunk) + self.trunk
        groups: list[tuple[int, int]] = []
        first = self.trunk
        for end in [*starts[1:].tolist(), len(self)]:
            if end - first >= at_least_tokens or (end == len(self) and end > first):
                groups.append((first, end))
                first = end
        return groups

    @property
    def keys_seen(self) -> int:
        """Pairs of a token and what it looks at, itself included: the work of attention."""
        return int((self.positions + 1).sum())

    def sums(self, values: Sequence[float]) -> list[float]:
        """Each continuation's log-likelihood from the log-probabilities of the scored tokens."""
        return [float(sum(values[place] for place in places)) for places in self.options]


def lay_out(request: EncodedRequest) -> TokenTree:
    """The tree of a request's sequences.

    A sequence's last token is only a target and never an input.
    """
    trunk = _shared_length(request)
    ids = list(request.sequences[0][:trunk])
    positions = list(range(trunk))
    parents = list(range(-1, trunk - 1))
    children: dict[tuple[int, int], int] = {}
    scored: dict[tuple[int, int], int] = {}
    options: list[tuple[int, ...]] = [()] * len(request.sequences)
    # Sorted, so that whatever begins alike stands together, and every branch is one stretch.
    for option in sorted(range(len(options)), key=request.sequences.__getitem__):
        sequence, count = request.sequences[option], request.scored[option]
        path = list(range(trunk))
        for position in range(trunk, len(sequence) - 1):
            parent = path[-1] if path else NO_PARENT
            node = children.setdefault((parent, sequence[position]), len(ids))
            if node == len(ids):
                ids.append(sequence[position])
                positions.append(position)
                parents.append(parent)
            path.append(node)
        options[option] = tuple(
            scored.setdefault((path[position], sequence[position + 1]), len(scored))
            for position in range(len(sequence) - 1 - count, len(sequence) - 1)
        )
    return TokenTree(
        np.array(ids, dtype=np.int64),
        np.array(positions, dtype=np.int64),
        np.array(parents, dtype=np.int64),
        trunk,
        np.array([node for node, _ in scored], dtype=np.int64),
        np.array([target for _, target in scored], dtype=np.int64),
        tuple(options),
    )


def _shared_length(request: EncodedRequest) -> int:
    """Length of the longest beginning of input tokens that all sequences have in common.

    Joint tokenisation may change the context's last tokens from option to option, so this can
    be shorter than the context.
    """
    first, *others = request.sequences
    length = len(first) - 1
    for ids in others:
        length = min(length, len(ids) - 1)
        if ids[:length] != first[:length]:
            length = next(place for place in range(length) if ids[place] != first[place])
    return length
