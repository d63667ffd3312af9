"""Scores from the cache first, and from the model for the rest."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from distill_fixtures.errors import MeasurementError
from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.measure.scores.score_keys import ModelIdentity
from distill_fixtures.measure.scores.score_source import (
    BLOCK_QUESTIONS,
    KeptScores,
    ScoreSource,
)
from distill_fixtures.measure.scores.scoring import (
    ScoringPlan,
    answer_questions,
    stream_answers,
)
from distill_fixtures.models.protocol import (
    GenerateRequest,
    GenerateSettings,
    Model,
    Scored,
    ScoreRequest,
)
from distill_fixtures.records import Question, Undefined
from tests.fakes import FakeClock, FakeModel

IDENTITY = ModelIdentity("digest of fake", "cpu", "float32")
REQUESTS = [ScoreRequest(f"q{n}", f"context {n}", (" one", " three" * n)) for n in range(1, 8)]
PROMPTS = [GenerateRequest(f"q{n}", f"prompt {n}") for n in range(7)]
SETTINGS = GenerateSettings(8)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ScoreCache]:
    opened = ScoreCache(tmp_path / "cache")
    yield opened
    opened.close()


@dataclass
class FailingModel(FakeModel):
    """Dies after so many passes, as a killed process does."""

    passes_left: int = 1
    planned: list[Collection[int]] = field(default_factory=list)

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        self.planned.append(known)
        for results in super().score_in_passes(requests, known=known):
            if self.passes_left == 0:
                raise MeasurementError("died", got="1", wanted="0", next_step="resume")
            self.passes_left -= 1
            yield results


def kept(cache: ScoreCache, digest: str = IDENTITY.digest) -> KeptScores:
    return KeptScores(cache, ModelIdentity(digest, "cpu", "float32"))


def never() -> Model:
    raise AssertionError("the model was loaded")


def direct(model: FakeModel, requests: Sequence[ScoreRequest]) -> list[Scored]:
    return list(model.score_many(requests))


def test_the_second_time_the_model_is_not_asked_for(cache: ScoreCache) -> None:
    model = FakeModel(pass_size=3)
    first = ScoreSource(lambda: model, kept(cache))
    told: list[int] = []
    wanted = direct(model, REQUESTS)
    assert first.scores(REQUESTS, told.append) == wanted
    assert told == [3, 3, 1]
    report = first.report
    assert (report.questions_scored, report.questions_from_cache, report.passes) == (7, 0, 3)
    assert (report.method, report.chat_template) == (
        "fake",
        Undefined("answers are scored, not written"),
    )
    second = ScoreSource(never, kept(cache))
    told.clear()
    assert second.scores(REQUESTS, told.append) == wanted
    assert told == [7]
    report = second.report
    assert (report.questions_scored, report.questions_from_cache, report.passes) == (0, 7, 0)
    assert isinstance(report.method, Undefined)
    assert "not loaded" in report.method.reason


def test_texts_the_second_time(cache: ScoreCache) -> None:
    model = FakeModel(pass_size=3, writes=lambda prompt: f"({prompt[-1]})")
    first = ScoreSource(lambda: model, kept(cache))
    texts = first.texts(PROMPTS, SETTINGS)
    assert [each.text for each in texts] == [f"({n})" for n in range(7)]
    assert first.report.chat_template is False
    assert isinstance(first.report.method, Undefined)
    second = ScoreSource(never, kept(cache))
    assert second.texts(PROMPTS, SETTINGS) == texts
    assert second.report.questions_from_cache == 7
    assert isinstance(second.report.chat_template, Undefined)
    other = ScoreSource(lambda: model, kept(cache))
    other.texts(PROMPTS, GenerateSettings(9))
    assert other.report.questions_scored == 7


def test_without_a_cache_everything_is_scored(cache: ScoreCache) -> None:
    model = FakeModel()
    for _ in range(2):
        source = ScoreSource(lambda: model)
        assert source.scores(REQUESTS) == direct(model, REQUESTS)
        assert source.report.questions_scored == 7


def test_what_died_goes_on_with_the_passes_that_were_missing(cache: ScoreCache) -> None:
    model = FailingModel(pass_size=2, passes_left=2)
    with pytest.raises(MeasurementError, match="died"):
        ScoreSource(lambda: model, kept(cache)).scores(REQUESTS)
    again = FailingModel(pass_size=2, passes_left=99)
    source = ScoreSource(lambda: again, kept(cache))
    assert source.scores(REQUESTS) == direct(FakeModel(), REQUESTS)
    # Planned from all requests, of which four were known; the other passes are as before.
    assert again.planned == [frozenset({0, 1, 2, 3})]
    assert again.calls == ["score 2", "score 1"]
    report = source.report
    assert (report.questions_scored, report.questions_from_cache, report.passes) == (3, 4, 2)


def test_equal_requests_are_scored_once_and_agree(cache: ScoreCache) -> None:
    values = iter(range(100))
    model = FakeModel(likelihood=lambda context, continuation: -float(next(values)))
    twin = ScoreRequest("twin", REQUESTS[0].context, REQUESTS[0].continuations)
    told: list[int] = []
    scored = ScoreSource(lambda: model).scores([*REQUESTS, twin], told.append)
    assert scored[-1] == scored[0]
    assert model.calls == ["score 7"]
    assert told == [8]


def test_a_question_counts_as_cached_when_all_its_prompts_are(cache: ScoreCache) -> None:
    model = FakeModel()
    orders = [ScoreRequest(f"q{n // 2}", f"order {n}", (" x", " y")) for n in range(6)]
    ScoreSource(lambda: model, kept(cache)).scores(orders[:3])
    source = ScoreSource(lambda: model, kept(cache))
    source.scores(orders)
    assert (source.report.questions_scored, source.report.questions_from_cache) == (2, 1)


def test_seconds_leave_loading_out() -> None:
    clock = FakeClock()

    def likelihood(context: str, continuation: str) -> float:
        clock.advance(0.5)
        return -1.0

    def load() -> Model:
        clock.advance(1000.0)
        return FakeModel(likelihood=likelihood)

    source = ScoreSource(load, clock=clock)
    source.scores(REQUESTS)
    assert source.report.seconds == 7.0
    source.scores(REQUESTS)
    assert source.report.seconds == 14.0


def test_a_model_whose_files_changed_meanwhile_is_refused(cache: ScoreCache) -> None:
    source = ScoreSource(lambda: FakeModel(), kept(cache, "digest as hashed"))
    with pytest.raises(MeasurementError, match="changed while they were read"):
        source.scores(REQUESTS)
    assert cache.likelihoods(b"", REQUESTS) == {}


# Answers, in blocks.


def questions(count: int) -> Iterator[Question]:
    for n in range(count):
        yield Question(f"q{n}", f"question {n}?", ("a" * (n % 3 + 1), "bb"), answer=0)


@pytest.mark.parametrize("scoring", ["cloze", "letter", "generate"])
def test_streamed_answers_are_the_answers(cache: ScoreCache, scoring: str) -> None:
    plan = ScoringPlan(scoring)  # type: ignore[arg-type]
    count = 2 * BLOCK_QUESTIONS + 100
    model = FakeModel(pass_size=400)
    streamed = stream_answers(ScoreSource(lambda: model), questions(count), plan)
    first = next(streamed)
    assert len(model.calls) == 3, "one block only, until more is asked for"
    answers = (first, *streamed)
    assert [answer.question_id for answer in answers] == [f"q{n}" for n in range(count)]
    assert answers == answer_questions(
        ScoreSource(lambda: FakeModel(), kept(cache)), questions(count), plan
    )
    assert answers == answer_questions(ScoreSource(never, kept(cache)), questions(count), plan)


def test_memory_does_not_grow_with_the_questions(cache: ScoreCache) -> None:
    """Neither what is streamed nor what is kept piles up."""
    plan = ScoringPlan("cloze")

    def peak_bytes(count: int, digest: str) -> int:
        model = FakeModel()
        source = ScoreSource(lambda: model, kept(cache, digest))
        gc.collect()
        tracemalloc.start()
        for _ in stream_answers(source, questions(count), plan):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert source.report.questions_scored + source.report.questions_from_cache == count
        return peak

    peak_bytes(BLOCK_QUESTIONS, IDENTITY.digest)
    one = peak_bytes(2 * BLOCK_QUESTIONS, IDENTITY.digest)
    many = peak_bytes(12 * BLOCK_QUESTIONS, IDENTITY.digest)
    assert many < 1.1 * one
