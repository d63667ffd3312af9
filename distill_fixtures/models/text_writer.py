"""Writing texts after prompts, batch by batch, each batch until its last text has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from distill_fixtures.models.decoding import decode_greedily
from distill_fixtures.models.finite import check_steps
from distill_fixtures.models.out_of_memory import (
    LackOfMemory,
    too_large,
    unless_memory_runs_out,
)
from distill_fixtures.models.packed_weights import depends_on_company
from distill_fixtures.models.prompt_room import PromptRoom
from distill_fixtures.models.protocol import Generated, GenerateSettings
from distill_fixtures.models.text_batches import batches_by_length, plan_batches
from distill_fixtures.models.text_stops import StopFinder
from distill_fixtures.models.token_rules import TokenRules

__all__ = ["TextWriter"]

TEXT_BATCH = 8


class TextWriter:
    """Continues prompts greedily.

    Args:
        module: a causal model or an encoder-decoder in eval mode.
        tokenizer: its tokenizer.
        reference: the model's, for messages.
        room: where prompts and answers have to fit.
        rules: tokens that end a text, are forced or are ruled out.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        reference: str,
        *,
        room: PromptRoom,
        rules: TokenRules,
    ) -> None:
        self._module = module
        self._tokenizer = tokenizer
        self._reference = reference
        self._room = room
        self._rules = rules

    def passes(
        self,
        ids: Sequence[Sequence[int]],
        keys: Sequence[str],
        settings: GenerateSettings,
        known: Collection[int],
    ) -> Iterator[Mapping[int, Generated]]:
        """Texts batch by batch, by the prompt's place; batches are planned from all prompts.

        Args:
            ids: the prompts in tokens.
            keys: one a prompt, for messages.
            known: places of prompts that are left out.

        Raises:
            NotFiniteScoreError: the model computed NaN or infinity; names the prompt's key.
            MeasurementError: the window or the memory has no room for a prompt and its answer.
        """
        stops = StopFinder(self._tokenizer, settings)
        planned = deque(self.planned(ids, settings.max_new_tokens))
        while planned:
            some = [index for index in planned.popleft() if index not in known]
            if not some:
                continue
            prompts, names = [ids[index] for index in some], [keys[index] for index in some]
            texts = unless_memory_runs_out(
                partial(self._write, prompts, names, settings.max_new_tokens, stops),
                self._module.device,
            )
            if not isinstance(texts, LackOfMemory):
                yield dict(zip(some, texts, strict=True))
            elif len(some) == 1:
                prompt = f"a prompt of {len(prompts[0])} tokens"
                raise too_large(names[0], self._reference, f"{prompt}: {texts.message}")
            else:
                middle = len(some) // 2
                planned.extendleft([some[middle:], some[:middle]])

    def planned(self, ids: Sequence[Sequence[int]], max_new_tokens: int) -> list[list[int]]:
        """Places of the prompts that are continued together.

        The room for answers is one for a batch, so in a window that prompts and answers share a
        prompt that leaves less than an answer takes stands only with those of its length. So does
        one whose answer may reach a length at which positions change, for they would change for
        its whole batch.
        """
        if depends_on_company(self._module.config):
            return [[place] for place in range(len(ids))]
        longest_padded = self._room.longest_padded(max_new_tokens)
        kept = [self._room.kept(prompt) for prompt in ids]
        batches = unless_memory_runs_out(
            lambda: plan_batches(self._module, kept, TEXT_BATCH, longest_padded=longest_padded),
            self._module.device,
        )
        if isinstance(batches, LackOfMemory):
            # Not even the look at two prompts together fits.
            return batches_by_length([len(prompt) for prompt in kept], 1, longest_padded=0)
        return batches

    def _write(
        self,
        prompts: Sequence[Sequence[int]],
        names: Sequence[str],
        max_new_tokens: int,
        stops: StopFinder,
    ) -> list[Generated]:
        """Decode a batch until every row has met a stop or the limit."""
        room = self._room.for_answers(prompts, max_new_tokens)
        ids = self._room.fitted(
            prompts,
            room,
            advice="give a model with a longer window, or questions with options and "
            "--distill-scoring letter or cloze",
        )
        cut = [len(kept) < len(prompt) for kept, prompt in zip(ids, prompts, strict=True)]
        rows: list[list[int]] = [[] for _ in ids]
        done: dict[int, Generated] = {}
        rules = self._rules
        steps = decode_greedily(self._module, ids, suppressed=rules.never, first=rules.first)
        for step in islice(steps, room - 1 if rules.ends_at_limit else room):
            check_steps(self._reference, [step], names, ended=done)
            for row, token in enumerate(step.tokens.tolist()):
                if row in done:
                    continue
                if token in rules.end:
                    done[row] = Generated(stops.text_of(rows[row]), cut[row])
                    continue
                rows[row].append(token)
                end = stops.end(rows[row])
                if end is not None:
                    done[row] = Generated(end, cut[row])
            if len(done) == len(ids):
                break
        return [
            done.get(row) or Generated(stops.text_of(rows[row]), truncated=True)
            for row in range(len(ids))
        ]
