"""What every model in this process has, whatever it was made for."""

from __future__ import annotations

from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.protocol import AllAtOnce
from distill_fixtures.models.tokenizer_digest import tokenizer_digest
from distill_fixtures.records import ModelCard, Undefined

__all__ = ["LoadedModel"]


class LoadedModel(AllAtOnce):
    """The part of :class:`~distill_fixtures.models.protocol.InProcessModel` that is common.

    Args:
        module: a transformers module in eval mode, perhaps with a PEFT adapter over it.
        tokenizer: its tokenizer.
        card: what its files say of it.
    """

    def __init__(self, module: Any, tokenizer: Any, card: ModelCard) -> None:
        self._loaded: Any = module
        self._tokenizer = tokenizer
        self._card = card

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def tokenizer_digest(self) -> str | Undefined:
        return tokenizer_digest(self._tokenizer)

    @property
    def module(self) -> Any:
        """The transformers module, for what only an in-process model can do."""
        if self._loaded is None:
            raise self._closed()
        return self._loaded

    @property
    def uses_chat_template(self) -> bool:
        return bool(getattr(self._tokenizer, "chat_template", None))

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def close(self) -> None:
        self._loaded = None

    def _closed(self) -> MeasurementError:
        return MeasurementError(
            f"the model {self._card.reference} is closed",
            got="a use after close()",
            wanted="an open model",
            next_step="ask the registry for it again",
        )
