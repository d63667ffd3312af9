"""Log-likelihoods of many questions with an encoder-decoder, in the fastest way that is right.

A way is trusted once it has been held against single rows: on its first pass, on its first with
several questions and on its first with several options, and on each context longer than those
before. Where it differs, or where the architecture refuses it, nothing of that pass is kept and the
next way is tried.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from distill_fixtures.models.out_of_memory import (
    LackOfMemory,
    is_out_of_memory,
    too_large,
    unless_memory_runs_out,
)
from distill_fixtures.models.packing import batches_by_length
from distill_fixtures.models.scoring_way import REFUSALS, WayRefusedError, tolerance_nats
from distill_fixtures.models.seq2seq_tokens import EncodedQuestion
from distill_fixtures.models.seq2seq_ways import Seq2SeqWay, score_alone, ways_for
from distill_fixtures.records import Undefined

__all__ = ["Seq2SeqScorer"]

logger = logging.getLogger(__name__)

Sums = list[list[float]]
"""For each question the log-likelihoods of its options, nats."""


class Seq2SeqScorer:
    """Scores questions with one module.

    Args:
        module: an encoder-decoder in eval mode.
        reference: the model's, for messages.
        budget_tokens: tokens of a pass, padding included. Scores do not depend on it.
    """

    def __init__(self, module: Any, reference: str, budget_tokens: int) -> None:
        self._module = module
        self._reference = reference
        self._budget_tokens = budget_tokens
        self._ways: list[Seq2SeqWay] = ways_for(module)
        self._alone = self._ways[-1]
        self._proved: set[str] = set()
        self._proved_tokens = 0
        self._scored_alone = False

    @property
    def method(self) -> str | Undefined:
        """The way that has proved right; undefined before anything was scored."""
        if self._proved:
            return self._ways[0].name
        return self._alone.name if self._scored_alone else Undefined("nothing was scored")

    def passes(
        self, questions: Sequence[EncodedQuestion], known: Collection[int]
    ) -> Iterator[tuple[list[int], Sums]]:
        """Score questions pass by pass; passes are planned from all, the known ones left out.

        Yields:
            Which questions, and their log-likelihoods.

        Raises:
            MeasurementError: a single option does not fit into memory.
        """
        planned = deque(self.planned(questions))
        while planned:
            places = [place for place in planned.popleft() if place not in known]
            cost = len(places) * max((questions[place].tokens for place in places), default=0)
            if len(places) > 1 and cost > self._budget_tokens:
                # Memory has run out since the pass was planned.
                planned.extendleft(reversed(self._planned(questions, places)))
            elif places:
                sums = self._attempt([questions[place] for place in places])
                if sums is None:
                    self._budget_tokens = max(1, min(self._budget_tokens, cost) // 2)
                    planned.appendleft(places)
                else:
                    yield places, sums

    def planned(self, questions: Sequence[EncodedQuestion]) -> list[list[int]]:
        """Places of the questions by pass."""
        return self._planned(questions, range(len(questions)))

    def _planned(
        self, questions: Sequence[EncodedQuestion], among: Sequence[int]
    ) -> list[list[int]]:
        lengths = [questions[place].tokens for place in among]
        batches = batches_by_length(lengths, self._budget_tokens)
        return [[among[place] for place in places] for places in batches]

    def _attempt(self, questions: Sequence[EncodedQuestion]) -> Sums | None:
        """Score a pass; None where there is no memory for its questions together."""
        device = self._module.device
        sums = unless_memory_runs_out(lambda: self._in_best_way(questions), device)
        if not isinstance(sums, LackOfMemory):
            return sums
        if len(questions) > 1:
            return None
        alone = unless_memory_runs_out(lambda: self._alone.score(questions), device)
        if isinstance(alone, LackOfMemory):
            (question,) = questions
            longest = max(len(option) for option in question.options)
            raise too_large(
                question.key,
                self._reference,
                f"a context of {len(question.context)} tokens with an option of {longest}: "
                f"{alone.message}",
            )
        self._scored_alone = True
        return alone

    def _in_best_way(self, questions: Sequence[EncodedQuestion]) -> Sums:
        while True:
            try:
                return self._trusted(self._ways[0], questions)
            except WayRefusedError as refusal:
                refused = self._ways.pop(0)
                logger.info(
                    "%s: %s is no way to score it: %s", self._reference, refused.name, refusal
                )
                self._proved, self._proved_tokens = set(), 0

    def _trusted(self, way: Seq2SeqWay, questions: Sequence[EncodedQuestion]) -> Sums:
        """Scores of a pass, held against single rows where it holds something new.

        Raises:
            WayRefusedError: this way failed or differs.
        """
        try:
            sums = way.score(questions)
        except REFUSALS as error:
            if way is self._alone or is_out_of_memory(error):
                raise
            raise WayRefusedError(str(error)) from error
        holds, longest, looked_at = self._to_be_proved(questions)
        if way is not self._alone:
            for place in looked_at:
                self._compare(questions[place], sums[place])
        # Not before: where memory runs out in the comparison, nothing is proved yet.
        self._proved |= holds
        self._proved_tokens = max(self._proved_tokens, longest)
        return sums

    def _to_be_proved(self, questions: Sequence[EncodedQuestion]) -> tuple[set[str], int, set[int]]:
        """What a pass holds, how long its longest context is, and the questions to look at."""
        contexts = [len(question.context) for question in questions]
        options = [len(question.options) for question in questions]
        most_options = max(range(len(questions)), key=options.__getitem__)
        longest = max(range(len(questions)), key=contexts.__getitem__)
        most_padded = min(range(len(questions)), key=contexts.__getitem__)
        holds, looked_at = {"a question"}, set()
        if len(questions) > 1:
            holds.add("several questions")
        if options[most_options] > 1:
            holds.add("several options")
        if not holds <= self._proved:
            looked_at |= {most_padded, most_options}
        if contexts[longest] > self._proved_tokens:
            looked_at.add(longest)
        return holds, contexts[longest], looked_at

    def _compare(self, question: EncodedQuestion, found: Sequence[float]) -> None:
        """Hold a question's first, last and longest option against single rows.

        Raises:
            WayRefusedError: they differ by more than rounding.
        """
        lengths = [len(option) for option in question.options]
        for place in sorted({0, len(found) - 1, lengths.index(max(lengths))}):
            wanted = score_alone(self._module, question.context, question.options[place])
            # Written so that NaN is a difference too.
            if not abs(found[place] - wanted) <= tolerance_nats(self._module) * lengths[place]:
                raise WayRefusedError(f"{found[place]} instead of {wanted}")
