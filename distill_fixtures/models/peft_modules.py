"""What PEFT puts around a module, seen from outside."""

from __future__ import annotations

from typing import Any

__all__ = ["plain_module", "virtual_tokens_of"]


def plain_module(module: Any) -> Any:
    """The transformers module itself, an adapter's layers in place, a learned prompt left out."""
    return module.get_base_model() if hasattr(module, "peft_config") else module


def virtual_tokens_of(module: Any) -> int:
    """Tokens of a learned prompt (prompt and prefix tuning): PEFT puts them before each sequence,
    and they take places of the window. 0 for any other module."""
    settings = getattr(module, "active_peft_config", None)
    if settings is None or not getattr(settings, "is_prompt_learning", False):
        return 0
    return int(settings.num_virtual_tokens)
