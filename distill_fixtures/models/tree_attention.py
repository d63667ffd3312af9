"""Attention over several token trees that stand behind each other in one sequence.

transformers lets an attention function be chosen by name. This one attends tree by tree, so that
linear layers run over all trees at once without padding, while no tree sees another. Layers with a
sliding window or soft-capped scores are served too; a layer that asks for anything else is
refused, and its model is scored in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from distill_fixtures.models.token_tree import TokenTree

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["PackedTrees", "TreeAttentionError", "attending_to"]

NAME = "distill_token_trees"
# Branches attended to together: fewer waste less on what they must not see, more make fewer calls.
GROUP_TOKENS = {"cpu": 32}
GROUP_TOKENS_ELSEWHERE = 512
# What a layer may ask for that changes its result and that this function does not do.
REFUSED = ("s_aux", "position_bias", "head_mask", "alibi")


class TreeAttentionError(Exception):
    """A layer that this attention cannot serve. Never leaves the scoring of a model."""


class PackedTrees:
    """Trees in one sequence, and the masks that a pass needs, each made once.

    Args:
        trees: in the order of the sequence.
        dtype: of queries and keys.
        device: where they are.
    """

    def __init__(self, trees: Sequence[TokenTree], dtype: torch.dtype, device: Any) -> None:
        self.trees = trees
        starts = np.cumsum([0, *(len(tree) for tree in trees)]).tolist()
        self.spans = list(pairwise(starts))
        self.layers_served = 0
        together = GROUP_TOKENS.get(device.type, GROUP_TOKENS_ELSEWHERE)
        self.groups = [tree.branch_groups(together) for tree in trees]
        self._dtype, self._device = dtype, device
        self._last_positions = [int(tree.positions.max()) for tree in trees]
        self._sights: dict[int, NDArray[np.bool_]] = {}
        self._masks: dict[tuple[int, int, int | None], torch.Tensor] = {}

    def trunk_mask(self, number: int, window: int | None) -> torch.Tensor | None:
        """Additive mask among a trunk's tokens; None where plain causal attention will do."""
        trunk = self.trees[number].trunk
        if window is None or trunk <= window:
            return None

        def sight() -> NDArray[np.bool_]:
            places = np.arange(trunk)
            apart = places[:, None] - places[None, :]
            return (apart >= 0) & (apart < window)

        return self._mask((number, 0, window), sight)

    def group_mask(self, number: int, first: int, end: int, window: int | None) -> torch.Tensor:
        """Additive mask of some branches' tokens over the trunk and themselves.

        Args:
            first, end: nodes of the tree; they are the queries, ``[end - first, keys]``.
        """
        if window is not None and self._last_positions[number] < window:
            window = None  # no token is out of reach: layers with and without it share the mask

        def sight() -> NDArray[np.bool_]:
            tree = self.trees[number]
            keys = np.r_[: tree.trunk, first:end]
            if number not in self._sights:
                self._sights[number] = tree.branch_sight
            seen = self._sights[number][first - tree.trunk : end - tree.trunk, keys]
            if window is None:
                return seen
            near = tree.positions[first:end, None] - tree.positions[None, keys] < window
            return seen & near

        return self._mask((number, first, window), sight)

    def _mask(
        self, key: tuple[int, int, int | None], sight: Callable[[], NDArray[np.bool_]]
    ) -> torch.Tensor:
        """The mask of a tree's tokens from one on, under a window; made when first asked for."""
        import torch

        if key not in self._masks:
            unseen = ~sight()
            mask = torch.zeros(unseen.shape, dtype=self._dtype)
            mask.masked_fill_(torch.from_numpy(unseen), -torch.inf)
            self._masks[key] = mask.to(self._device)
        return self._masks[key]


_current: ContextVar[PackedTrees] = ContextVar("packed token trees")


@contextmanager
def attending_to(module: Any, packed: PackedTrees) -> Iterator[None]:
    """Inside, the module's layers attend to these trees; afterwards as before."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    configs = {
        id(each.config): each.config
        for each in module.modules()
        if hasattr(getattr(each, "config", None), "_attn_implementation")
    }
    before = {key: config._attn_implementation for key, config in configs.items()}
    token = _current.set(packed)
    try:
        for config in configs.values():
            config._attn_implementation = NAME
        yield
    finally:
        _current.reset(token)
        for key, config in configs.items():
            config._attn_implementation = before[key]


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **asked: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it.

    Args:
        query: ``[1, heads, tokens, head_dim]``.
        key: ``[1, key_value_heads, tokens, head_dim]``.
        value: like ``key``; its head_dim may differ.

    Returns:
        ``[1, tokens, heads, value's head_dim]``, and no weights.

    Raises:
        TreeAttentionError: the layer needs something that this function does not do.
    """
    import torch

    packed = _current.get()
    _refuse(module, query, attention_mask, dropout, asked, packed)
    batch, heads, tokens, _ = query.shape
    output = query.new_empty((batch, tokens, heads, value.shape[-1]))
    for number, (start, _) in enumerate(packed.spans):
        trunk = start + packed.trees[number].trunk
        k, v = key[0, :, start:trunk], value[0, :, start:trunk]
        if trunk > start:
            mask = packed.trunk_mask(number, sliding_window)
            output[0, start:trunk] = _attend(query[0, :, start:trunk], k, v, mask, scaling, softcap)
        for first, end in packed.groups[number]:
            span = slice(start + first, start + end)
            mask = packed.group_mask(number, first, end, sliding_window)
            output[0, span] = _attend(
                query[0, :, span],
                torch.cat([k, key[0, :, span]], dim=1),
                torch.cat([v, value[0, :, span]], dim=1),
                mask,
                scaling,
                softcap,
            )
    packed.layers_served += 1
    return output, None


def _refuse(
    module: Any,
    query: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float,
    asked: dict[str, Any],
    packed: PackedTrees,
) -> None:
    wanted = [name for name in REFUSED if asked.get(name) is not None]
    if attention_mask is not None:
        wanted.append("a mask of its own")
    if dropout or getattr(module, "is_causal", True) is False or asked.get("is_causal") is False:
        wanted.append("attention that is not causal, or dropout")
    if query.shape[0] != 1 or query.shape[2] != packed.spans[-1][1]:
        wanted.append(f"queries of shape {tuple(query.shape)}")
    if wanted:
        raise TreeAttentionError(", ".join(wanted))


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    softcap: float | None,
) -> torch.Tensor:
    """Attention of some tokens to some, without a mask causal.

    Heads that share keys and values are laid out as a batch of their own, over a view: expanding
    keys and values would copy them.

    Args:
        query: ``[heads, queries, head_dim]``.
        key: ``[key_value_heads, keys, head_dim]``.

    Returns:
        ``[queries, heads, value's head_dim]``.
    """
    from torch.nn.functional import scaled_dot_product_attention

    shared, groups = key.shape[0], query.shape[0] // key.shape[0]
    q = query.view(shared, groups, *query.shape[1:])
    if mask is not None:
        mask = mask.to(query.device)  # of a model over several GPUs this layer's may be another
    k, v = (each.unsqueeze(1).expand(-1, groups, -1, -1) for each in (key, value))
    if softcap is None:
        out = scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling
        )
    else:
        out = _soft_capped(q, k, v, mask, scaling, softcap)
    return out.flatten(0, 1).transpose(0, 1)


def _soft_capped(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    softcap: float,
) -> torch.Tensor:
    """Attention whose scores are bent below ``softcap`` before the mask (Gemma 2)."""
    import torch

    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = softcap * torch.tanh(query @ key.transpose(-1, -2) * scale / softcap)
    if mask is None:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    else:
        scores = scores + mask
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype) @ value
