"""A causal language model in this process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from distill_fixtures.models.finite import check_scores
from distill_fixtures.models.likelihood_scorer import LikelihoodScorer
from distill_fixtures.models.model_limits import (
    end_tokens_of,
    length_that_changes_positions,
    window_of,
)
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.models.peft_modules import virtual_tokens_of
from distill_fixtures.models.prompt_room import OneWindow
from distill_fixtures.models.protocol import Scored, ScoreRequest, TextReading
from distill_fixtures.models.reading import read_rows
from distill_fixtures.models.token_rules import TokenRules
from distill_fixtures.models.tokens import TokenLimits, encode_requests, prefix_token
from distill_fixtures.models.writing_model import WritingModel
from distill_fixtures.records import ModelCard, Undefined

__all__ = ["CausalLM"]


class CausalLM(WritingModel):
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
        window = window_of(module.config, tokenizer) - virtual_tokens_of(module)
        super().__init__(
            module,
            tokenizer,
            card,
            room=OneWindow(window, length_that_changes_positions(module.config)),
            rules=TokenRules(end=end_tokens_of(module, tokenizer)),
        )
        self._limits = TokenLimits(window, rows=self._rows)
        self._scorer: LikelihoodScorer | None = LikelihoodScorer(
            module, card.reference, batch_tokens or usual_budget(module.device.type)
        )

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

    def plan_scores(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        if self._scorer is None:
            raise self._closed()
        return self._scorer.planned(encode_requests(self._tokenizer, requests, self._limits))

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        if self._tokenizer.bos_token_id is None and self._tokenizer.eos_token_id is None:
            return Undefined("the tokenizer has no token that begins or ends a text")
        first = prefix_token(self._tokenizer)
        rows = [
            self._known(text[:80], [first, *self._tokenizer.encode(text, add_special_tokens=False)])
            for text in texts
        ]
        return read_rows(self.module, [row[-self._limits.window :] for row in rows])

    def close(self) -> None:
        super().close()
        self._scorer = None
