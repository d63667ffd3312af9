"""What the suite asks of a model, whichever way it runs.

A model in this process, one behind a server and the tests' fake all satisfy :class:`Model`; no
test and no measurement asks which of them it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from distill_fixtures.records import GenerationTrace, ModelCard, Undefined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "AllAtOnce",
    "Answering",
    "Clock",
    "GenerateRequest",
    "GenerateSettings",
    "Generated",
    "InProcessModel",
    "Model",
    "Progress",
    "ScoreRequest",
    "Scored",
    "TextReading",
]

Progress = Callable[[int], None]
"""Called with the number of requests finished since the last call."""


class Clock(Protocol):
    """Where time comes from. Tests hand in one that moves by known steps."""

    def now(self) -> float:
        """Seconds since a fixed but arbitrary moment; never goes back."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One context with the continuations to be scored after it.

    Attributes:
        key: named in an error message; the question's id.
        context: the text before. May be empty.
        continuations: each is scored on its own, directly after the context.
    """

    key: str
    context: str
    continuations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The answer to a :class:`ScoreRequest`.

    Attributes:
        log_likelihoods: one a continuation, in the request's order: the sum over the
            continuation's tokens of log p(token | everything before), nats.
        truncated: the context was cut on its left to fit the model's window, for at least one
            continuation; of a classifier, its text was cut on its right.
    """

    log_likelihoods: tuple[float, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One prompt to be continued.

    Attributes:
        key: named in an error message; the question's id.
        prompt: the text; put into the model's chat template where it has one.
    """

    key: str
    prompt: str


@dataclass(frozen=True, slots=True)
class GenerateSettings:
    """Where a generated text ends, apart from the end-of-text token.

    Attributes:
        max_new_tokens: at the latest after so many; a model's window may leave less.
        stops: before the first of these texts.
        stop_pattern: after the first match of this regular expression, the match kept. It ends with
            a line feed, so that nothing that follows can change what was matched, and is looked
            for whenever a line has ended.
    """

    max_new_tokens: int
    stops: tuple[str, ...] = ()
    stop_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """Text that a model wrote after a prompt.

    Attributes:
        text: without the prompt, without the stop.
        truncated: it ended at the token limit and not at a stop or the end of text, or its prompt
            was cut on the left.
    """

    text: str
    truncated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TextReading:
    """What a model expects at every place of a text.

    Attributes:
        token_ids: the text's tokens, ``[tokens]``.
        log_probs: log p(any token | the tokens before), nats, float32 ``[tokens, vocabulary]``.
    """

    token_ids: NDArray[np.int64]
    log_probs: NDArray[np.float32]


@runtime_checkable
class Answering(Protocol):
    """What answers questions pass by pass: a model, or a pool of replicas of one.

    A classifier takes a text for a context and the names of its labels for continuations, whose
    log-likelihoods are the logarithms of its probabilities; it writes nothing.
    """

    @property
    def card(self) -> ModelCard:
        """What is known of the model without timing it."""
        ...

    @property
    def uses_chat_template(self) -> bool:
        """Whether prompts of ``generate_in_passes`` are put into a chat template."""
        ...

    @property
    def scoring_method(self) -> str | Undefined:
        """How ``score_in_passes`` shares work among a question's options; undefined before it."""
        ...

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        """Score requests pass by pass.

        Passes are planned from all requests, the known ones too, so a run that goes on after an
        interruption computes the very passes that it would have computed.

        Args:
            known: places of the requests whose scores are there already, and which no pass
                computes again.

        Yields:
            What each pass came to, by place in ``requests``. The figures do not depend on how
            requests are batched (within 1e-4 nats in float32).

        Raises:
            NotFiniteScoreError: a score is NaN or infinite; names the request's key.
            MeasurementError: a continuation has no token, or does not fit the model's window.
        """
        ...

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        """Continue every prompt greedily, batch by batch, through the chat template where there
        is one.

        A prompt that leaves hardly any room for an answer is cut on its left.

        Args:
            known: as in ``score_in_passes``.

        Yields:
            What each batch came to, by place in ``requests``.

        Raises:
            NotFiniteScoreError: the model computed NaN or infinity; names the request's key.
            MeasurementError: the window has no room for an answer, or a prompt is empty; a
                classifier is asked.
        """
        ...


@runtime_checkable
class Model(Answering, Protocol):
    """A model that can be measured: one that writes, or a classifier of texts."""

    @property
    def tokenizer_digest(self) -> str | Undefined:
        """Equal for two models whose token ids mean the same. Undefined if it cannot be known."""
        ...

    def score_many(self, requests: Sequence[ScoreRequest]) -> tuple[Scored, ...]:
        """``score_in_passes``, all at once, in the order of the requests."""
        ...

    def generate_text(
        self, prompts: Sequence[str], *, max_new_tokens: int, stops: Sequence[str] = ()
    ) -> tuple[Generated, ...]:
        """``generate_in_passes``, all at once, in the order of the prompts."""
        ...

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        """Generate exactly ``new_tokens`` tokens for all prompts as one batch, under the clock.

        Greedy, end-of-text suppressed, no chat template. The clock starts before the prompts are
        tokenised. A token's time is when the device has it, not when it was asked for. A classifier
        looks at the texts once, and has one time: when its labels' scores were there.

        Raises:
            NotFiniteScoreError: the model computed NaN or infinity.
            MeasurementError: the window has no room for the tokens, or a prompt is empty.
        """
        ...

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        """Read texts, each after the token that begins (or else ends) a text.

        Undefined where the model cannot say its whole distribution, as one behind a server, or
        continues no text, as an encoder-decoder.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, special tokens not counted."""
        ...

    def close(self) -> None:
        """Free the weights. Using the model afterwards is an error; closing twice is not."""
        ...


class InProcessModel(Model, Protocol):
    """A model whose module lies in this process."""

    @property
    def module(self) -> Any:
        """The transformers module, for what only such a model can do."""
        ...

    def plan_scores(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        """Places of the requests by the pass that would score them, in the passes' order.

        Scored by themselves in the order given here, the requests of a pass make that very pass.
        """
        ...

    def plan_texts(
        self, requests: Sequence[GenerateRequest], settings: GenerateSettings
    ) -> list[list[int]]:
        """Places of the prompts by the batch that would continue them; as ``plan_scores``.

        Raises:
            MeasurementError: as ``generate_in_passes``.
        """
        ...


class AllAtOnce:
    """``score_many`` and ``generate_text`` for a model that works pass by pass."""

    def score_many(self: Model, requests: Sequence[ScoreRequest]) -> tuple[Scored, ...]:
        found: dict[int, Scored] = {}
        for results in self.score_in_passes(requests):
            found.update(results)
        return tuple(found[place] for place in range(len(requests)))

    def generate_text(
        self: Model, prompts: Sequence[str], *, max_new_tokens: int, stops: Sequence[str] = ()
    ) -> tuple[Generated, ...]:
        requests = [GenerateRequest(prompt[:80], prompt) for prompt in prompts]
        settings = GenerateSettings(max_new_tokens, tuple(stops))
        found: dict[int, Generated] = {}
        for results in self.generate_in_passes(requests, settings):
            found.update(results)
        return tuple(found[place] for place in range(len(prompts)))
