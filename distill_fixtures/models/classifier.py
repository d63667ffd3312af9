"""A classifier of texts in this process: it gives a text one of its labels and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Never

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.finite import check_scores
from distill_fixtures.models.label_scorer import LabelScorer, Padding, TextRow
from distill_fixtures.models.labels import ids_of_labels, labels_of_config
from distill_fixtures.models.loaded_model import LoadedModel
from distill_fixtures.models.model_limits import text_window_of
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.models.peft_modules import plain_module, virtual_tokens_of
from distill_fixtures.models.protocol import (
    Clock,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
    TextReading,
)
from distill_fixtures.models.token_times import token_times
from distill_fixtures.records import GenerationTrace, ModelCard, Undefined

__all__ = ["Classifier"]


class Classifier(LoadedModel):
    """Satisfies :class:`~distill_fixtures.models.protocol.Model` with a transformers module.

    A request's context is the text, its continuations are the names of labels.

    Args:
        module: a model for sequence classification in eval mode, perhaps with a PEFT adapter.
        tokenizer: its tokenizer.
        card: what its files say of it.
        batch_tokens: tokens of a scoring pass, padding included; None: what suits the device.
            Scores do not depend on it.
    """

    def __init__(
        self, module: Any, tokenizer: Any, card: ModelCard, *, batch_tokens: int | None = None
    ) -> None:
        super().__init__(module, tokenizer, card)
        config = plain_module(module).config
        self._labels = labels_of_config(
            {"id2label": config.id2label, "problem_type": config.problem_type}, card.reference
        )
        self._window = text_window_of(config, tokenizer) - virtual_tokens_of(module)
        self._rows = module.get_input_embeddings().weight.shape[0]
        self._scorer: LabelScorer | None = LabelScorer(
            module,
            card.reference,
            _padding(config, tokenizer),
            batch_tokens or usual_budget(module.device.type),
        )
        self._tried: set[tuple[str, ...]] = set()

    @property
    def labels(self) -> tuple[str, ...]:
        """By their ids."""
        return self._labels

    @property
    def uses_chat_template(self) -> bool:
        return False  # whatever its tokenizer has: it is shown the text itself

    @property
    def scoring_method(self) -> str | Undefined:
        return Undefined("the model is closed") if self._scorer is None else self._scorer.method

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        if self._scorer is None:
            raise self._closed()
        places = [self._places_of(request) for request in requests]
        rows = self._encoded(requests)
        for indices, found in self._scorer.passes(rows, known):
            for index, values in zip(indices, found, strict=True):
                check_scores(self._card.reference, rows[index].key, values)
            yield {
                index: Scored(
                    tuple(values[place] for place in places[index]), rows[index].truncated
                )
                for index, values in zip(indices, found, strict=True)
            }

    def plan_scores(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        if self._scorer is None:
            raise self._closed()
        return self._scorer.planned(self._encoded(requests))

    def plan_texts(self, requests: Sequence[GenerateRequest], settings: GenerateSettings) -> Never:
        raise self._writes_nothing()

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Never:
        raise self._writes_nothing()

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        """One look at the texts under the clock, tokenising included; ``new_tokens`` says nothing.

        Texts that must not stand in one batch are looked at one after another.
        """
        if self._scorer is None:
            raise self._closed()
        scorer, keys = self._scorer, [text[:80] for text in prompts]
        if tuple(prompts) not in self._tried:
            # Told before the clock starts, and for good.
            scorer.prove(self._cut(keys, prompts))
            self._tried.add(tuple(prompts))
        times = token_times(self.module.device, clock)
        rows = self._cut(keys, prompts)
        logits = scorer.logits(rows)
        times.stamp()
        stamps_s = times.seconds()
        # The clock has been read for the last time.
        for row, values in zip(rows, logits.tolist(), strict=True):
            check_scores(self._card.reference, row.key, values)
        return GenerationTrace(
            len(rows), sum(len(row.ids) for row in rows), stamps_s, writes_tokens=False
        )

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        return Undefined("a classifier gives no probability of a next token")

    def close(self) -> None:
        super().close()
        self._scorer = None

    def _writes_nothing(self) -> MeasurementError:
        return MeasurementError(
            f"the classifier {self._card.reference} writes no text",
            got="a request for written answers",
            wanted="a text to be given a label",
            next_step="use --distill-scoring classify, or auto",
        )

    def _places_of(self, request: ScoreRequest) -> tuple[int, ...]:
        """The label ids of a request's continuations."""
        places = ids_of_labels(self._labels, request.continuations)
        if places is None:
            raise MeasurementError(
                f"the classifier {self._card.reference} has other labels than question "
                f"{request.key!r} offers",
                got=", ".join(request.continuations)[:300],
                wanted=", ".join(self._labels)[:300],
                next_step="give questions whose labels are the model's own",
            )
        return places

    def _encoded(self, requests: Sequence[ScoreRequest]) -> list[TextRow]:
        """All texts in tokens; those that are too long are cut, and marked."""
        keys = [request.key for request in requests]
        texts = [request.context for request in requests]
        if not texts:
            return []
        rows = self._rows_of(keys, self._tokenizer(texts, verbose=False))
        too_long = [place for place, row in enumerate(rows) if len(row.ids) > self._window]
        if too_long:
            cut = self._cut(
                [keys[place] for place in too_long], [texts[place] for place in too_long]
            )
            for place, row in zip(too_long, cut, strict=True):
                rows[place] = replace(row, truncated=True)
        return rows

    def _cut(self, keys: Sequence[str], texts: Sequence[str]) -> list[TextRow]:
        """Texts in tokens, cut to the window as the tokenizer cuts: on the right by default."""
        encoded = self._tokenizer(list(texts), truncation=True, max_length=self._window)
        return self._rows_of(keys, encoded)

    def _rows_of(self, keys: Sequence[str], encoded: Mapping[str, Any]) -> list[TextRow]:
        types = encoded.get("token_type_ids") or [None] * len(keys)
        rows = [
            TextRow(key, tuple(ids), None if of_row is None else tuple(of_row))
            for key, ids, of_row in zip(keys, encoded["input_ids"], types, strict=True)
        ]
        for row in rows:
            self._check(row)
        return rows

    def _check(self, row: TextRow) -> None:
        if not row.ids:
            raise MeasurementError(
                f"the text of question {row.key!r} cannot be classified",
                got="a text without a token",
                wanted="at least one token",
                next_step="correct the text, or leave it out",
            )
        if max(row.ids) >= self._rows:
            raise MeasurementError(
                f"the tokenizer does not fit the model (question {row.key!r})",
                got=f"token id {max(row.ids)}",
                wanted=f"ids below {self._rows}, the rows of the model's embedding",
                next_step="put the model's own tokenizer beside its weights",
            )


def _padding(config: Any, tokenizer: Any) -> Padding:
    """The model's own padding token where it names one: it may find its last token by it."""
    token = config.get_text_config().pad_token_id
    if token is None:
        token = tokenizer.pad_token_id
    return Padding(token, int(getattr(tokenizer, "pad_token_type_id", 0) or 0))
