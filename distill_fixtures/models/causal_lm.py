"""A causal language model in this process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.decoding import decode_greedily, fit_prompts
from distill_fixtures.models.finite import check_scores, check_steps
from distill_fixtures.models.likelihood_scorer import LikelihoodScorer
from distill_fixtures.models.loaded_model import LoadedModel, scoring_batch_tokens
from distill_fixtures.models.model_limits import end_tokens_of, window_of
from distill_fixtures.models.peft_modules import virtual_tokens_of
from distill_fixtures.models.protocol import (
    Clock,
    Generated,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
    TextReading,
)
from distill_fixtures.models.reading import read_rows
from distill_fixtures.models.text_writer import TextWriter
from distill_fixtures.models.token_times import token_times
from distill_fixtures.models.tokens import TokenLimits, encode_requests, prefix_token
from distill_fixtures.records import GenerationTrace, ModelCard, Undefined

__all__ = ["CausalLM"]


class CausalLM(LoadedModel):
    """Satisfies :class:`~distill_fixtures.models.protocol.Model` with a transformers module.

    Args:
        module: a causal language model in eval mode, perhaps with a PEFT adapter over it.
        tokenizer: its tokenizer.
        card: what its files say of it.
        batch_tokens: tokens of a scoring pass, padding included; None: what suits the device.
            Scores do not depend on it.
    """

    def __init__(
        self, module: Any, tokenizer: Any, card: ModelCard, *, batch_tokens: int | None = None
    ) -> None:
        super().__init__(module, tokenizer, card)
        self._limits = TokenLimits(
            window=window_of(module.config, tokenizer) - virtual_tokens_of(module),
            rows=module.get_input_embeddings().weight.shape[0],
        )
        self._end_tokens = end_tokens_of(module, tokenizer)
        if batch_tokens is None:
            batch_tokens = scoring_batch_tokens(module)
        self._scorer: LikelihoodScorer | None = LikelihoodScorer(
            module, card.reference, batch_tokens
        )

    @property
    def uses_chat_template(self) -> bool:
        return bool(getattr(self._tokenizer, "chat_template", None))

    @property
    def scoring_method(self) -> str | Undefined:
        return Undefined("the model is closed") if self._scorer is None else self._scorer.method

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        if self._scorer is None:
            raise self._closed()
        encoded = encode_requests(self._tokenizer, requests, self._limits)
        for indices, sums in self._scorer.passes(encoded, known):
            for index, values in zip(indices, sums, strict=True):
                check_scores(self._card.reference, encoded[index].key, values)
            yield {
                index: Scored(tuple(values), encoded[index].truncated)
                for index, values in zip(indices, sums, strict=True)
            }

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        if len(known) == len(requests):
            return
        yield from self._writer().passes(
            [self._chat_ids(request.prompt) for request in requests],
            [request.key for request in requests],
            settings,
            known,
        )

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        module = self.module
        times = token_times(module.device, clock)
        steps = []
        ids = fit_prompts(
            [self._tokenizer.encode(text) for text in prompts],
            self._limits.window,
            new_tokens,
            advice="give a smaller --distill-new-tokens",
        )
        for step in islice(decode_greedily(module, ids, suppressed=self._end_tokens), new_tokens):
            times.stamp()
            steps.append(step)
        stamps_s = times.seconds()
        # The clock has been read for the last time.
        check_steps(self._card.reference, steps, [text[:80] for text in prompts])
        return GenerationTrace(len(ids), sum(len(prompt) for prompt in ids), stamps_s)

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        if self._tokenizer.bos_token_id is None and self._tokenizer.eos_token_id is None:
            return Undefined("the tokenizer has no token that begins or ends a text")
        first = prefix_token(self._tokenizer)
        rows = [[first, *self._tokenizer.encode(text, add_special_tokens=False)] for text in texts]
        return read_rows(self.module, [row[-self._limits.window :] for row in rows])

    def close(self) -> None:
        super().close()
        self._scorer = None

    def _chat_ids(self, prompt: str) -> list[int]:
        """A prompt in tokens, put as a user's message where the model has a chat template."""
        if not self.uses_chat_template:
            return list(self._tokenizer.encode(prompt))
        text = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
        )
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _writer(self) -> TextWriter:
        if not self._end_tokens:
            raise MeasurementError(
                f"the model {self._card.reference} has no token that ends a text",
                got="no eos_token_id in its configuration, generation settings or tokenizer",
                wanted="one, so that a written answer can end by itself",
                next_step="save it with one, or use --distill-scoring cloze or letter, which "
                "compare likelihoods and write nothing",
            )
        return TextWriter(
            self.module,
            self._tokenizer,
            self._card.reference,
            window=self._limits.window,
            end_tokens=self._end_tokens,
        )
