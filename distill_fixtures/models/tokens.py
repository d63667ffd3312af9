"""Splitting text into tokens where a continuation is scored after its context.

The split is lm-evaluation-harness's, so that picks agree with its ``acc`` and ``acc_norm``:
context and continuation are tokenised together, trailing white space of the context counts to the
continuation, and scoring starts at the length of the context's own encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.protocol import ScoreRequest

__all__ = [
    "EncodedRequest",
    "TokenLimits",
    "check_option",
    "check_token_ids",
    "encode_requests",
    "encode_texts",
    "prefix_token",
]


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What the model can take.

    Attributes:
        window: tokens it can look at together.
        rows: rows of its input embedding; a token id at or beyond them is an error, while fewer
            tokens than rows (padding of the table) is normal.
    """

    window: int
    rows: int


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """A request in tokens.

    Attributes:
        key: the request's key.
        sequences: context and continuation together, one a continuation, cut on the left to
            ``window + 1`` tokens (the last one is never an input).
        scored: how many tokens at each sequence's end belong to the continuation.
        truncated: at least one sequence was cut.
    """

    key: str
    sequences: tuple[tuple[int, ...], ...]
    scored: tuple[int, ...]
    truncated: bool


def encode_requests(
    tokenizer: Any, requests: Sequence[ScoreRequest], limits: TokenLimits
) -> list[EncodedRequest]:
    """Tokenise all requests in one call of the tokenizer, which is fast in batches."""
    contexts: list[str] = []
    wholes: list[str] = []
    for request in requests:
        context = request.context.rstrip()
        moved = request.context[len(context) :]
        contexts.append(context)
        wholes += [context + moved + text for text in request.continuations]
    context_ids = encode_texts(tokenizer, contexts)
    whole_ids = iter(encode_texts(tokenizer, wholes))
    encoded = []
    for request, context, ids in zip(requests, contexts, context_ids, strict=True):
        sequences = [next(whole_ids) for _ in request.continuations]
        if context == "" or not ids:
            encoded.append(_encode_alone(tokenizer, request, limits))
        else:
            encoded.append(_cut(request, sequences, [len(ids)] * len(sequences), limits))
    return encoded


def prefix_token(tokenizer: Any) -> int:
    """What stands before a continuation without a context: begin-of-text, else end-of-text."""
    token = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if token is None:
        raise MeasurementError(
            "a continuation without a context cannot be scored",
            got="a tokenizer with neither a begin-of-text nor an end-of-text token",
            wanted="a token to start from",
            next_step="give the question a text",
        )
    return int(token)


def encode_texts(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids, with the special tokens that the tokenizer adds by itself.

    A text that spells out the begin-of-text token already gets no second one.
    """
    if not texts:
        return []
    begin = tokenizer.bos_token or tokenizer.eos_token
    spelled = [bool(begin) and text.startswith(begin) for text in texts]
    ids: list[list[int]] = tokenizer(list(texts))["input_ids"]
    for index in (index for index, is_spelled in enumerate(spelled) if is_spelled):
        ids[index] = tokenizer.encode(texts[index], add_special_tokens=False)
    return ids


def _encode_alone(tokenizer: Any, request: ScoreRequest, limits: TokenLimits) -> EncodedRequest:
    """Continuations without a context, after the prefix token alone."""
    first = prefix_token(tokenizer)
    sequences = []
    for text in request.continuations:
        ids = tokenizer.encode(request.context + text, add_special_tokens=False)
        sequences.append(ids if ids[:1] == [first] else [first, *ids])
    return _cut(request, sequences, [1] * len(sequences), limits)


def _cut(
    request: ScoreRequest,
    sequences: Sequence[Sequence[int]],
    context_lengths: Sequence[int],
    limits: TokenLimits,
) -> EncodedRequest:
    """Cut what does not fit the window, and refuse what cannot be scored."""
    kept, scored, truncated = [], [], False
    for text, ids, length in zip(request.continuations, sequences, context_lengths, strict=True):
        count = len(ids) - length
        check_option(request.key, text, count, limits.window)
        check_token_ids(request.key, ids, limits.rows)
        truncated = truncated or len(ids) > limits.window + 1
        kept.append(tuple(ids[-(limits.window + 1) :]))
        scored.append(count)
    return EncodedRequest(request.key, tuple(kept), tuple(scored), truncated)


def check_option(key: str, text: str, tokens: int, window: int) -> None:
    """Refuse an option without a token of its own, or with more than the model can look at.

    Raises:
        MeasurementError: names the question and shows the option.
    """
    if not 1 <= tokens <= window:
        raise MeasurementError(
            f"an option of question {key!r} cannot be scored",
            got=f"{text[:80]!r}: {max(tokens, 0)} tokens of its own",
            wanted=f"1 to {window} tokens after the context",
            next_step="correct the option in the questions file",
        )


def check_token_ids(key: str, ids: Sequence[int], rows: int) -> None:
    """Refuse token ids that the model's embedding has no row for.

    Raises:
        MeasurementError: names the question.
    """
    if max(ids) >= rows:
        raise MeasurementError(
            f"the tokenizer does not fit the model (question {key!r})",
            got=f"token id {max(ids)}",
            wanted=f"ids below {rows}, the rows of the model's embedding",
            next_step="put the model's own tokenizer beside its weights",
        )
