"""What a model would be asked, by the very code that asks it: cache, blocks and repeats heeded.

Nothing goes through a model, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.measure.scores.score_source import KeptScores, ScoreSource, ScoringReport
from distill_fixtures.measure.scores.scoring import ScoringPlan, stream_answers
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
)
from distill_fixtures.records import ModelCard, Question, Undefined

__all__ = ["AskedScores", "AskedTexts", "ask_nobody"]

AskedScores = Callable[[Sequence[ScoreRequest], Collection[int]], None]
"""Told the requests of a block, and the places of those whose scores are kept already."""

AskedTexts = Callable[[Sequence[GenerateRequest], GenerateSettings, Collection[int]], None]
"""The same for prompts, and where their answers end."""


def ask_nobody(
    questions: Iterable[Question],
    plan: ScoringPlan,
    card: ModelCard,
    kept: KeptScores | None,
    *,
    scores: AskedScores,
    texts: AskedTexts,
) -> ScoringReport:
    """Ask all questions of a stand-in for a model.

    Args:
        card: the model's.
        kept: scores of earlier runs, which are only read.
        scores: told of each block of requests of which a score is missing.
        texts: told of each block of prompts of which an answer is missing.

    Returns:
        How many questions would be scored, and how many come from the cache.
    """
    known = None if kept is None else KeptScores(_OnlyRead(kept.cache), kept.identity)
    source = ScoreSource(lambda: _Nobody(card, scores, texts), known)
    for _ in stream_answers(source, questions, plan):
        pass
    return source.report


class _OnlyRead(ScoreCache):
    """Finds what another cache holds, and keeps nothing: these answers are none."""

    def __init__(self, cache: ScoreCache) -> None:
        self._file = cache._file

    def keep_likelihoods(self, model_key: bytes, results: Iterable[Any]) -> None:
        for _ in results:
            pass

    def keep_texts(self, model_key: bytes, results: Iterable[Any]) -> None:
        for _ in results:
            pass


class _Nobody:
    """Stands for a model that answers: notes what is asked, and answers nothing that means
    anything."""

    uses_chat_template = False
    scoring_method = Undefined("nobody was asked")

    def __init__(self, card: ModelCard, scores: AskedScores, texts: AskedTexts) -> None:
        self.card = card
        self._scores = scores
        self._texts = texts

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        self._scores(requests, known)
        yield {
            place: Scored((0.0,) * len(request.continuations))
            for place, request in enumerate(requests)
            if place not in known
        }

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        self._texts(requests, settings, known)
        yield {place: Generated("") for place in range(len(requests)) if place not in known}
