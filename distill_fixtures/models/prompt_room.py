"""How much of what a model can look at is a prompt's, and how much is left to write in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.decoding import PromptBatch

__all__ = ["FEWEST_ANSWER_TOKENS", "OneWindow", "PromptRoom", "TwoWindows", "fit_prompts"]

# A prompt that leaves less than this for its answer is cut.
FEWEST_ANSWER_TOKENS = 16


class PromptRoom(Protocol):
    """Where prompts and new tokens have to fit."""

    def kept(self, prompt: Sequence[int]) -> Sequence[int]:
        """What is kept of a prompt beside the shortest answer."""
        ...

    def longest_padded(self, new_tokens: int) -> int:
        """Tokens of the longest prompt that can stand beside longer ones without changing
        anything for them."""
        ...

    def for_answers(self, prompts: PromptBatch, new_tokens: int) -> int:
        """Tokens that the answers of a batch can have, ``new_tokens`` at most."""
        ...

    def fitted(self, prompts: PromptBatch, new_tokens: int, *, advice: str) -> list[list[int]]:
        """Prompts cut on their left to what is left beside the new tokens.

        Args:
            advice: what a user can do where the window has no room.

        Raises:
            MeasurementError: there is no room for the new tokens, or a prompt is empty.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneWindow:
    """A prompt and what is written after it share one window, as in a causal model.

    Attributes:
        tokens: that the model can look at together.
        positions_change_at: the length from which on a row's positions depend on its length; None
            where they never do.
    """

    tokens: int
    positions_change_at: int | None = None

    def kept(self, prompt: Sequence[int]) -> Sequence[int]:
        return prompt[-max(self.tokens - FEWEST_ANSWER_TOKENS, 1) :]

    def longest_padded(self, new_tokens: int) -> int:
        return min(self.tokens, self.positions_change_at or self.tokens) - new_tokens

    def for_answers(self, prompts: PromptBatch, new_tokens: int) -> int:
        left = self.tokens - max(len(prompt) for prompt in prompts)
        return min(new_tokens, max(left, FEWEST_ANSWER_TOKENS))

    def fitted(self, prompts: PromptBatch, new_tokens: int, *, advice: str) -> list[list[int]]:
        return fit_prompts(prompts, self.tokens, new_tokens, advice=advice)


@dataclass(frozen=True, slots=True)
class TwoWindows:
    """An encoder reads the prompt and a decoder writes: neither takes room from the other.

    Attributes:
        encoder: tokens of the longest prompt.
        decoder: tokens of the longest text; the token that starts it takes the place of the last
            one, which is never read.
    """

    encoder: int
    decoder: int

    def kept(self, prompt: Sequence[int]) -> Sequence[int]:
        return prompt[-self.encoder :]

    def longest_padded(self, new_tokens: int) -> int:
        return self.encoder

    def for_answers(self, prompts: PromptBatch, new_tokens: int) -> int:
        return min(new_tokens, self.decoder)

    def fitted(self, prompts: PromptBatch, new_tokens: int, *, advice: str) -> list[list[int]]:
        if new_tokens > self.decoder:
            raise MeasurementError(
                "tokens cannot be generated",
                got=f"{new_tokens} new tokens; the decoder has a window of {self.decoder}",
                wanted=f"at most {self.decoder}",
                next_step=advice,
            )
        _refuse_empty(prompts)
        return [list(self.kept(prompt)) for prompt in prompts]


def fit_prompts(
    prompts: PromptBatch, window: int, new_tokens: int, *, advice: str
) -> list[list[int]]:
    """Cut prompts on their left so that the new tokens fit the window too.

    Args:
        advice: what a user can do where the window has no room.

    Raises:
        MeasurementError: the window has no room for a prompt at all, or a prompt is empty.
    """
    room = window - new_tokens
    if room < 1:
        raise MeasurementError(
            "tokens cannot be generated",
            got=f"{new_tokens} new tokens in a window of {window}",
            wanted="room for at least one prompt token",
            next_step=advice,
        )
    _refuse_empty(prompts)
    return [list(ids[-room:]) for ids in prompts]


def _refuse_empty(prompts: PromptBatch) -> None:
    if not all(prompts):
        raise MeasurementError(
            "tokens cannot be generated",
            got="a prompt without a token",
            wanted="a prompt that is not empty",
            next_step="correct the question",
        )
