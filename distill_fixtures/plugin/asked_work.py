"""What answering the questions comes to for one model, before anything goes through it."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distill_fixtures.estimate.counting import Counted, Counter, writing_work
from distill_fixtures.estimate.memory import LargestPass
from distill_fixtures.estimate.work import Work
from distill_fixtures.measure.scores.dry_run import ask_nobody
from distill_fixtures.measure.scores.score_source import BLOCK_QUESTIONS
from distill_fixtures.models.text_writer import TEXT_BATCH
from distill_fixtures.records import ModelCard, Undefined

if TYPE_CHECKING:
    from distill_fixtures.measure.scores.score_source import KeptScores
    from distill_fixtures.measure.scores.scoring import ScoringPlan
    from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings, ScoreRequest
    from distill_fixtures.records import Question

__all__ = ["AskedWork", "asked_work"]

MOST_BLOCKS = 8
"""Blocks of questions that are counted token by token; of more of them every so many-th is, and
the others are taken to be like it."""

_UNKNOWN = Undefined("an estimate does not ask")


@dataclass
class AskedWork:
    """What goes through a model to answer the questions.

    Attributes:
        questions: of which something does.
        from_cache: whose every answer is kept.
        blocks: requests and the places of known ones, of the blocks that are counted.
        prompts: in place of them, where answers are written.
        settings: where those end.
        requests: all that go through the model, those of blocks that are not counted too.
        counted: those of counted blocks.
        seconds: that it took to make the requests and to look them up, as a run must too.
    """

    questions: int = 0
    from_cache: int = 0
    blocks: list[tuple[Sequence[ScoreRequest], Collection[int]]] = field(default_factory=list)
    prompts: list[GenerateRequest] = field(default_factory=list)
    settings: GenerateSettings | None = None
    requests: int = 0
    counted: int = 0
    seconds: float = 0.0

    @property
    def scale(self) -> float:
        """All requests over those of counted blocks."""
        return self.requests / self.counted if self.counted else 1.0

    @property
    def is_sampled(self) -> bool:
        return self.counted < self.requests

    def count(self, counter: Counter, new_tokens: float = 0.0) -> tuple[Counted, float]:
        """Tokens of all of it, and the seconds that splitting and planning take.

        Args:
            new_tokens: of each written answer.

        Raises:
            MeasurementError: an option cannot be scored.
        """
        start = time.perf_counter()
        total, tokens, scored = Work(), 0.0, 0.0
        for requests, known in self.blocks:
            found = counter.scores(requests, known)
            total += found.work
            tokens = max(tokens, found.largest.tokens)
            scored = max(scored, found.largest.scored)
        largest = LargestPass(tokens, scored)
        if self.prompts:
            lengths = counter.prompt_tokens(self.prompts)
            total = writing_work(lengths, new_tokens)
            largest = LargestPass(0, 0, TEXT_BATCH, max(lengths) + new_tokens)
        return Counted(total * self.scale, largest), (time.perf_counter() - start) * self.scale


def asked_work(
    questions: Sequence[Question], plan: ScoringPlan, kept: KeptScores | None, reference: str
) -> AskedWork:
    """Ask all questions of nobody, and note what would go through the model.

    Raises:
        QuestionFileError, CacheError: as in a run.
    """
    work = AskedWork()
    blocks = -(-len(questions) // BLOCK_QUESTIONS)
    every, seen = -(-blocks // MOST_BLOCKS), 0

    def note(count: int) -> bool:
        """Whether this block is one that is counted."""
        nonlocal seen
        seen += 1
        work.requests += count
        if (seen - 1) % every:
            return False
        work.counted += count
        return True

    def scores(requests: Sequence[ScoreRequest], known: Collection[int]) -> None:
        if note(len(requests) - len(known)):
            work.blocks.append((requests, known))

    def texts(
        requests: Sequence[GenerateRequest], settings: GenerateSettings, known: Collection[int]
    ) -> None:
        work.settings = settings
        if note(len(requests) - len(known)):
            work.prompts += [each for at, each in enumerate(requests) if at not in known]

    # What a cache keeps is told from the model by its digest.
    digest = "" if kept is None else kept.identity.digest
    card = ModelCard(reference, digest, "", *[_UNKNOWN] * 6)
    start = time.perf_counter()
    report = ask_nobody(questions, plan, card, kept, scores=scores, texts=texts)
    work.seconds = time.perf_counter() - start
    work.questions, work.from_cache = report.questions_scored, report.questions_from_cache
    return work
