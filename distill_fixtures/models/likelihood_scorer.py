"""Log-likelihoods of many requests, in the fastest way that is right for the architecture.

A way is trusted once it has been held against single rows: on the last request of its first pass,
of its first pass with several requests (a leak from one into the next would show there) and of its
first with branches; where the layers' reach is limited or a cache is used, also on each question
longer than those before. Where it differs, or where the architecture refuses it, nothing of that
pass is kept and the next way is tried.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from distill_fixtures.models.cache_scoring import SharedCacheWay
from distill_fixtures.models.language_head import has_own_head
from distill_fixtures.models.model_limits import (
    has_limited_reach,
    length_that_changes_positions,
    looks_ahead,
)
from distill_fixtures.models.out_of_memory import (
    LackOfMemory,
    is_out_of_memory,
    too_large,
    unless_memory_runs_out,
)
from distill_fixtures.models.packed_scoring import PackedTreesWay
from distill_fixtures.models.packed_weights import depends_on_company
from distill_fixtures.models.packing import pack
from distill_fixtures.models.row_scoring import OneByOneWay, RowsWay, score_alone
from distill_fixtures.models.scoring_way import (
    REFUSALS,
    LaidOut,
    ScoringWay,
    WayRefusedError,
    tolerance_nats,
)
from distill_fixtures.models.token_tree import lay_out
from distill_fixtures.models.tokens import EncodedRequest
from distill_fixtures.records import Undefined

__all__ = ["LikelihoodScorer"]

logger = logging.getLogger(__name__)

# Cells of a tree's mask: options that were cut by different lengths share nothing, and a mask over
# all of them would be larger than what it saves.
MAX_MASK_CELLS = 1 << 24

Sums = list[list[float]]
"""For each request the log-likelihoods of its continuations, nats."""
Scores = tuple[list[int], Sums]
"""Which requests, and their log-likelihoods."""


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
        # With a budget of one token no two requests share a pass.
        self._budget_tokens = 1 if depends_on_company(module.config) else budget_tokens
        self._rows = RowsWay(module)
        self._alone = OneByOneWay(module)
        self._ways: list[ScoringWay] = [self._alone]
        self._has_limited_reach = has_limited_reach(module.config)
        self._positions_change_at = length_that_changes_positions(module.config)
        if not looks_ahead(module.config):
            self._ways.insert(0, self._rows)
            if has_own_head(module):
                self._ways[:0] = [PackedTreesWay(module), SharedCacheWay(module)]
        self._proved: set[str] = set()
        self._proved_tokens: dict[str, int] = {}
        self._too_large_tokens = math.inf
        self._scored_alone = False

    @property
    def method(self) -> str | Undefined:
        """The way that has proved right; undefined before anything was scored."""
        if self._proved:
            return self._ways[0].name
        return self._alone.name if self._scored_alone else Undefined("nothing was scored")

    def passes(
        self, requests: Sequence[EncodedRequest], known: Collection[int]
    ) -> Iterator[Scores]:
        """Score requests pass by pass; passes are planned from all, the known ones left out.

        Raises:
            MeasurementError: a single row does not fit into memory.
        """
        members, together, alone = self._laid_out(requests)
        done = set(known)
        while not done.issuperset(together):
            try:
                yield from self._run(self._ways[0], members, together, done)
            except WayRefusedError as refusal:
                refused = self._ways.pop(0)
                logger.info(
                    "%s: %s is no way to score it: %s", self._reference, refused.name, refusal
                )
                self._proved, self._proved_tokens = set(), {}
        for index in (each for each in alone if each not in done):
            self._scored_alone = True
            yield [index], [self._by_itself(members[index])]

    def planned(self, requests: Sequence[EncodedRequest]) -> list[list[int]]:
        """Places of the requests by pass, in the way that is the next to be tried."""
        members, together, alone = self._laid_out(requests)
        costs = {index: self._ways[0].cost_tokens(members[index]) for index in together}
        return self._planned(together, costs) + [[index] for index in alone]

    def _laid_out(
        self, requests: Sequence[EncodedRequest]
    ) -> tuple[list[LaidOut], list[int], list[int]]:
        """The requests as trees, and the places of those that share passes and that do not."""
        members = [LaidOut(request, lay_out(request)) for request in requests]
        alone = [index for index, member in enumerate(members) if self._goes_alone(member)]
        apart = set(alone)
        return members, [index for index in range(len(members)) if index not in apart], alone

    def _run(
        self, way: ScoringWay, members: Sequence[LaidOut], among: Sequence[int], done: set[int]
    ) -> Iterator[Scores]:
        """One way over all of ``among`` that are not done, in the passes planned from them all."""
        costs = {index: way.cost_tokens(members[index]) for index in among}
        planned = deque(self._planned(among, costs))
        while planned:
            indices = [index for index in planned.popleft() if index not in done]
            cost = sum(costs[index] for index in indices)
            if len(indices) > 1 and cost > self._budget_tokens:
                # Memory has run out since the pass was planned.
                planned.extendleft(reversed(self._planned(indices, costs)))
            elif indices:
                sums = self._attempt(way, [members[index] for index in indices], cost)
                if sums is None:
                    planned.appendleft(indices)
                else:
                    yield indices, sums
                    done.update(indices)

    def _planned(self, among: Sequence[int], costs: Mapping[int, int]) -> list[list[int]]:
        passes = pack([costs[index] for index in among], self._budget_tokens)
        return [[among[place] for place in places] for places in passes]

    def _attempt(self, way: ScoringWay, members: list[LaidOut], cost: int) -> Sums | None:
        """Score a pass; None where memory ran out, the budget being smaller from then on."""
        if len(members) == 1 and cost >= self._too_large_tokens:
            return [self._by_itself(members[0])]
        sums = unless_memory_runs_out(lambda: self._trusted(way, members), self._module.device)
        if not isinstance(sums, LackOfMemory):
            return sums
        self._budget_tokens = max(1, min(self._budget_tokens, cost) // 2)
        if len(members) == 1 and (
            way is not self._rows or self._budget_tokens < members[0].longest_tokens
        ):
            # Rows can be fewer at a time until it is one; the others have nothing to leave out.
            self._too_large_tokens = min(self._too_large_tokens, cost)
        return None

    def _by_itself(self, member: LaidOut) -> list[float]:
        """A request that goes with no other or does not fit into memory at once: row by row.

        Raises:
            MeasurementError: a single row does not fit either.
        """
        sums = unless_memory_runs_out(
            lambda: self._alone.score([member], self._budget_tokens), self._module.device
        )
        if isinstance(sums, LackOfMemory):
            row = f"a single row of {member.longest_tokens} tokens"
            raise too_large(member.request.key, self._reference, f"{row}: {sums.message}")
        return sums[0]

    def _trusted(self, way: ScoringWay, members: list[LaidOut]) -> Sums:
        """Scores of a pass, held against single rows where it holds something new.

        Raises:
            WayRefusedError: this way failed or differs; another one will give the scores, or the
                very fault where it lies in the model.
        """
        try:
            sums = way.score(members, self._budget_tokens)
        except REFUSALS as error:
            if way is self._alone or is_out_of_memory(error):
                raise
            raise WayRefusedError(str(error)) from error
        holds, reach, looked_at = self._to_be_proved(way, members)
        for place in looked_at:
            self._compare(members[place], sums[place])
        # Not before: where memory runs out in the comparison, nothing is proved yet.
        self._proved |= holds
        for part, tokens in reach.items():
            self._proved_tokens[part] = max(self._proved_tokens.get(part, 0), tokens)
        return sums

    def _to_be_proved(
        self, way: ScoringWay, members: list[LaidOut]
    ) -> tuple[set[str], dict[str, int], set[int]]:
        """What a pass holds, how long its texts are, and the members to look at."""
        if way is self._alone:
            return {"single rows"}, {}, set()
        branched = [place for place, member in enumerate(members) if member.has_branches]
        holds = {"a request"} | ({"several requests"} if len(members) > 1 else set())
        holds |= {"branches"} if branched else set()
        new = set() if holds <= self._proved else {len(members) - 1, *branched[-1:]}
        if way.name == PackedTreesWay.name and not self._has_limited_reach:
            # Whatever a token saw too much or too little would be another request's.
            return holds, {}, new
        # What a cache or a window lacks shows in long texts only: after a long context, or in a
        # long option.
        lengths = {
            "context": [member.tree.trunk for member in members],
            "row": [member.longest_tokens for member in members],
        }
        reach = {}
        for part, tokens in lengths.items():
            place = max(branched or [0], key=tokens.__getitem__)
            reach[part] = tokens[place]
            if tokens[place] > self._proved_tokens.get(part, 0):
                new.add(place)
        return holds, reach, new

    def _compare(self, member: LaidOut, found: Sequence[float]) -> None:
        """Hold a request's first, last and longest continuation against single rows.

        Raises:
            WayRefusedError: they differ by more than rounding.
        """
        tolerance = tolerance_nats(self._module)
        scored = member.request.scored
        for place in sorted({0, len(found) - 1, scored.index(max(scored))}):
            count = scored[place]
            wanted = score_alone(self._module, member.request.sequences[place], count)
            # Written so that NaN is a difference too.
            if not abs(found[place] - wanted) <= tolerance * count:
                raise WayRefusedError(f"{found[place]} instead of {wanted}")

    def _goes_alone(self, member: LaidOut) -> bool:
        """Whether a request can share nothing with others, nor its options with each other."""
        change = self._positions_change_at
        if change is not None and member.longest_tokens > change:
            # Positions are stretched by the longest row of a pass, and so would be the others'.
            return True
        branches = len(member.tree) - member.tree.trunk
        return branches * len(member.tree) > MAX_MASK_CELLS
