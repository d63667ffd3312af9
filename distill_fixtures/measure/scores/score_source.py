"""Where scores come from: what is kept, and for the rest the model, loaded only then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from distill_fixtures.errors import MeasurementError
from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.measure.scores.score_keys import ModelIdentity, model_key, request_key
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.protocol import (
    Answering,
    Clock,
    Generated,
    GenerateRequest,
    GenerateSettings,
    Progress,
    Scored,
    ScoreRequest,
)
from distill_fixtures.records import Undefined

__all__ = ["BLOCK_QUESTIONS", "KeptScores", "ScoreSource", "ScoringReport"]

BLOCK_QUESTIONS = 1024
"""Questions whose prompts are in memory together, and whose passes are planned together."""

Request = TypeVar("Request", ScoreRequest, GenerateRequest)
Result = TypeVar("Result", Scored, Generated)

NOT_LOADED = Undefined("every answer came from the score cache: the model was not loaded")
NOT_WRITTEN = Undefined("answers are scored, not written")
NOT_SCORED = Undefined("answers are written, not scored")


@dataclass(frozen=True, slots=True)
class ScoringReport:
    """How a model's answers came about.

    Attributes:
        method: how options shared the work (``Model.scoring_method``).
        chat_template: whether prompts of written answers were put into a chat template.
        questions_scored: questions of which at least one prompt went through the model.
        questions_from_cache: questions whose every prompt was in the score cache.
        passes: batches that went through the model.
        seconds: how long all of it took, loading the model left out.
    """

    method: str | Undefined
    chat_template: bool | Undefined
    questions_scored: int
    questions_from_cache: int
    passes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class KeptScores:
    """The part of the score cache that is one model's."""

    cache: ScoreCache
    identity: ModelIdentity


def _find_nothing(requests: Sequence[object]) -> Mapping[int, Any]:
    return {}


def _keep_nothing(results: Iterable[object]) -> None:
    pass


@dataclass(frozen=True)
class _Kind(Generic[Request, Result]):
    """What differs between scores and texts: how they are computed, found and kept."""

    passes: Callable[
        [Answering, Sequence[Request], Collection[int]], Iterator[Mapping[int, Result]]
    ]
    find: Callable[[Sequence[Request]], Mapping[int, Result]] = _find_nothing
    keep: Callable[[Iterable[tuple[Request, Result]]], None] = _keep_nothing


class ScoreSource:
    """Scores and texts of one model.

    Passes are planned from all requests, those in the cache too, and each is kept as soon as it
    ends: an interrupted run, taken up again, computes the very passes that were missing.

    Args:
        model: gives what answers, the model or a pool of its replicas, when something is missing
            for the first time.
        kept: None knows nothing and keeps nothing.
        clock: for the report's seconds.
        questions_at_once: what a caller with many questions should ask for in one call.
    """

    def __init__(
        self,
        model: Callable[[], Answering],
        kept: KeptScores | None = None,
        *,
        clock: Clock | None = None,
        questions_at_once: int = BLOCK_QUESTIONS,
    ) -> None:
        self.questions_at_once = questions_at_once
        self._open = model
        self._kept = kept
        self._clock = clock or SystemClock()
        self._model: Answering | None = None
        self._writes = False
        self._questions_scored = 0
        self._questions_from_cache = 0
        self._passes = 0
        self._seconds = 0.0

    def scores(
        self, requests: Sequence[ScoreRequest], progress: Progress | None = None
    ) -> list[Scored]:
        """Scores in the order of the requests; equal requests are scored once.

        All requests of a question, told by their key, belong into one call.

        Raises:
            CacheError: the cache is damaged.
            MeasurementError: as ``Model.score_in_passes``.
        """
        kind = _Kind[ScoreRequest, Scored](
            passes=lambda model, some, known: model.score_in_passes(some, known=known)
        )
        if self._kept is not None:
            key, cache = model_key(self._kept.identity), self._kept.cache
            kind = replace(
                kind,
                find=partial(cache.likelihoods, key),
                keep=partial(cache.keep_likelihoods, key),
            )
        return self._answer(kind, requests, progress)

    def texts(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        progress: Progress | None = None,
    ) -> list[Generated]:
        """Texts in the order of the prompts; equal prompts are answered once.

        Raises:
            CacheError: the cache is damaged.
            MeasurementError: as ``Model.generate_in_passes``.
        """
        self._writes = True
        kind = _Kind[GenerateRequest, Generated](
            passes=lambda model, some, known: model.generate_in_passes(some, settings, known=known)
        )
        if self._kept is not None:
            key, cache = model_key(self._kept.identity, settings), self._kept.cache
            kind = replace(
                kind, find=partial(cache.texts, key), keep=partial(cache.keep_texts, key)
            )
        return self._answer(kind, requests, progress)

    @property
    def report(self) -> ScoringReport:
        """What was done so far."""
        method: str | Undefined = NOT_LOADED
        template: bool | Undefined = NOT_LOADED
        if self._model is not None:
            method, template = self._model.scoring_method, self._model.uses_chat_template
        return ScoringReport(
            method=NOT_SCORED if self._writes else method,
            chat_template=template if self._writes else NOT_WRITTEN,
            questions_scored=self._questions_scored,
            questions_from_cache=self._questions_from_cache,
            passes=self._passes,
            seconds=self._seconds,
        )

    def _answer(
        self,
        kind: _Kind[Request, Result],
        requests: Sequence[Request],
        progress: Progress | None,
    ) -> list[Result]:
        start = self._clock.now()
        places: dict[bytes, list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault(request_key(request), []).append(place)
        sharing = list(places.values())
        unique = [requests[some[0]] for some in sharing]
        found = dict(kind.find(unique))
        self._count(requests, sharing, found)
        _tell(progress, sum(len(sharing[place]) for place in found))
        if len(found) < len(unique):
            before = self._clock.now()
            model = self._loaded()
            start += self._clock.now() - before
            for results in kind.passes(model, unique, frozenset(found)):
                kind.keep((unique[place], result) for place, result in results.items())
                found.update(results)
                self._passes += 1
                _tell(progress, sum(len(sharing[place]) for place in results))
        by_place = {at: found[place] for place, some in enumerate(sharing) for at in some}
        self._seconds += self._clock.now() - start
        return [by_place[place] for place in range(len(requests))]

    def _count(
        self,
        requests: Sequence[ScoreRequest | GenerateRequest],
        sharing: Sequence[Sequence[int]],
        found: Collection[int],
    ) -> None:
        """A question counts as from the cache when all its requests are."""
        asked = {request.key for request in requests}
        scored = {
            requests[at].key
            for place, some in enumerate(sharing)
            if place not in found
            for at in some
        }
        self._questions_scored += len(scored)
        self._questions_from_cache += len(asked) - len(scored)

    def _loaded(self) -> Answering:
        if self._model is None:
            model = self._open()
            if self._kept is not None and model.card.digest != self._kept.identity.digest:
                raise MeasurementError(
                    f"the files of {model.card.reference} changed while they were read",
                    got=f"the digest {model.card.digest}",
                    wanted=f"{self._kept.identity.digest}, as before it was loaded",
                    next_step="wait until nothing writes them any more, and run again",
                )
            self._model = model
        return self._model


def _tell(progress: Progress | None, steps: int) -> None:
    if progress is not None and steps:
        progress(steps)
