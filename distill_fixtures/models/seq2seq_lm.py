"""An encoder-decoder language model in this process: it reads one text and writes another (T5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from distill_fixtures.models.encoder_decoder import decoder_start_token
from distill_fixtures.models.finite import check_scores
from distill_fixtures.models.learned_prompts import refuse_learned_prompt_of_module
from distill_fixtures.models.model_limits import two_windows_of
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.models.prompt_room import TwoWindows
from distill_fixtures.models.protocol import Scored, ScoreRequest, TextReading
from distill_fixtures.models.seq2seq_scorer import Seq2SeqScorer
from distill_fixtures.models.seq2seq_tokens import encode_questions
from distill_fixtures.models.token_rules import seq2seq_rules
from distill_fixtures.models.writing_model import WritingModel
from distill_fixtures.records import ModelCard, Undefined

__all__ = ["Seq2SeqLM"]


class Seq2SeqLM(WritingModel):
    """Satisfies :class:`~distill_fixtures.models.protocol.Model` with a transformers module.

    The encoder reads a question's prompt; its options are scored, and its answer is written, by the
    decoder.

    Args:
        module: an encoder-decoder in eval mode, perhaps with a PEFT adapter over it.
        tokenizer: its tokenizer.
        card: what its files say of it.
        batch_tokens: tokens of a scoring pass, padding included; None: what suits the device.
            Scores do not depend on it.

    Raises:
        ModelReferenceError: the adapter is a learned prompt.
        MeasurementError: nothing says which token the decoder starts from.
    """

    def __init__(
        self, module: Any, tokenizer: Any, card: ModelCard, *, batch_tokens: int | None = None
    ) -> None:
        refuse_learned_prompt_of_module(module, card.reference)
        decoder_start_token(module)
        self._windows = TwoWindows(*two_windows_of(module.config, tokenizer))
        super().__init__(
            module, tokenizer, card, room=self._windows, rules=seq2seq_rules(module, tokenizer)
        )
        self._scorer: Seq2SeqScorer | None = Seq2SeqScorer(
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
        encoded = encode_questions(self._tokenizer, requests, self._windows, self._rows)
        for places, sums in self._scorer.passes(encoded, known):
            for place, values in zip(places, sums, strict=True):
                check_scores(self._card.reference, encoded[place].key, values)
            yield {
                place: Scored(tuple(values), encoded[place].truncated)
                for place, values in zip(places, sums, strict=True)
            }

    def plan_scores(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        if self._scorer is None:
            raise self._closed()
        return self._scorer.planned(
            encode_questions(self._tokenizer, requests, self._windows, self._rows)
        )

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        return Undefined(
            f"{self._card.reference} is an encoder-decoder: it answers a text and continues none"
        )

    def close(self) -> None:
        super().close()
        self._scorer = None
