"""Splitting text into tokens where an encoder reads the context and a decoder scores an option.

As lm-evaluation-harness does: the context with the special tokens that the tokenizer adds by itself
(T5's end token, which stays where a context is cut), the option without any, and no end token after
it. Trailing white space of the context counts to the option; most encoder-decoders' tokenizers drop
it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.models.prompt_room import TwoWindows
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.tokens import (
    check_option,
    check_token_ids,
    encode_texts,
    prefix_token,
)

__all__ = ["EncodedQuestion", "encode_questions"]


@dataclass(frozen=True, slots=True)
class EncodedQuestion:
    """A request in tokens.

    Attributes:
        key: the request's key.
        context: what the encoder reads, cut on its left to its window.
        options: what the decoder is asked for, one a continuation, none empty.
        truncated: the context was cut.
    """

    key: str
    context: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]
    truncated: bool

    @property
    def tokens(self) -> int:
        """Of the context and of all options."""
        return len(self.context) + sum(len(option) for option in self.options)


def encode_questions(
    tokenizer: Any, requests: Sequence[ScoreRequest], windows: TwoWindows, rows: int
) -> list[EncodedQuestion]:
    """Tokenise all requests in two calls of the tokenizer, which is fast in batches.

    Args:
        rows: rows of the model's input embedding.

    Raises:
        MeasurementError: an option has no token or more than the decoder's window, or a token has
            no row.
    """
    contexts, options = [], []
    for request in requests:
        context = request.context.rstrip()
        moved = request.context[len(context) :]
        contexts.append(context)
        options += [moved + text for text in request.continuations]
    context_ids = encode_texts(tokenizer, contexts)
    option_ids = iter(tokenizer(options, add_special_tokens=False)["input_ids"] if options else ())
    encoded = []
    for request, ids in zip(requests, context_ids, strict=True):
        of_options = [tuple(next(option_ids)) for _ in request.continuations]
        if request.context == "" or not ids:
            ids = [prefix_token(tokenizer)]
            # The harness takes a prefix that an option brings along for the context.
            of_options = [each[1:] if each[:1] == (ids[0],) else each for each in of_options]
        for text, each in zip(request.continuations, of_options, strict=True):
            check_option(request.key, text, len(each), windows.decoder)
            check_token_ids(request.key, [*ids, *each], rows)
        kept = tuple(ids[-windows.encoder :])
        encoded.append(EncodedQuestion(request.key, kept, tuple(of_options), len(kept) < len(ids)))
    return encoded
