"""A fake clock and a fake model: exact times, no sleep, no weights."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
from distill_fixtures.records import GenerationTrace, ModelCard, Undefined


class FakeClock:
    """Stands still until someone moves it."""

    def __init__(self, start_s: float = 100.0) -> None:
        self._now_s = start_s

    def now(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        self._now_s += seconds


class TickingClock(FakeClock):
    """Moves by 1 s, 2 s, 3 s and so on at each look."""

    looks = 0

    def now(self) -> float:
        self.looks += 1
        self.advance(self.looks)
        return super().now()


def make_card(reference: str = "fake") -> ModelCard:
    return ModelCard(
        reference=reference,
        digest=f"digest of {reference}",
        architecture="Fake",
        disk_bytes=1000,
        weights_bytes=800,
        adapter_bytes=Undefined("the model is no adapter"),
        parameters_total=400,
        parameters_trainable=400,
        parameters_non_embedding=300,
        dtype="float16",
    )


@dataclass
class FakeModel(AllAtOnce):
    """Answers from functions, and moves a fake clock by known steps.

    Attributes:
        likelihood: log-likelihood of a continuation after a context.
        writes: text for a prompt, in ``generate_text``.
        clock: moved while "generating".
        first_token_s: time to first token.
        later_token_s: time of each later token.
        readings: answer to ``read_texts``, whatever the texts.
        calls: what was asked for, in order.
        pass_size: requests scored or answered together.
    """

    card: ModelCard = field(default_factory=make_card)
    likelihood: Callable[[str, str], float] = lambda context, continuation: (
        -float(len(continuation))
    )
    writes: Callable[[str], str] = lambda prompt: "(A)"
    clock: FakeClock = field(default_factory=FakeClock)
    first_token_s: float = 0.25
    later_token_s: float = 0.125
    tokenizer_digest: str | Undefined = "fake tokenizer"
    readings: Sequence[TextReading] | Undefined = field(
        default_factory=lambda: Undefined("a fake reads no texts")
    )
    calls: list[str] = field(default_factory=list)
    closed: bool = False
    pass_size: int = 100
    uses_chat_template: bool = False
    scoring_method: str | Undefined = "fake"

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        for places in self._passes(len(requests), known):
            self.calls.append(f"score {len(places)}")
            yield {
                place: Scored(
                    tuple(
                        self.likelihood(requests[place].context, text)
                        for text in requests[place].continuations
                    )
                )
                for place in places
            }

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        for places in self._passes(len(requests), known):
            self.calls.append(f"write {len(places)}")
            yield {place: Generated(self.writes(requests[place].prompt)) for place in places}

    def _passes(self, count: int, known: Collection[int]) -> Iterator[list[int]]:
        for start in range(0, count, self.pass_size):
            end = min(start + self.pass_size, count)
            places = [place for place in range(start, end) if place not in known]
            if places:
                yield places

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        self.calls.append(f"time {len(prompts)} x {new_tokens}")
        start = clock.now()
        times = []
        for step in range(new_tokens):
            self.clock.advance(self.first_token_s if step == 0 else self.later_token_s)
            times.append(clock.now() - start)
        return GenerationTrace(
            len(prompts), sum(self.count_tokens(prompt) for prompt in prompts), tuple(times)
        )

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        return self.readings

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        self.closed = True
