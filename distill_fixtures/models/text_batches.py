"""Which prompts are continued together, so that none is continued otherwise than alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.decoding import PromptBatch, rows_of
from distill_fixtures.models.out_of_memory import is_out_of_memory
from distill_fixtures.models.packed_weights import is_packed

if TYPE_CHECKING:
    import torch

__all__ = ["batches_by_length", "continues_alike", "plan_batches"]

CHECKED_STEPS = 3
# Of the spread of a row's logits: more than rounding does to them, less than a neighbour that is
# seen does.
TOLERANCE = {"torch.float32": 1e-3, "torch.float64": 1e-6}
HALF_TOLERANCE = 0.05


def plan_batches(
    module: Any, prompts: PromptBatch, size: int, *, longest_padded: int
) -> list[list[int]]:
    """Places of prompts in batches, after a look at how the architecture takes them.

    Prompts of unequal length are padded where that changes nothing; where it does (a state that
    sees the padding), only prompts of equal length stand together; where even that changes
    something, each stands alone. Found with the shortest and the longest prompt, and the same for
    the same prompts.

    Args:
        size: most prompts of a batch.
        longest_padded: prompts of more tokens stand with those of their own length only.
    """
    lengths = [len(ids) for ids in prompts]
    padded = sorted((ids for ids in prompts if len(ids) <= longest_padded), key=len)
    unequal = size > 1 and bool(padded) and len(padded[0]) < len(padded[-1])
    if unequal and continues_alike(module, padded[0], padded[-1]):
        return batches_by_length(lengths, size, longest_padded=longest_padded)
    batches = batches_by_length(lengths, size, longest_padded=0)
    fullest = max(batches, key=len, default=[])
    if len(fullest) > 1:
        first = prompts[fullest[0]]
        if not continues_alike(module, first, first[::-1]):
            return batches_by_length(lengths, 1, longest_padded=0)
    return batches


def batches_by_length(lengths: Sequence[int], size: int, *, longest_padded: int) -> list[list[int]]:
    """Places of prompts in batches of at most ``size``, the shortest prompts first.

    >>> batches_by_length([4, 9, 2, 9, 8], 2, longest_padded=5)
    [[2, 0], [4], [1, 3]]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    groups = groupby(order, key=lambda place: max(lengths[place], longest_padded))
    return [
        members[start : start + size]
        for members in (list(group) for _, group in groups)
        for start in range(0, len(members), size)
    ]


def continues_alike(module: Any, prompt: Sequence[int], beside: Sequence[int]) -> bool:
    """Whether a prompt's first new logits beside another prompt are those that it has alone.

    Args:
        prompt: token ids; padded where the other is longer.
        beside: token ids.
    """
    import torch

    with torch.inference_mode():
        wanted, tokens = _first_logits(module, [prompt], None)
        try:
            found, _ = _first_logits(module, [prompt, beside], tokens)
        except (TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
            if is_out_of_memory(error):
                raise
            # How a foreign architecture refuses a batch is its own affair; alone it was served.
            return False
    tolerance = TOLERANCE.get(str(module.dtype), HALF_TOLERANCE)
    if is_packed(module.config):
        tolerance = HALF_TOLERANCE
    finite = wanted[wanted.isfinite()]
    spread = float(finite.max() - finite.min()) if len(finite) else 0.0
    # Logits that are no numbers compare as unequal; whoever decodes them refuses them.
    return torch.allclose(found, wanted, rtol=0.0, atol=tolerance * spread)


def _first_logits(
    module: Any, prompts: PromptBatch, tokens: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first row's logits ``[steps, vocabulary]``, and the tokens it went on with, ``[steps]``.

    Args:
        tokens: go on with these; None: with the likeliest.
    """
    import torch

    rows = rows_of(module, prompts)
    logits, used = [], []
    for step in range(CHECKED_STEPS):
        logits.append(rows.next_logits()[0])
        used.append(logits[-1].argmax() if tokens is None else tokens[step])
        rows.append(used[-1].repeat(len(prompts)))
    return torch.stack(logits), torch.stack(used)
