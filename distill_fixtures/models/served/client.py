"""Requests to an OpenAI-compatible server.

The client of the ``openai`` package does the work: it retries with growing pauses what may pass
(429, 5xx, a connection that broke), and respects ``Retry-After``. Nothing in an answer is trusted
to be of the type that the client declares: a proxy may answer with a page of HTML.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.errors import ServerError
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.bounded_answers import bounded_client
from distill_fixtures.models.served.echo import Echo, EchoError
from distill_fixtures.models.served.server_faults import KEY_VARIABLE, ServerFaults

__all__ = ["Chunk", "ServerClient", "Written"]

RETRIES = 4
CONNECT_TIMEOUT_S = 5.0
# The early check may take five seconds in all.
CHECK_TIMEOUT_S = 4.0
# The client insists on one; servers on one's own machine want none.
NO_KEY = "none"
MOST_SHOWN = 300
MOST_NATS = 1 << 53


@dataclass(frozen=True, slots=True)
class Written:
    """Text that a server wrote.

    Attributes:
        text: without the prompt.
        cut_off: it ended at the limit of tokens.
    """

    text: str
    cut_off: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream.

    Attributes:
        has_text: it carries text, or at least a token.
        finish_reason: why the text ended, in its last piece.
        prompt_tokens, new_tokens: as the server counts them, in the piece that says so.
    """

    has_text: bool
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    new_tokens: int | None = None


class ServerClient:
    """Asks one served model.

    Args:
        address: where it is.
        retries: of a request that may pass the next time.
    """

    def __init__(self, address: ServedAddress, *, retries: int = RETRIES) -> None:
        self._address = address
        self._retries = retries
        self._key = os.environ.get(KEY_VARIABLE, "")
        self._faults = ServerFaults(address, self._key, retries)
        self._forces_length = True
        self._opening = threading.Lock()
        self._opened: Any = None

    @property
    def _client(self) -> Any:
        """The client of the package ``openai``; many threads may ask for it."""
        with self._opening:
            if self._opened is None:
                import openai

                self._opened = openai.OpenAI(
                    api_key=self._key or NO_KEY,
                    base_url=self._address.base_url,
                    timeout=openai.Timeout(self._address.timeout_s, connect=CONNECT_TIMEOUT_S),
                    max_retries=self._retries,
                    http_client=bounded_client(self._faults.nonsense),
                )
            return self._opened

    @property
    def retries(self) -> int:
        """How often a request that may pass the next time is sent again."""
        return self._retries

    def close(self) -> None:
        """Close the connections. Asking again opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def check(self) -> None:
        """Ask whether the server is there and knows the model.

        A server that loads whatever it is asked for is only asked whether it is there.

        Raises:
            ServerError: it is not, or does not.
        """
        import openai

        with self._faults.translated():
            try:
                wait_s = min(CHECK_TIMEOUT_S, self._address.timeout_s)
                listed = self._client.with_options(max_retries=0, timeout=wait_s)
                names = [str(model.id) for model in listed.models.list().data]
            except openai.NotFoundError:
                return  # a server without a list of models
            except (AttributeError, TypeError) as error:
                raise self._faults.nonsense("no list of models") from error
        if self._address.listed and self._address.model not in names:
            shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise ServerError(
                f"the server at {self._address.base_url} has no model {self._address.model!r}",
                got=self._faults.without_key(f"models: {shown or 'none'}")[:MOST_SHOWN],
                wanted=f"{self._address.model!r} among them",
                next_step="give one of these names after model=; where the server loads models "
                "that it does not list, add &listed=no",
            )

    def echo(self, prompt: str) -> Echo:
        """A prompt's own log-probabilities.

        Raises:
            ServerError: there is no answer.
            EchoError: it has no log-probabilities of the prompt.
        """
        with self._faults.translated(echo=True):
            answer = self._client.completions.create(
                model=self._address.model,
                prompt=prompt,
                echo=True,
                logprobs=1,
                max_tokens=1,  # 0 means "no limit" to some servers
                temperature=0.0,
            )
            choice = self._one_choice(answer)
        found = getattr(choice, "logprobs", None)
        tokens, values = (getattr(found, name, None) for name in ("tokens", "token_logprobs"))
        if not tokens or values is None:
            raise EchoError("no log-probabilities")
        if not isinstance(tokens, list) or not isinstance(values, list):
            raise EchoError("log-probabilities that are no lists")
        written = _count(answer, "completion_tokens")
        return Echo(
            tokens=[str(each) for each in tokens],
            log_probs=[_number(each) for each in values],
            offsets=_whole_numbers(getattr(found, "text_offset", None)),
            best_log_probs=_best(getattr(found, "top_logprobs", None), len(tokens)),
            written=1 if written is None else written,
        )

    def chat(self, prompt: str, *, max_tokens: int, stops: Sequence[str]) -> Written:
        """The answer to a user's message, greedy."""
        with self._faults.translated():
            answer = self._client.chat.completions.create(
                model=self._address.model,
                messages=[{"role": "user", "content": prompt}],
                max_tokens=max_tokens,
                temperature=0.0,
                **({"stop": list(stops)} if stops else {}),
            )
            choice = self._one_choice(answer)
        message: Any = getattr(choice, "message", None)
        if not hasattr(message, "content"):
            raise self._faults.nonsense("a choice without a message")
        text = message.content
        if text is not None and not isinstance(text, str):
            raise self._faults.nonsense(f"a message of type {type(text).__name__}")
        return Written(
            text=text or "",
            cut_off=getattr(choice, "finish_reason", None) == "length",
        )

    def stream(self, prompt: str, *, new_tokens: int) -> Iterator[Chunk]:
        """Exactly so many tokens after a prompt, greedy, as they come.

        Nothing is asked again here: whoever takes times would take the pauses too.

        The caller counts: a server that does not know how to go on after an end of text stops
        there.
        """
        with self._faults.translated(), self._open_stream(prompt, new_tokens) as pieces:
            for piece in pieces:
                choices = getattr(piece, "choices", None)
                choice = choices[0] if isinstance(choices, list) and choices else None
                ended = getattr(choice, "finish_reason", None)
                yield Chunk(
                    has_text=bool(getattr(choice, "text", None)),
                    finish_reason=None if ended is None else str(ended),
                    prompt_tokens=_count(piece, "prompt_tokens"),
                    new_tokens=_count(piece, "completion_tokens"),
                )

    def count_prompt(self, prompt: str) -> int | None:
        """Tokens of a prompt as the server counts them; None where it does not say."""
        with self._faults.translated():
            answer = self._client.completions.create(
                model=self._address.model, prompt=prompt, max_tokens=1, temperature=0.0
            )
            self._one_choice(answer)
        return _count(answer, "prompt_tokens")

    def _open_stream(self, prompt: str, new_tokens: int) -> Any:
        import openai

        def opened(extra: dict[str, Any]) -> Any:
            return self._client.with_options(max_retries=0).completions.create(
                model=self._address.model,
                prompt=prompt,
                max_tokens=new_tokens,
                temperature=0.0,
                stream=True,
                stream_options={"include_usage": True},
                extra_body=extra,
            )

        if self._forces_length:
            try:
                return opened({"ignore_eos": True, "min_tokens": new_tokens})
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                self._forces_length = False  # a server that refuses what it does not know
        return opened({})

    def _one_choice(self, answer: Any) -> Any:
        choices = getattr(answer, "choices", None)
        if not isinstance(choices, list) or len(choices) != 1:
            shown = answer if isinstance(answer, str) else type(answer).__name__
            raise self._faults.nonsense(f"no answer of the protocol: {shown!r}")
        return choices[0]


def _count(answer: Any, name: str) -> int | None:
    value = getattr(getattr(answer, "usage", None), name, None)
    return value if type(value) is int and value >= 0 else None


def _number(value: Any) -> float | None:
    """None for what is no number, or a whole one too large to be a log-probability."""
    if isinstance(value, float) or (type(value) is int and abs(value) < MOST_NATS):
        return float(value)
    return None


def _whole_numbers(values: Any) -> list[int] | None:
    if not isinstance(values, list) or any(type(each) is not int for each in values):
        return None
    return values


def _best(values: Any, count: int) -> list[float | None] | None:
    """The likeliest token's log-probability at each place."""
    if not isinstance(values, list) or len(values) != count:
        return None
    best = []
    for each in values:
        numbers = [_number(value) for value in each.values()] if isinstance(each, dict) else []
        best.append(max((number for number in numbers if number is not None), default=None))
    return best
