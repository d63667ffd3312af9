"""Log-likelihoods of many requests, in the fastest way that is right for the architecture.

A way is trusted once it has been held against single rows: on the last request of its first pass
and of its first pass with several requests (a leak from one request into the next would show
there), and on the longest where the layers' reach is limited. Where it differs, or where the
architecture refuses it, nothing of it is kept and the next way is tried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.cache_scoring import SharedCacheWay
from distill_fixtures.models.language_head import has_own_head
from distill_fixtures.models.model_limits import has_limited_reach, length_that_changes_positions
from distill_fixtures.models.out_of_memory import free_cached_blocks, is_out_of_memory
from distill_fixtures.models.packed_scoring import PackedTreesWay
from distill_fixtures.models.packing import pack
from distill_fixtures.models.row_scoring import OneByOneWay, RowsWay, score_alone
from distill_fixtures.models.scoring_way import LaidOut, ScoringWay, WayRefusedError
from distill_fixtures.models.token_tree import lay_out
from distill_fixtures.models.tokens import EncodedRequest
from distill_fixtures.records import Undefined

__all__ = ["LikelihoodScorer"]

# How far a way may be from single rows, nats per scored token. Half precision keeps 8 to 11 bits.
TOLERANCE_NATS = {"torch.float32": 1e-4, "torch.float64": 1e-6}
HALF_TOLERANCE_NATS = 0.05
# Cells of a tree's mask: options that were cut by different lengths share nothing, and a mask over
# all of them would be larger than what it saves.
MAX_MASK_CELLS = 1 << 24
# How a foreign architecture refuses a way is its own affair.
REFUSALS = (
    WayRefusedError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    LookupError,
    NotImplementedError,
    AssertionError,
)

Scores = tuple[list[int], list[list[float]]]
"""Which requests, and the log-likelihoods of each one's continuations."""


class LikelihoodScorer:
    """Scores requests of one module.

    Args:
        module: a causal language model in eval mode.
        reference: the model's, for messages.
        budget_tokens: tokens of a pass. Scores do not depend on it.
    """

    def __init__(self, module: Any, reference: str, budget_tokens: int) -> None:
        self._module = module
        self._reference = reference
        self._budget_tokens = budget_tokens
        self._rows = RowsWay(module)
        self._alone = OneByOneWay(module)
        sharing: list[ScoringWay] = []
        if has_own_head(module):
            sharing = [PackedTreesWay(module), SharedCacheWay(module)]
        self._ways: list[ScoringWay] = [*sharing, self._rows, self._alone]
        self._seen_alone = self._seen_together = False

    @property
    def method(self) -> str | Undefined:
        """The way that has proved right; undefined before anything was scored."""
        return self._ways[0].name if self._seen_alone else Undefined("nothing was scored")

    def passes(
        self, requests: Sequence[EncodedRequest], known: Collection[int]
    ) -> Iterator[Scores]:
        """Score requests pass by pass; passes are planned from all, the known ones left out.

        Raises:
            MeasurementError: a single row does not fit into memory.
        """
        members = [LaidOut(request, lay_out(request)) for request in requests]
        left = [index for index in range(len(members)) if index not in known]
        done = set(known)
        apart = {index: way for index in left if (way := self._own_way(members[index]))}
        while len(done) < len(members):
            together = [index for index in range(len(members)) if index not in apart]
            try:
                yield from self._run(self._ways[0], members, together, done)
                for index, way in apart.items():
                    if index not in done:
                        yield [index], self._scores(way, [members[index]])
                        done.add(index)
            except WayRefusedError:
                self._ways.pop(0)
                self._seen_alone = self._seen_together = False

    def _run(
        self, way: ScoringWay, members: Sequence[LaidOut], among: Sequence[int], done: set[int]
    ) -> Iterator[Scores]:
        """One way over all of ``among`` that are not done, in the passes planned from them all."""
        costs = [way.cost_tokens(members[index]) for index in among]
        for places in pack(costs, self._budget_tokens):
            wanted = [among[place] for place in places if among[place] not in done]
            for indices in self._within_budget(way, members, wanted):
                some = [members[index] for index in indices]
                for part, sums in self._halving(way, some, indices):
                    yield part, sums
                    done.update(part)

    def _within_budget(
        self, way: ScoringWay, members: Sequence[LaidOut], indices: list[int]
    ) -> Iterator[list[int]]:
        """A planned pass, cut smaller where memory has run out since it was planned."""
        costs = [way.cost_tokens(members[index]) for index in indices]
        if sum(costs) <= self._budget_tokens:
            yield from [indices] if indices else []
            return
        for places in pack(costs, self._budget_tokens):
            yield [indices[place] for place in places]

    def _halving(
        self, way: ScoringWay, members: list[LaidOut], indices: list[int]
    ) -> Iterator[Scores]:
        """Score a pass; where memory runs out, its halves, and keep the smaller budget."""
        try:
            sums = self._trusted(way, members)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            cost = sum(way.cost_tokens(member) for member in members)
            failure = str(error)
        else:
            yield indices, sums
            return
        # Outside the except block: the traceback would keep the failed pass's tensors alive.
        free_cached_blocks(self._module.device)
        if len(members) == 1:
            yield indices, [self._piece_by_piece(members[0], failure)]
            return
        self._budget_tokens = max(1, min(self._budget_tokens, cost) // 2)
        middle = len(members) // 2
        for half in (slice(None, middle), slice(middle, None)):
            yield from self._halving(way, members[half], indices[half])

    def _piece_by_piece(self, member: LaidOut, failure: str) -> list[float]:
        """A request that does not fit into memory at once, row by row."""
        try:
            return self._alone.score([member], self._budget_tokens)[0]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            longest = max(len(ids) for ids in member.request.sequences)
        raise MeasurementError(
            f"question {member.request.key!r} does not fit into memory with {self._reference}",
            got=f"a single row of {longest} tokens: {failure}"[:300],
            wanted="memory for one context with one option",
            next_step="free memory, give --distill-dtype bfloat16, or use a larger machine",
        )

    def _scores(self, way: ScoringWay, members: list[LaidOut]) -> list[list[float]]:
        return way.score(members, self._budget_tokens)

    def _trusted(self, way: ScoringWay, members: list[LaidOut]) -> list[list[float]]:
        """Scores of a pass, held against single rows until the way has proved right."""
        if self._seen_alone and (self._seen_together or len(members) == 1):
            return self._scores(way, members)
        try:
            sums = self._scores(way, members)
        except REFUSALS as error:
            if way is self._alone or is_out_of_memory(error):
                raise
            raise WayRefusedError(str(error)) from error
        if way is not self._alone:
            self._compare(members[-1], sums[-1])
            if has_limited_reach(self._module.config):
                self._compare(members[0], sums[0])
        self._seen_alone = True
        self._seen_together |= len(members) > 1
        return sums

    def _compare(self, member: LaidOut, found: Sequence[float]) -> None:
        """Hold a request's first and last continuation against single rows.

        Raises:
            WayRefusedError: they differ by more than rounding.
        """
        tolerance = TOLERANCE_NATS.get(str(self._module.dtype), HALF_TOLERANCE_NATS)
        for place in sorted({0, len(found) - 1}):
            count = member.request.scored[place]
            wanted = score_alone(self._module, member.request.sequences[place], count)
            # Written so that NaN is a difference too.
            if not abs(found[place] - wanted) <= tolerance * count:
                raise WayRefusedError(f"{found[place]} instead of {wanted}")

    def _own_way(self, member: LaidOut) -> ScoringWay | None:
        """The way of a request that goes with no other; None for the usual one."""
        lengths = [len(ids) - 1 for ids in member.request.sequences]
        changes = length_that_changes_positions(self._module.config)
        if changes is not None and max(lengths) > changes:
            # Positions are stretched by the longest row of a pass, and so would be the others'.
            return self._alone
        branches = len(member.tree) - member.tree.trunk
        return self._rows if branches * len(member.tree) > MAX_MASK_CELLS else None
