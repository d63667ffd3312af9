"""The driver keeps what replicas answer, so that a run goes on with either executor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.measure.scores.score_keys import ModelIdentity
from distill_fixtures.measure.scores.score_source import KeptScores, ScoreSource
from distill_fixtures.models.protocol import Answering, Scored
from tests.fakes import make_card
from tests.scale.fake_cluster import FakeCluster, PlanningFake
from tests.scale.test_pool import make_requests, pool_on

REQUESTS = make_requests(100)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptScores]:
    cache = ScoreCache(tmp_path)
    yield KeptScores(cache, ModelIdentity(make_card().digest, "cpu", "float32"))
    cache.close()


class StopError(Exception):
    """Somebody pressed the keys."""


def scores_until(model: Answering, kept: KeptScores, most: int) -> int:
    """Requests that were answered before the run was stopped."""
    answered = 0

    def count(steps: int) -> None:
        nonlocal answered
        answered += steps
        if answered >= most:
            raise StopError

    with pytest.raises(StopError):
        ScoreSource(lambda: model, kept).scores(REQUESTS, count)
    return answered


def wanted() -> list[Scored]:
    return ScoreSource(PlanningFake).scores(REQUESTS)


def test_begun_with_replicas_and_ended_alone(kept: KeptScores) -> None:
    pool = pool_on(FakeCluster())
    answered = scores_until(pool, kept, 40)
    source = ScoreSource(PlanningFake, kept)
    assert source.scores(REQUESTS) == wanted()
    assert source.report.questions_from_cache == answered


def test_begun_alone_and_ended_with_replicas(kept: KeptScores) -> None:
    answered = scores_until(PlanningFake(), kept, 40)
    pool = pool_on(FakeCluster())
    source = ScoreSource(lambda: pool, kept)
    assert source.scores(REQUESTS) == wanted()
    assert source.report.questions_from_cache == answered
    assert source.report.method == "fake"


def test_what_is_kept_starts_no_replica(kept: KeptScores) -> None:
    ScoreSource(PlanningFake, kept).scores(REQUESTS)
    cluster = FakeCluster()
    assert ScoreSource(lambda: pool_on(cluster), kept).scores(REQUESTS) == wanted()
    assert cluster.hired == 0
