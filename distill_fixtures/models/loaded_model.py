"""What every model in this process has: its module, its tokenizer, its card, an end."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.protocol import AllAtOnce
from distill_fixtures.records import ModelCard, Undefined

__all__ = ["LoadedModel", "scoring_batch_tokens"]

# Tokens of a scoring pass. On a CPU more bring nothing: matrix products are as fast as they get,
# and what lies between them leaves the cache.
BATCH_TOKENS = {"cpu": 1024}
BATCH_TOKENS_ELSEWHERE = 16_384


class LoadedModel(AllAtOnce):
    """A transformers module that is used until it is closed.

    Args:
        module: in eval mode, perhaps with a PEFT adapter over it.
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
        """sha256 over the vocabulary and, for a fast tokenizer, its whole pipeline."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            content = json.dumps(sorted(self._tokenizer.get_vocab().items()))
        else:
            # Padding and truncation are a caller's settings and no part of the vocabulary.
            pipeline = json.loads(backend.to_str())
            content = json.dumps(pipeline | {"padding": None, "truncation": None}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def module(self) -> Any:
        """The transformers module, for what only an in-process model can do."""
        if self._loaded is None:
            raise self._closed()
        return self._loaded

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


def scoring_batch_tokens(module: Any) -> int:
    """Tokens of a scoring pass that suit the device, padding included."""
    return BATCH_TOKENS.get(module.device.type, BATCH_TOKENS_ELSEWHERE)
