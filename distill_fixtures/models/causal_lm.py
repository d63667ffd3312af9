"""A causal language model in this process."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.branch_scoring import branched_length, can_branch, score_branches
from distill_fixtures.models.decoding import decode_greedily, fit_prompts, synchronise
from distill_fixtures.models.finite import check_scores, check_steps
from distill_fixtures.models.model_limits import end_tokens_of, window_of
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
from distill_fixtures.models.reading import read_rows
from distill_fixtures.models.row_scoring import score_requests_in_rows
from distill_fixtures.models.tokens import (
    EncodedRequest,
    TokenLimits,
    encode_requests,
    prefix_token,
)
from distill_fixtures.records import GenerationTrace, ModelCard, Undefined

__all__ = ["CausalLM"]

BATCH_TOKENS = 4096
TEXT_BATCH = 8
# A prompt that leaves less than this for its answer is cut.
FEWEST_ANSWER_TOKENS = 16
# How far the two ways of scoring may differ on the first request, nats per scored token.
TOLERANCE_NATS = {"torch.float32": 1e-4, "torch.float64": 1e-6}
HALF_TOLERANCE_NATS = 0.05


class CausalLM(AllAtOnce):
    """Satisfies :class:`~distill_fixtures.models.protocol.Model` with a transformers module.

    Args:
        module: a causal language model in eval mode, perhaps with a PEFT adapter over it.
        tokenizer: its tokenizer.
        card: what its files say of it.
        batch_tokens: tokens of a scoring batch, padding included. Scores do not depend on it.
    """

    def __init__(
        self, module: Any, tokenizer: Any, card: ModelCard, *, batch_tokens: int = BATCH_TOKENS
    ) -> None:
        self._loaded: Any = module
        self._tokenizer = tokenizer
        self._card = card
        self._batch_tokens = batch_tokens
        self._limits = TokenLimits(
            window=window_of(module.config, tokenizer),
            rows=module.get_input_embeddings().weight.shape[0],
        )
        self._end_tokens = end_tokens_of(module, tokenizer)
        self._branching: bool | None = None if can_branch(module) else False

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def tokenizer_digest(self) -> str | Undefined:
        """sha256 over the vocabulary and, for a fast tokenizer, its whole pipeline."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            content = json.dumps(sorted(self._tokenizer.get_vocab().items()))
        else:
            # Padding and truncation are a caller's settings and no part of the vocabulary.
            pipeline = json.loads(backend.to_str())
            content = json.dumps(pipeline | {"padding": None, "truncation": None}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def module(self) -> Any:
        """The transformers module, for what only an in-process model can do."""
        if self._loaded is None:
            raise MeasurementError(
                f"the model {self._card.reference} is closed",
                got="a use after close()",
                wanted="an open model",
                next_step="ask the registry for it again",
            )
        return self._loaded

    @property
    def uses_chat_template(self) -> bool:
        return bool(getattr(self._tokenizer, "chat_template", None))

    @property
    def scoring_method(self) -> str | Undefined:
        if self._branching is None:
            return Undefined("nothing was scored")
        return "packed" if self._branching else "rows"

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        module = self.module
        wanted = [index for index in range(len(requests)) if index not in known]
        encoded = encode_requests(
            self._tokenizer, [requests[index] for index in wanted], self._limits
        )
        for places, sums in self._batches(module, encoded):
            results = {}
            for place, values in zip(places, sums, strict=True):
                check_scores(self._card.reference, encoded[place].key, values)
                results[wanted[place]] = Scored(tuple(values), encoded[place].truncated)
            yield results

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        ids = [self._chat_ids(request.prompt) for request in requests]
        # Prompts of like length together: the longest of a batch sets the room for all answers.
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        for start in range(0, len(ids), TEXT_BATCH):
            some = [index for index in order[start : start + TEXT_BATCH] if index not in known]
            if some:
                texts = self._write(
                    [ids[index] for index in some],
                    [requests[index].key for index in some],
                    settings,
                )
                yield dict(zip(some, texts, strict=True))

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        module = self.module
        synchronise(module.device)
        start = clock.now()
        ids = fit_prompts(
            [self._tokenizer.encode(text) for text in prompts],
            self._limits.window,
            new_tokens,
            advice="give a smaller --distill-new-tokens",
        )
        times, steps = [], []
        for step in islice(decode_greedily(module, ids, suppressed=self._end_tokens), new_tokens):
            synchronise(module.device)
            times.append(clock.now() - start)
            steps.append(step)
        # The clock has been read for the last time.
        check_steps(self._card.reference, steps, [text[:80] for text in prompts])
        return GenerationTrace(len(ids), sum(len(prompt) for prompt in ids), tuple(times))

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        if self._tokenizer.bos_token_id is None and self._tokenizer.eos_token_id is None:
            return Undefined("the tokenizer has no token that begins or ends a text")
        first = prefix_token(self._tokenizer)
        rows = [[first, *self._tokenizer.encode(text, add_special_tokens=False)] for text in texts]
        return read_rows(self.module, [row[-self._limits.window :] for row in rows])

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def close(self) -> None:
        self._loaded = None

    def _batches(
        self, module: Any, encoded: Sequence[EncodedRequest]
    ) -> Iterator[tuple[list[int], Sequence[Sequence[float]]]]:
        """Scores batch by batch, prefixes shared where the model and the length allow it."""
        if self._branching is None and encoded:
            self._branching = self._ways_agree(module, encoded[0])
        fits = [
            self._branching and branched_length(request) <= self._batch_tokens
            for request in encoded
        ]
        shared = [index for index, does in enumerate(fits) if does]
        for batch, sums in score_branches(
            module, [encoded[index] for index in shared], self._batch_tokens
        ):
            yield [shared[place] for place in batch], sums
        alone = [index for index, does in enumerate(fits) if not does]
        for place, values in score_requests_in_rows(
            module, [encoded[index] for index in alone], self._batch_tokens
        ):
            yield [alone[place]], [values]

    def _ways_agree(self, module: Any, request: EncodedRequest) -> bool:
        """Whether branches give what plain rows give: not every architecture takes the mask."""
        ((_, plain),) = score_requests_in_rows(module, [request], self._batch_tokens)
        check_scores(self._card.reference, request.key, plain)
        try:
            ((_, (branched,)),) = score_branches(module, [request], self._batch_tokens)
        except (TypeError, ValueError, AttributeError, RuntimeError, IndexError):
            # How a foreign architecture refuses a mask is its own affair; rows serve it.
            return False
        tolerance = TOLERANCE_NATS.get(str(module.dtype), HALF_TOLERANCE_NATS)
        return all(
            abs(one - other) <= tolerance * count
            for one, other, count in zip(plain, branched, request.scored, strict=True)
        )

    def _chat_ids(self, prompt: str) -> list[int]:
        """A prompt in tokens, put as a user's message where the model has a chat template."""
        if not self.uses_chat_template:
            return list(self._tokenizer.encode(prompt))
        text = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
        )
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _write(
        self,
        prompts: Sequence[Sequence[int]],
        names: Sequence[str],
        settings: GenerateSettings,
    ) -> list[Generated]:
        """Decode a batch until every row has met a stop or the limit."""
        window = self._limits.window
        left = window - max(len(prompt) for prompt in prompts)
        room = min(settings.max_new_tokens, max(left, FEWEST_ANSWER_TOKENS))
        ids = fit_prompts(
            prompts,
            window,
            room,
            advice="give a model with a longer window, or questions with options and "
            "--distill-scoring letter or cloze",
        )
        cut = [len(kept) < len(prompt) for kept, prompt in zip(ids, prompts, strict=True)]
        rows: list[list[int]] = [[] for _ in ids]
        done: dict[int, Generated] = {}
        for step in islice(decode_greedily(self.module, ids), room):
            check_steps(self._card.reference, [step], names, ended=done)
            for row, token in enumerate(step.tokens.tolist()):
                if row in done:
                    continue
                if token in self._end_tokens:
                    done[row] = Generated(self._decode(rows[row]), cut[row])
                    continue
                rows[row].append(token)
                end = self._end_of_text(rows[row], settings)
                if end is not None:
                    done[row] = Generated(end, cut[row])
            if len(done) == len(ids):
                break
        return [
            done.get(row) or Generated(self._decode(rows[row]), truncated=True)
            for row in range(len(ids))
        ]

    def _end_of_text(self, ids: Sequence[int], settings: GenerateSettings) -> str | None:
        """The text up to its end where a stop has been written; else None."""
        if not settings.stops and settings.stop_pattern is None:
            return None
        text = self._decode(ids)
        ends = [text.index(stop) for stop in settings.stops if stop in text]
        if settings.stop_pattern is not None:
            match = re.search(settings.stop_pattern, text)
            ends += [] if match is None else [match.end()]
        return text[: min(ends)] if ends else None

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
