"""Scoring in plain batches: one row for every continuation, its context repeated.

Works for every causal model, and a single row is what every other way is checked against.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from distill_fixtures.models.language_head import token_log_probabilities
from distill_fixtures.models.packing import batches_by_length
from distill_fixtures.models.peft_modules import plain_module, virtual_tokens_of
from distill_fixtures.models.scoring_way import LaidOut

__all__ = ["OneByOneWay", "RowsWay", "score_alone", "score_rows"]


class RowsWay:
    """Rows of like length together, padded on the right, where a causal model does not look.

    Args:
        module: any causal language model.
    """

    name = "rows"

    def __init__(self, module: Any) -> None:
        self._module = module

    def cost_tokens(self, member: LaidOut) -> int:
        return len(member.request.sequences) * member.longest_tokens

    def score(self, members: Sequence[LaidOut], budget_tokens: int) -> list[list[float]]:
        rows = [ids for member in members for ids in member.request.sequences]
        scored = [count for member in members for count in member.request.scored]
        found: dict[int, float] = {}
        for batch in batches_by_length([len(ids) - 1 for ids in rows], budget_tokens):
            values = score_rows(
                self._module, [rows[index] for index in batch], [scored[index] for index in batch]
            )
            found.update(zip(batch, values, strict=True))
        in_order = iter([found[index] for index in range(len(rows))])
        return [[next(in_order) for _ in member.request.sequences] for member in members]


class OneByOneWay:
    """One row at a time, without padding: slow, and right for whatever computes causally."""

    name = "one by one"

    def __init__(self, module: Any) -> None:
        self._module = module

    def cost_tokens(self, member: LaidOut) -> int:
        return sum(len(ids) - 1 for ids in member.request.sequences)

    def score(self, members: Sequence[LaidOut], budget_tokens: int) -> list[list[float]]:
        return [
            [
                score_alone(self._module, ids, count)
                for ids, count in zip(member.request.sequences, member.request.scored, strict=True)
            ]
            for member in members
        ]


def score_alone(module: Any, sequence: Sequence[int], scored: int) -> float:
    """Log-likelihood of a sequence's last ``scored`` tokens, nats: one unpadded row."""
    return score_rows(module, [sequence], [scored])[0]


def score_rows(
    module: Any, sequences: Sequence[Sequence[int]], scored: Sequence[int]
) -> list[float]:
    """Log-likelihoods of each sequence's last ``scored`` tokens, nats, in one batch."""
    import torch

    longest = max(len(sequence) - 1 for sequence in sequences)
    ids = torch.zeros((len(sequences), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence) - 1] = torch.tensor(sequence[:-1])
        mask[row, : len(sequence) - 1] = 1
    given: dict[str, Any] = {"input_ids": ids.to(module.device)}
    if len(sequences) > 1:
        given["attention_mask"] = mask.to(module.device)
    spans = [
        (len(sequence) - 1 - count, len(sequence) - 1)
        for sequence, count in zip(sequences, scored, strict=True)
    ]
    with torch.inference_mode():
        first = 0
        if _can_leave_logits_out(module):
            # Every row's scored places lie between the first of any row and the end.
            first = min(start for start, _ in spans)
            given["logits_to_keep"] = longest - first
        # Prompt tuning puts virtual tokens in front.
        logits = module(**given, use_cache=False).logits[:, -(longest - first) :]
        return [
            float(
                token_log_probabilities(
                    logits[row, start - first : end - first],
                    torch.tensor(sequences[row][start + 1 :], device=logits.device),
                )
                .double()
                .sum()
            )
            for row, (start, end) in enumerate(spans)
        ]


def _can_leave_logits_out(module: Any) -> bool:
    """Whether logits can be asked for at the end of the rows alone."""
    if virtual_tokens_of(module):
        return False
    return "logits_to_keep" in inspect.signature(plain_module(module).forward).parameters
