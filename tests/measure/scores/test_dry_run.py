"""Asking nobody: what would be asked, and nothing kept of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from distill_fixtures.measure.scores.dry_run import ask_nobody
from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.measure.scores.score_keys import ModelIdentity
from distill_fixtures.measure.scores.score_source import KeptScores, ScoreSource
from distill_fixtures.measure.scores.scoring import ScoringPlan, answer_questions
from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings, ScoreRequest
from distill_fixtures.records import Question, Scoring
from tests.fakes import FakeModel, make_card

CARD = make_card()
QUESTIONS = [
    Question(f"q{n}", f"What is {n}?", (f"{n}", f"{n + 1}", f"{n + 2}"), answer=0)
    for n in range(30)
]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptScores]:
    cache = ScoreCache(tmp_path / "cache")
    yield KeptScores(cache, ModelIdentity(CARD.digest, "cpu", "float32"))
    cache.close()


class Heard:
    """Notes what is asked."""

    def __init__(self) -> None:
        self.scores: list[tuple[int, int]] = []
        self.texts: list[tuple[int, int]] = []

    def note_scores(self, requests: Sequence[ScoreRequest], known: Collection[int]) -> None:
        self.scores.append((len(requests), len(known)))

    def note_texts(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        known: Collection[int],
    ) -> None:
        self.texts.append((len(requests), len(known)))


def ask(
    questions: Sequence[Question], plan: ScoringPlan, kept: KeptScores | None
) -> tuple[Heard, int]:
    heard = Heard()
    report = ask_nobody(
        questions, plan, CARD, kept, scores=heard.note_scores, texts=heard.note_texts
    )
    return heard, report.questions_from_cache


@pytest.mark.parametrize(
    ("plan", "requests"),
    [
        (ScoringPlan("cloze"), 30),
        (ScoringPlan("cloze", pmi=True), 60),
        (ScoringPlan("letter", permutations=3), 90),
    ],
)
def test_requests_are_those_of_a_run(plan: ScoringPlan, requests: int) -> None:
    heard, cached = ask(QUESTIONS, plan, None)
    assert heard.scores == [(requests, 0)]
    assert cached == 0


def test_written_answers() -> None:
    heard, _ = ask(QUESTIONS, ScoringPlan("generate"), None)
    assert heard.texts == [(30, 0)]
    assert not heard.scores


@pytest.mark.parametrize("scoring", ["cloze", "generate"])
def test_what_is_kept_is_not_asked_again(scoring: Scoring, kept: KeptScores) -> None:
    plan = ScoringPlan(scoring)
    answer_questions(ScoreSource(lambda: FakeModel(CARD), kept), QUESTIONS[:12], plan)
    heard, cached = ask(QUESTIONS, plan, kept)
    assert (heard.scores or heard.texts) == [(30, 12)]
    assert cached == 12


@pytest.mark.parametrize("scoring", ["cloze", "generate"])
def test_nothing_is_kept_of_it(scoring: Scoring, kept: KeptScores) -> None:
    plan = ScoringPlan(scoring)
    ask(QUESTIONS, plan, kept)
    source = ScoreSource(lambda: FakeModel(CARD), kept)
    answer_questions(source, QUESTIONS, plan)
    assert source.report.questions_from_cache == 0
    heard, cached = ask(QUESTIONS, plan, kept)
    assert cached == 30
    assert heard.scores == heard.texts == []
