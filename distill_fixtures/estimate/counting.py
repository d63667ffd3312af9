"""Counting what requests come to in a model, by the plan of passes that will be run.

Texts are split by the model's own tokenizer and laid out as they will be: a shared beginning once,
options that begin alike sharing that too, several questions in a pass.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.estimate.memory import LargestPass
from distill_fixtures.estimate.work import Work
from distill_fixtures.models.cache_scoring import SharedCacheWay
from distill_fixtures.models.model_task import ModelTask
from distill_fixtures.models.packed_scoring import PackedTreesWay
from distill_fixtures.models.packing import batches_by_length, pack
from distill_fixtures.models.protocol import GenerateRequest, ScoreRequest
from distill_fixtures.models.row_scoring import OneByOneWay, RowsWay
from distill_fixtures.models.scoring_way import LaidOut, ScoringWay
from distill_fixtures.models.text_writer import TEXT_BATCH
from distill_fixtures.models.token_tree import lay_out
from distill_fixtures.models.tokens import TokenLimits, encode_requests

__all__ = ["Counted", "Counter", "writing_work"]

# Without a module they score nothing; what a request costs them they tell all the same.
_WAYS: Mapping[str, ScoringWay] = {
    way.name: way
    for way in (PackedTreesWay(None), SharedCacheWay(None), RowsWay(None), OneByOneWay(None))
}
NO_ROWS_TO_CHECK = 1 << 62


@dataclass(frozen=True, slots=True)
class Counted:
    """What some requests come to.

    Attributes:
        work: of all passes.
        largest: the largest pass.
    """

    work: Work
    largest: LargestPass


class Counter:
    """Counts for one model.

    Args:
        tokenizer: the model's, or one in its place.
        task: what the model was made for.
        window: tokens that it can look at together.
        budget_tokens: of a pass.
        way: in which requests are scored, by its name; of a causal model alone.
    """

    def __init__(
        self,
        tokenizer: Any,
        task: ModelTask,
        *,
        window: int,
        budget_tokens: int,
        way: str = PackedTreesWay.name,
    ) -> None:
        self._tokenizer = tokenizer
        self._task = task
        self._window = window
        self._budget = budget_tokens
        self._way = _WAYS.get(way, _WAYS[PackedTreesWay.name])

    def scores(self, requests: Sequence[ScoreRequest], known: Collection[int] = ()) -> Counted:
        """What scoring a block comes to; passes are planned with the known ones, as in a run.

        Raises:
            MeasurementError: a continuation has no token, or does not fit the window.
        """
        if self._task == "causal":
            return self._trees(requests, known)
        if self._task == "classification":
            return self._texts(requests, known)
        return self._pairs(requests, known)

    def prompt_tokens(self, requests: Sequence[GenerateRequest]) -> list[int]:
        """Tokens of each prompt; a chat template adds some more."""
        ids = self._tokenizer([request.prompt for request in requests])["input_ids"]
        return [min(len(each), self._window) for each in ids]

    def _trees(self, requests: Sequence[ScoreRequest], known: Collection[int]) -> Counted:
        limits = TokenLimits(self._window, NO_ROWS_TO_CHECK)
        encoded = encode_requests(self._tokenizer, requests, limits)
        members = [LaidOut(each, lay_out(each)) for each in encoded]
        costs = [self._way.cost_tokens(member) for member in members]
        total, most = Work(), Work()
        for places in pack(costs, self._budget):
            new = [place for place in places if place not in known]
            if not new:
                continue
            passed = Work(
                1,
                sum(costs[place] for place in new),
                sum(len(members[place].tree.sources) for place in new),
                sum(self._keys(members[place], costs[place]) for place in new),
            )
            total += passed
            most = max(most, passed, key=lambda each: each.tokens)
        return Counted(total, LargestPass(most.tokens, most.scored))

    @staticmethod
    def _keys(member: LaidOut, cost: int) -> float:
        """Pairs of attention; of a way that repeats tokens in the same proportion more."""
        return member.tree.keys_seen * cost / max(len(member.tree), 1)

    def _texts(self, requests: Sequence[ScoreRequest], known: Collection[int]) -> Counted:
        """A classifier reads each text once, padded to the longest of its pass."""
        ids = self._tokenizer([request.context for request in requests])["input_ids"]
        lengths = [min(len(each), self._window) for each in ids]
        total, most = Work(), 0.0
        for places in batches_by_length(lengths, self._budget):
            new = [place for place in places if place not in known]
            if not new:
                continue
            rows, longest = len(new), max(lengths[place] for place in new)
            total += Work(1, rows * longest, 0, rows * longest * longest)
            most = max(most, float(rows * longest))
        return Counted(total, LargestPass(most))

    def _pairs(self, requests: Sequence[ScoreRequest], known: Collection[int]) -> Counted:
        """An encoder-decoder reads the context, and writes each continuation beside it."""
        new = [request for place, request in enumerate(requests) if place not in known]
        read = self._lengths([request.context for request in new])
        texts = [text for request in new for text in request.continuations]
        written = iter(self._lengths(texts))
        costs, keys, scored = [], 0.0, 0.0
        for request, context in zip(new, read, strict=True):
            options = [next(written) for _ in request.continuations]
            costs.append(context + sum(options))
            scored += sum(options)
            keys += context * context + sum(each * (each / 2 + context) for each in options)
        passes = pack(costs, self._budget)
        most = max((sum(costs[place] for place in places) for places in passes), default=0)
        return Counted(Work(len(passes), sum(costs), scored, keys), LargestPass(most, scored))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        return [min(len(ids), self._window) for ids in self._tokenizer(list(texts))["input_ids"]]


def writing_work(prompt_tokens: Sequence[int], new_tokens: float, rows: int = TEXT_BATCH) -> Work:
    """What writing texts after prompts comes to: a pass over each batch of prompts, then one a
    token.

    Args:
        prompt_tokens: of each prompt.
        new_tokens: of each text.
        rows: prompts of a batch.

    >>> writing_work([10, 10], new_tokens=3, rows=2)
    Work(passes=3.0, tokens=24.0, scored=6.0, keys=156.0)
    """
    count, read = len(prompt_tokens), float(sum(prompt_tokens))
    batches = -(-count // rows)
    later = max(new_tokens - 1, 0.0)
    among_later = later * (later + 1) / 2
    keys = sum(each * (each + 1) / 2 + later * each + among_later for each in prompt_tokens)
    return Work(
        batches * (1 + later) * 1.0 if count else 0.0,
        read + count * later,
        count * float(new_tokens),
        keys,
    )
