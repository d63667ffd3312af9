"""Scoring token trees, several in one sequence without padding: the fastest way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distill_fixtures.models.language_head import decoder_of, scored_log_probabilities
from distill_fixtures.models.scoring_way import LaidOut, WayRefusedError
from distill_fixtures.models.token_tree import TokenTree
from distill_fixtures.models.tree_attention import PackedTrees, TreeAttentionError, attending_to

__all__ = ["PackedTreesWay"]


class PackedTreesWay:
    """Each shared beginning runs through the model once, the language head where a score is read.

    Args:
        module: a causal language model whose layers choose their attention function by name.
    """

    name = "packed"

    def __init__(self, module: Any) -> None:
        self._module = module

    def cost_tokens(self, member: LaidOut) -> int:
        return len(member.tree)

    def score(self, members: Sequence[LaidOut], budget_tokens: int) -> list[list[float]]:
        import torch

        trees = [member.tree for member in members]
        device = self._module.device
        packed = PackedTrees(trees, self._module.dtype, device)
        ids = torch.from_numpy(np.concatenate([tree.ids for tree in trees])).to(device)
        positions = torch.from_numpy(np.concatenate([tree.positions for tree in trees])).to(device)
        with torch.inference_mode(), attending_to(self._module, packed):
            try:
                hidden = decoder_of(self._module)(
                    input_ids=ids.unsqueeze(0),
                    position_ids=positions.unsqueeze(0),
                    use_cache=False,
                )[0]
            except TreeAttentionError as refusal:
                raise WayRefusedError(str(refusal)) from refusal
            if packed.layers_served == 0:
                raise WayRefusedError("no layer asked for the attention function")
            # Of a model over several GPUs the last layer has another device than the first.
            device = hidden.device
            picked = hidden[0, torch.from_numpy(_places(packed)).to(device)]
            targets = torch.from_numpy(np.concatenate([tree.targets for tree in trees])).to(device)
            values = scored_log_probabilities(self._module, picked, targets).double().tolist()
        return _sums(trees, values)


def _places(packed: PackedTrees) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where in the sequence a score is read."""
    return np.concatenate(
        [tree.sources + start for tree, (start, _) in zip(packed.trees, packed.spans, strict=True)]
    )


def _sums(trees: Sequence[TokenTree], values: Sequence[float]) -> list[list[float]]:
    start, sums = 0, []
    for tree in trees:
        end = start + len(tree.sources)
        sums.append(tree.sums(values[start:end]))
        start = end
    return sums
