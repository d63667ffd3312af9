"""From a server's echoed log-probabilities to the log-likelihood of a continuation.

A server that is asked to ``echo`` a prompt answers with its tokens and log p(token | tokens
before), the first one's missing, and then with what it wrote itself. Which of the tokens belong to
the continuation is told by their texts; servers differ in what they put first (a token that begins
every text, or not) and in how they count offsets. Nothing of it is trusted: it must fit together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = ["Echo", "EchoError", "continuation_log_likelihood", "without_begin"]

# A greedy token is the likeliest, up to the rounding of numbers as text.
GREEDY_TOLERANCE_NATS = 1e-3
# Log-probabilities are at most 0; servers compute them in 16 bits.
ABOVE_ZERO_NATS = 1e-2


class EchoError(ValueError):
    """What a server answered does not fit together; says what."""


@dataclass(frozen=True, slots=True)
class Echo:
    """A prompt as a server read it, and the tokens that it wrote after it.

    Attributes:
        tokens: the texts of all, ``[tokens]``.
        log_probs: log p(token | tokens before), nats, ``[tokens]``; None where there is none.
        offsets: where each token's text begins, in characters, as the server counts; None: untold.
        best_log_probs: the likeliest token's at each place, nats, ``[tokens]``; None: untold.
        written: how many of the tokens, at the end, the server wrote itself.
    """

    tokens: Sequence[str]
    log_probs: Sequence[float | None]
    offsets: Sequence[int] | None
    best_log_probs: Sequence[float | None] | None
    written: int


def continuation_log_likelihood(echo: Echo, context: str, continuation: str) -> float:
    """The sum over a continuation's tokens of log p(token | everything before), nats.

    A token that reaches from the context into the continuation counts as the continuation's.

    Args:
        echo: of the context with the continuation directly after it.

    Raises:
        EchoError: the answer does not fit together or to the prompt.

    >>> echo = Echo(["Sky", ":", " blue", "."], [None, -1.0, -0.5, -2.0], None, None, written=1)
    >>> continuation_log_likelihood(echo, "Sky:", " blue")
    -0.5
    """
    count = len(echo.tokens)
    if not 0 <= echo.written < count or len(echo.log_probs) != count:
        raise EchoError(
            f"{count} tokens with {len(echo.log_probs)} log-probabilities, of which "
            f"{echo.written} were written after the prompt"
        )
    _check_written(echo)
    if echo.written and "".join(echo.tokens) == context + continuation:
        # llama-cpp-python, for a model without a token that begins each text: each value stands at
        # the token before its own, and there is none for the token that was written.
        raise EchoError(
            "the prompt's tokens alone: the values stand beside other tokens than theirs"
        )
    read = count - echo.written
    first = _first_token(echo, read, context, continuation)
    values = echo.log_probs[first:read]
    missing = [place for place, value in enumerate(values, first) if value is None]
    if missing:
        raise EchoError(f"no log-probability for token {missing[0]} ({echo.tokens[missing[0]]!r})")
    numbers = [value for value in values if value is not None]
    if any(value > ABOVE_ZERO_NATS for value in numbers):
        raise EchoError(f"a log-probability of {max(numbers)}")
    return math.fsum(numbers)


def without_begin(echo: Echo, begin: str) -> Echo:
    """The echo without a token that was put before the prompt, where the server shows it at all.

    >>> without_begin(Echo(["<s>", "Sky"], [None, -1.0], [0, 3], None, 0), "<s>").offsets
    [0]
    """
    if not begin or not echo.tokens or echo.tokens[0] != begin:
        return echo
    starts = None if echo.offsets is None else [start - len(begin) for start in echo.offsets[1:]]
    best = None if echo.best_log_probs is None else echo.best_log_probs[1:]
    return Echo(echo.tokens[1:], echo.log_probs[1:], starts, best, echo.written)


def _first_token(echo: Echo, read: int, context: str, continuation: str) -> int:
    """The continuation's first token."""
    prompt = context + continuation
    ends = list(accumulate(map(len, echo.tokens[:read])))
    # Text before the prompt's own is a token that begins every text.
    before = ends[-1] - len(prompt)
    if before >= 0 and "".join(echo.tokens[:read]).endswith(prompt):
        wanted = before + len(context)
        return next(place for place, end in enumerate(ends) if end > wanted)
    # A character of several tokens has no text of its own in any of them.
    if echo.offsets is None:
        raise EchoError("tokens whose texts are not the prompt's, and no offsets")
    starts = list(echo.offsets[:read])
    if len(echo.offsets) < read or any(later < earlier for earlier, later in pairwise(starts)):
        raise EchoError("offsets that do not rise")
    if not starts or starts[-1] >= len(prompt):
        raise EchoError(
            f"an offset of {starts[-1] if starts else None} in {len(prompt)} characters"
        )
    inside = [place for place, start in enumerate(starts) if start <= len(context)]
    if not inside:
        raise EchoError(f"no token at or before character {len(context)}")
    return inside[-1]


def _check_written(echo: Echo) -> None:
    """What a server writes greedily is the likeliest token there.

    Where it is not, the log-probabilities stand beside other tokens than their own: seen in servers
    for models whose texts do not begin with a token of their own.
    """
    if echo.best_log_probs is None or not echo.written:
        return
    place = len(echo.tokens) - echo.written
    own, best = echo.log_probs[place], echo.best_log_probs[place]
    if own is not None and best is not None and own < best - GREEDY_TOLERANCE_NATS:
        raise EchoError(
            f"a token written greedily has log-probability {own:.3f} where the likeliest one has "
            f"{best:.3f}: the values stand beside other tokens than their own"
        )
