"""Where a generated text ends, found without decoding it anew after each token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from distill_fixtures.models.protocol import GenerateSettings

__all__ = ["StopFinder"]


class StopFinder:
    """Finds the stops of one call's settings.

    Args:
        tokenizer: turns tokens into text.
        settings: the stops.
    """

    def __init__(self, tokenizer: Any, settings: GenerateSettings) -> None:
        self._tokenizer = tokenizer
        self._stops = settings.stops
        self._pattern = re.compile(settings.stop_pattern) if settings.stop_pattern else None
        self._lasts = {stop[-1] for stop in settings.stops if stop}
        if self._pattern is not None:
            self._lasts.add("\n")
        # One token's own text shows an ASCII character wherever the whole text does; but other
        # characters can be spread over tokens, and spaces come and go with what is beside them.
        self._always = any(not last.isascii() or last == " " for last in self._lasts) or bool(
            getattr(tokenizer, "clean_up_tokenization_spaces", False)
        )
        self._completing: dict[int, bool] = {}

    def text_of(self, ids: Sequence[int]) -> str:
        """Text of tokens, special ones left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def end(self, ids: Sequence[int]) -> str | None:
        """The text up to its end, where the newest token completed a stop; else None.

        Args:
            ids: the tokens written so far, at least one; asked after each of them.
        """
        if not self._lasts or not self._completes(ids[-1]):
            return None
        text = self.text_of(ids)
        ends = [text.index(stop) for stop in self._stops if stop in text]
        if self._pattern is not None:
            match = self._pattern.search(text)
            ends += [] if match is None else [match.end()]
        return text[: min(ends)] if ends else None

    def _completes(self, token: int) -> bool:
        """Whether a stop can end in this token."""
        if self._always:
            return True
        if token not in self._completing:
            text = self.text_of([token])
            self._completing[token] = any(last in text for last in self._lasts)
        return self._completing[token]
