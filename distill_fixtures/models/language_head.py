"""The language head, run only over the places whose next token is scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.peft_modules import plain_module, virtual_tokens_of

if TYPE_CHECKING:
    import torch

__all__ = ["decoder_of", "has_own_head", "scored_log_probabilities", "token_log_probabilities"]

# Logits held at a time: a piece that stays in a CPU's cache is faster than one long sweep, while a
# matrix product needs some rows to be fast.
MAX_LOGITS = {"cpu": 1 << 23}
MAX_LOGITS_ELSEWHERE = 1 << 27
FEWEST_ROWS = 64


def has_own_head(module: Any) -> bool:
    """Whether body and head can be run apart; prompt learning puts tokens before the sequence."""
    if virtual_tokens_of(module):
        return False
    inner = plain_module(module)
    body = inner.get_decoder() if hasattr(inner, "get_decoder") else None
    return body is not None and body is not inner and module.get_output_embeddings() is not None


def decoder_of(module: Any) -> Any:
    """The model without its language head, an adapter's layers in place."""
    return plain_module(module).get_decoder()


def scored_log_probabilities(
    module: Any, hidden: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """log p of each target in float32, ``[tokens]``, piece by piece.

    Args:
        hidden: what the body computed at the places before the targets, ``[tokens, hidden]``.
        targets: ``[tokens]``.
    """
    import torch

    head = module.get_output_embeddings()
    adjust = _adjustment(module.config)
    parts = []
    # A packed weight has not the shape of what it holds; the layer knows its features.
    vocabulary = getattr(head, "out_features", None) or int(head.weight.shape[0])
    rows = rows_at_a_time(hidden.device.type, vocabulary)
    for some, some_targets in zip(
        torch.split(hidden, rows), torch.split(targets, rows), strict=True
    ):
        logits = adjust(head(some))
        parts.append(token_log_probabilities(logits, some_targets.to(logits.device)))
    return torch.cat(parts)


def token_log_probabilities(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """log p of each target token in float32.

    Args:
        logits: ``[tokens, vocabulary]``; overwritten where they are float32 already.
        targets: ``[tokens]``.
    """
    full = logits.float()
    chosen = full.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    highest = full.amax(-1)
    return chosen - highest - full.sub_(highest.unsqueeze(-1)).exp_().sum(-1).log_()


def rows_at_a_time(device: str, vocabulary: int) -> int:
    """Scored tokens whose logits are there together.

    Args:
        device: kind of device: ``cpu``, ``cuda``.
    """
    return max(FEWEST_ROWS, MAX_LOGITS.get(device, MAX_LOGITS_ELSEWHERE) // vocabulary)


def _adjustment(config: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """What an architecture does to its logits after the head."""
    settings = config.get_text_config() if hasattr(config, "get_text_config") else config
    cap = getattr(settings, "final_logit_softcapping", None)  # Gemma 2
    factor = getattr(settings, "logit_scale", None)  # Cohere
    divisor = getattr(settings, "logits_scaling", None)  # Granite

    def adjust(logits: torch.Tensor) -> torch.Tensor:
        if factor is not None:
            logits = logits * factor
        if divisor is not None:
            logits = logits / divisor
        return logits if cap is None else cap * (logits / cap).tanh()

    return adjust
