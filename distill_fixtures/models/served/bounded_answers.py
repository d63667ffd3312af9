"""No answer of a server is read without end: how long and how large it may become.

Hooks of the HTTP client, called when the head of an answer is there and before its body is read.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from distill_fixtures.errors import ServerError

__all__ = ["MOST_ANSWER_BYTES", "bounded_client"]

# Echoed log-probabilities take some hundred bytes a token: room for windows of 10^5 tokens.
MOST_ANSWER_BYTES = 1 << 26

Fault = Callable[[str], ServerError]


def bounded_client(fault: Fault) -> Any:
    """A client of the kind that the package ``openai`` makes, but which reads no more than
    ``MOST_ANSWER_BYTES``, unpacks nothing, and goes nowhere else when a server says so.

    Args:
        fault: the error for what is wrong with an answer.
    """
    import openai

    def bound(answer: Any) -> None:
        packing = answer.headers.get("content-encoding", "identity")
        if packing != "identity":
            # A few kilobytes may unpack to gigabytes, and nobody has asked for it.
            raise fault(f"an answer packed with {packing}"[:80])
        answer.stream = _bounded(answer, fault)

    # Where a server sends one elsewhere, questions would go to a host that nobody named.
    return openai.DefaultHttpxClient(
        follow_redirects=False,
        event_hooks={"response": [bound]},
        headers={"accept-encoding": "identity"},
    )


def _bounded(answer: Any, fault: Fault) -> Any:
    """The stream of an answer's bytes, which ends in an error where it goes on and on.

    One that is no stream of events must be whole within the time that was allowed for its begin.
    """
    import openai

    # httpx in older versions of openai, httpx2 in newer ones.
    library = openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0]
    stream_of_bytes: Any = importlib.import_module(library).SyncByteStream
    limit_s = answer.request.extensions.get("timeout", {}).get("read")
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        limit_s = None
    inner = answer.stream

    class Bounded(stream_of_bytes):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            start_s, came = time.monotonic(), 0
            for piece in inner:
                came += len(piece)
                if came > MOST_ANSWER_BYTES:
                    raise fault(f"more than {MOST_ANSWER_BYTES / 1e6:.0f} MB")
                if limit_s is not None and time.monotonic() - start_s > limit_s:
                    raise fault(f"{came} bytes in {limit_s:g} s, and no end")
                yield piece

        def close(self) -> None:
            inner.close()

    return Bounded()
