"""When each token of a stream arrived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distill_fixtures.errors import MissingFigureError, ServerError
from distill_fixtures.models.protocol import Clock
from distill_fixtures.models.served.client import Chunk

__all__ = ["TimedStream", "read_stream"]


@dataclass(frozen=True, slots=True)
class TimedStream:
    """A stream that was read to its end.

    Attributes:
        times_s: on the clock, when each token was there, ``[tokens]``.
        prompt_tokens: as the server counts them; None: it does not say so in a stream.
    """

    times_s: tuple[float, ...]
    prompt_tokens: int | None


def read_stream(pieces: Iterable[Chunk], new_tokens: int, clock: Clock, place: str) -> TimedStream:
    """Read a stream of exactly so many tokens.

    A piece is taken for one token. Where several came in one piece, or a token had no text yet, the
    counts differ, and the times of single tokens cannot be told.

    Args:
        place: of the model, for messages.

    Raises:
        ServerError: it was cut off.
        MissingFigureError: it ended early, or its pieces are no tokens: nothing is timed so.
    """
    times: list[float] = []
    ended: str | None = None
    prompt_tokens: int | None = None
    counted: int | None = None
    for piece in pieces:
        if piece.has_text:
            times.append(clock.now())
        ended = piece.finish_reason or ended
        prompt_tokens = prompt_tokens if piece.prompt_tokens is None else piece.prompt_tokens
        counted = counted if piece.new_tokens is None else piece.new_tokens
        if len(times) > new_tokens:
            # Perhaps it would never end.
            raise _pieces_are_no_tokens(place, len(times), counted, new_tokens)
    if ended is None:
        raise ServerError(
            f"the server of {place} broke off a stream",
            got=f"{len(times)} of {new_tokens} tokens, and no reason for the end",
            wanted="a whole answer",
            next_step="look at the server's log, and at what lies between (a proxy?)",
        )
    came = len(times) if counted is None else counted
    if came < new_tokens:
        raise _untimed(
            place,
            "ends texts early",
            got=f"{came} of {new_tokens} tokens ({ended})",
            next_step="take a server that knows ignore_eos, or fewer --distill-new-tokens",
        )
    if len(times) != new_tokens or came != new_tokens:
        raise _pieces_are_no_tokens(place, len(times), counted, new_tokens)
    return TimedStream(tuple(times), prompt_tokens)


def _pieces_are_no_tokens(
    place: str, pieces: int, counted: int | None, new_tokens: int
) -> MissingFigureError:
    own_count = "" if counted is None else f", {counted} tokens by its own count"
    return _untimed(
        place,
        "streams other pieces than tokens",
        got=f"{pieces} pieces with text{own_count}, for {new_tokens}",
        next_step="let the server stream each token by itself",
    )


def _untimed(place: str, what: str, *, got: str, next_step: str) -> MissingFigureError:
    return MissingFigureError(
        f"times of {place} cannot be told: its server {what}",
        got=got,
        wanted="exactly as many tokens as were asked for, one a piece",
        next_step=next_step,
    )
