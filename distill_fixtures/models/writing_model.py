"""A model in this process that writes: texts after prompts, and tokens under the clock."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.decoding import decode_greedily
from distill_fixtures.models.finite import check_steps
from distill_fixtures.models.loaded_model import LoadedModel
from distill_fixtures.models.prompt_room import PromptRoom
from distill_fixtures.models.protocol import Clock, Generated, GenerateRequest, GenerateSettings
from distill_fixtures.models.text_writer import TextWriter
from distill_fixtures.models.token_rules import TokenRules
from distill_fixtures.models.token_times import token_times
from distill_fixtures.models.tokens import check_token_ids
from distill_fixtures.records import GenerationTrace, ModelCard

__all__ = ["WritingModel"]


class WritingModel(LoadedModel):
    """What causal models and encoder-decoders have in common beyond :class:`LoadedModel`.

    Args:
        module: in eval mode, perhaps with a PEFT adapter over it.
        tokenizer: its tokenizer.
        card: what its files say of it.
        room: where prompts and new tokens have to fit.
        rules: tokens that are forced or ruled out in texts. While timing, those that end a text or
            are never written are ruled out, and none is forced.
    """

    def __init__(
        self, module: Any, tokenizer: Any, card: ModelCard, *, room: PromptRoom, rules: TokenRules
    ) -> None:
        super().__init__(module, tokenizer, card)
        self._room = room
        self._rules = rules
        self._rows = int(module.get_input_embeddings().weight.shape[0])

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
            [self._chat_ids(request) for request in requests],
            [request.key for request in requests],
            settings,
            known,
        )

    def plan_texts(
        self, requests: Sequence[GenerateRequest], settings: GenerateSettings
    ) -> list[list[int]]:
        ids = [self._chat_ids(request) for request in requests]
        return self._writer().planned(ids, settings.max_new_tokens)

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        module = self.module
        times = token_times(module.device, clock)
        steps = []
        ids = self._room.fitted(
            [self._known(text[:80], self._tokenizer.encode(text)) for text in prompts],
            new_tokens,
            advice="give a smaller --distill-new-tokens",
        )
        ruled_out = (*self._rules.end, *self._rules.never)
        for step in islice(decode_greedily(module, ids, suppressed=ruled_out), new_tokens):
            times.stamp()
            steps.append(step)
        stamps_s = times.seconds()
        # The clock has been read for the last time.
        check_steps(self._card.reference, steps, [text[:80] for text in prompts])
        return GenerationTrace(len(ids), sum(len(prompt) for prompt in ids), stamps_s)

    def _chat_ids(self, request: GenerateRequest) -> list[int]:
        """A prompt in tokens, put as a user's message where the model has a chat template."""
        if not self.uses_chat_template:
            return self._known(request.key, self._tokenizer.encode(request.prompt))
        try:
            text = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": request.prompt}],
                add_generation_prompt=True,
                tokenize=False,
            )
        except Exception as error:  # a template from elsewhere fails in whatever way it likes
            raise MeasurementError(
                f"the chat template of {self._card.reference} fails on question {request.key!r}",
                got=f"{type(error).__name__}: {error}"[:300],
                wanted="a template that takes one message of a user",
                next_step="correct chat_template.jinja or tokenizer_config.json, or use "
                "--distill-scoring cloze or letter, which need no template",
            ) from error
        return self._known(request.key, self._tokenizer.encode(text, add_special_tokens=False))

    def _known(self, key: str, ids: Sequence[int]) -> list[int]:
        """Token ids, all of which the embedding has a row for."""
        if ids:
            check_token_ids(key, ids, self._rows)
        return list(ids)

    def _writer(self) -> TextWriter:
        if not self._rules.end:
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
            room=self._room,
            rules=self._rules,
        )
