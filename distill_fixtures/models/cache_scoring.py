"""Scoring with a cache of the context: for layers that no tree attention can serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distill_fixtures.models.language_head import decoder_of, scored_log_probabilities
from distill_fixtures.models.row_scoring import RowsWay
from distill_fixtures.models.scoring_way import LaidOut, WayRefusedError

__all__ = ["SharedCacheWay"]


class SharedCacheWay:
    """The context runs through the model once; its continuations go on from its cache as rows.

    Args:
        module: a causal language model whose body takes and gives a cache.
    """

    name = "shared cache"

    def __init__(self, module: Any) -> None:
        self._module = module
        self._rows = RowsWay(module)
        self._cache_name = "past_key_values"

    def cost_tokens(self, member: LaidOut) -> int:
        trunk = member.tree.trunk
        return trunk + (member.longest_tokens - trunk) * len(member.request.sequences)

    def score(self, members: Sequence[LaidOut], budget_tokens: int) -> list[list[float]]:
        return [
            # Sequences that were cut by different lengths have no common beginning to keep.
            self._score_one(member)
            if member.tree.trunk
            else self._rows.score([member], budget_tokens)[0]
            for member in members
        ]

    def _score_one(self, member: LaidOut) -> list[float]:
        import torch

        sequences, trunk = member.request.sequences, member.tree.trunk
        device = self._module.device
        with torch.inference_mode():
            shared, cache = self._run(torch.tensor([sequences[0][:trunk]], device=device), None)
            rests = [ids[trunk:-1] for ids in sequences]
            longest = max(len(rest) for rest in rests)
            later = shared[:, :0]
            if longest:
                # Padding stands on the right, where a causal model does not look.
                rows = torch.zeros((len(rests), longest), dtype=torch.long)
                for row, rest in enumerate(rests):
                    rows[row, : len(rest)] = torch.tensor(rest)
                cache.batch_repeat_interleave(len(rests))
                later, _ = self._run(rows.to(device), cache)
            hidden, targets = [], []
            for row, (ids, count) in enumerate(zip(sequences, member.request.scored, strict=True)):
                for place in range(len(ids) - 1 - count, len(ids) - 1):
                    hidden.append(shared[0, place] if place < trunk else later[row, place - trunk])
                    targets.append(ids[place + 1])
            values = scored_log_probabilities(
                self._module, torch.stack(hidden), torch.tensor(targets, device=device)
            )
        flat = iter(values.double().tolist())
        return [sum(next(flat) for _ in range(count)) for count in member.request.scored]

    def _run(self, ids: Any, cache: Any) -> tuple[Any, Any]:
        """Hidden states, and the cache, under whichever name the architecture has for it."""
        given = {} if cache is None else {self._cache_name: cache}
        output = decoder_of(self._module)(input_ids=ids, use_cache=True, **given)
        for name in ("past_key_values", "cache_params"):
            found = getattr(output, name, None)
            if found is not None:
                self._cache_name = name
                return output[0], found
        raise WayRefusedError("the model gives no cache")
