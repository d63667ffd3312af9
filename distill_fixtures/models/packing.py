"""Which requests run through a model together."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

__all__ = ["batches_by_length", "pack", "usual_budget"]

# Tokens of a scoring pass. On a CPU more bring nothing: matrix products are as fast as they get,
# and what lies between them leaves the cache.
BATCH_TOKENS = {"cpu": 1024}
BATCH_TOKENS_ELSEWHERE = 16_384


def usual_budget(device: str) -> int:
    """Tokens of a scoring pass that suit a kind of device.

    Args:
        device: ``cpu``, ``cuda`` or ``mps``.
    """
    return BATCH_TOKENS.get(device, BATCH_TOKENS_ELSEWHERE)


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Put items into passes of at most ``budget`` tokens, longest first, best fit.

    An item longer than the budget has a pass of its own. The same lengths always give the same
    passes.

    Returns:
        Indices by pass; the pass that holds the longest item comes first, so that a lack of
        memory shows at once.

    >>> pack([30, 70, 20, 60], budget=100)
    [[1, 0], [3, 2]]
    """
    passes: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, negative pass), sorted
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        length = lengths[index]
        found = bisect_left(room, (length, -len(passes)))
        if found < len(room):
            left, negative = room.pop(found)
        else:
            left, negative = budget, -len(passes)
            passes.append([])
        passes[-negative].append(index)
        if left > length:
            insort(room, (left - length, negative))
    return passes


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first, padding within ``budget`` tokens.

    >>> list(batches_by_length([2, 5, 4], budget=10))
    [[1, 2], [0]]
    """
    batch: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and (len(batch) + 1) * longest > budget:
            yield batch
            batch = []
        if not batch:
            longest = max(lengths[index], 1)
        batch.append(index)
    if batch:
        yield batch
