"""A model behind a server, asked as any other is."""

from __future__ import annotations

import random
import re
import string
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from distill_fixtures.errors import MissingFigureError, ServerError
from distill_fixtures.models.finite import check_scores
from distill_fixtures.models.protocol import (
    AllAtOnce,
    Clock,
    Generated,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
    TextReading,
)
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.client import ServerClient, Written
from distill_fixtures.models.served.echo import (
    EchoError,
    continuation_log_likelihood,
    without_begin,
)
from distill_fixtures.models.served.server_faults import PassingFaultError
from distill_fixtures.models.served.timed_stream import TimedStream, read_stream
from distill_fixtures.records import GenerationTrace, ModelCard, Undefined

__all__ = ["ServedModel"]

T = TypeVar("T")
R = TypeVar("R")

# The protocol takes four.
MOST_STOPS = 4
# Whatever a tokenizer is, the end of a line joins with no word after it.
PROBE = "The sky is blue.\n"
NOT_KNOWN = Undefined("a server does not say its tokenizer")
TAG_LETTERS = 4
# Before a batch is timed once more; twice as long each time.
FIRST_PAUSE_S = 0.5


class ServedModel(AllAtOnce):
    """Satisfies :class:`~distill_fixtures.models.protocol.Model` by an OpenAI-compatible server.

    Args:
        address: where it is.
        card: what is known of it.
        client: how it is asked; None: over the network.
    """

    def __init__(
        self, address: ServedAddress, card: ModelCard, *, client: ServerClient | None = None
    ) -> None:
        self._address = address
        self._card = card
        self._client = client or ServerClient(address)
        self._counts: dict[str, int] = {}
        self._first_tokens: int | None = None

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def tokenizer_digest(self) -> str | Undefined:
        return NOT_KNOWN

    @property
    def uses_chat_template(self) -> bool:
        return True

    @property
    def scoring_method(self) -> str | Undefined:
        return "echoed log-probabilities"

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        """One question's options are a pass; several questions are asked at a time."""
        return self._concurrently(requests, known, self._scored)

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        return self._concurrently(
            requests, known, lambda request: self._generated(request.prompt, settings)
        )

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        """A batch is so many requests at the same time; a decoding step ends with the last one's.

        A few letters by chance stand before each prompt, and are counted with it.

        Where the server fails in a way that may pass, all is timed anew after a pause: no time
        holds a failed try or a pause.

        Raises:
            MissingFigureError: the server ends a text early, or does not stream token by token.
            ServerError: it broke off its answer.
        """
        for tried in range(self._client.retries):
            try:
                return self._timed_batch(prompts, new_tokens, clock)
            except PassingFaultError:
                time.sleep(FIRST_PAUSE_S * 2**tried)
        return self._timed_batch(prompts, new_tokens, clock)

    def _timed_batch(
        self, prompts: Sequence[str], new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        prompts = [f"{self._address.begin}{_tag()} {prompt}" for prompt in prompts]
        start = clock.now()
        if len(prompts) == 1:
            streams = [self._timed(prompts[0], new_tokens, clock)]
        else:
            barrier = threading.Barrier(len(prompts))

            def together(prompt: str) -> TimedStream:
                barrier.wait()
                return self._timed(prompt, new_tokens, clock)

            with ThreadPoolExecutor(len(prompts)) as pool:
                streams = list(pool.map(together, prompts))
        steps = (max(times) for times in zip(*(each.times_s for each in streams), strict=True))
        return GenerationTrace(
            batch_size=len(prompts),
            prompt_tokens=sum(
                self._counted(prompt) if stream.prompt_tokens is None else stream.prompt_tokens
                for prompt, stream in zip(prompts, streams, strict=True)
            ),
            token_times_s=tuple(step - start for step in steps),
        )

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        return Undefined("a server does not say its whole distribution over next tokens")

    def count_tokens(self, text: str) -> int:
        """As the server counts, a token that begins every text left out.

        Raises:
            MissingFigureError: it does not count.
        """
        if self._first_tokens is None:
            once, twice = (self._counted(PROBE * times) for times in (1, 2))
            self._first_tokens = 2 * once - twice
        return self._counted(text) - self._first_tokens

    def _counted(self, prompt: str) -> int:
        """Tokens of a prompt, those that begin every text included."""
        if prompt not in self._counts:
            found = self._client.count_prompt(prompt)
            if found is None:
                raise MissingFigureError(
                    f"the server of {self._address.place} does not count tokens",
                    got="an answer without usage.prompt_tokens",
                    wanted="usage.prompt_tokens",
                    next_step="see whether the server can be set to tell its usage",
                )
            self._counts[prompt] = found
        return self._counts[prompt]

    def close(self) -> None:
        self._client.close()

    def _scored(self, request: ScoreRequest) -> Scored:
        begin, values = self._address.begin, []
        for continuation in request.continuations:
            try:
                echo = without_begin(
                    self._client.echo(begin + request.context + continuation), begin
                )
                values.append(continuation_log_likelihood(echo, request.context, continuation))
            except EchoError as fault:
                raise ServerError(
                    f"the log-probabilities of {self._address.place} cannot be used",
                    got=f"{fault}, for {request.key}"[:300],
                    wanted="those of the prompt's own tokens (/v1/completions with echo, logprobs)",
                    next_step="where the model has a token that begins each text, give its text as "
                    "&begin=TEXT in the reference; or use --distill-scoring generate, which needs "
                    "text alone",
                ) from fault
        check_scores(self._card.reference, request.key, values)
        return Scored(tuple(values))

    def _generated(self, prompt: str, settings: GenerateSettings) -> Generated:
        stops = settings.stops[:MOST_STOPS]
        written = self._client.chat(prompt, max_tokens=settings.max_new_tokens, stops=stops)
        return _ended(written, settings)

    def _timed(self, prompt: str, new_tokens: int, clock: Clock) -> TimedStream:
        pieces = self._client.stream(prompt, new_tokens=new_tokens)
        return read_stream(pieces, new_tokens, clock, self._address.place)

    def _concurrently(
        self, requests: Sequence[T], known: Collection[int], work: Callable[[T], R]
    ) -> Iterator[Mapping[int, R]]:
        """Results by place, in the order of the requests; no more under way than may be.

        A failure, or a caller who stops, ends what is not begun yet.
        """
        waiting = iter([place for place in range(len(requests)) if place not in known])
        with ThreadPoolExecutor(self._address.requests) as pool:
            begun: deque[tuple[int, Future[R]]] = deque()

            def begin(count: int) -> None:
                some = islice(waiting, count)
                begun.extend((place, pool.submit(work, requests[place])) for place in some)

            try:
                begin(2 * self._address.requests)
                while begun:
                    place, future = begun.popleft()
                    result = future.result()
                    begin(1)
                    yield {place: result}
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _tag() -> str:
    """Letters by chance, before a prompt that is timed: rounds repeat their prompts, and a server
    that keeps the keys and values of earlier ones would not compute them again. Chance, and not
    ``--distill-seed``, because a server outlives a run.
    """
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=TAG_LETTERS))


def _ended(written: Written, settings: GenerateSettings) -> Generated:
    """A text ended where the settings say, whether the server did so or not."""
    text = written.text
    places = [place for stop in settings.stops if (place := text.find(stop)) >= 0]
    if places:
        return Generated(text[: min(places)])
    if settings.stop_pattern is not None:
        # The pattern ends with a line feed, which a finished text need not have.
        found = re.search(settings.stop_pattern, text if written.cut_off else text + "\n")
        if found is not None:
            return Generated(text[: found.end()])
    return Generated(text, truncated=written.cut_off)
