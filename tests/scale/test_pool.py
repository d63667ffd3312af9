"""A pool answers like its model, whoever dies meanwhile, and never asks for ever."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError, ModelReferenceError, NotFiniteScoreError
from distill_fixtures.measure.scores.score_source import BLOCK_QUESTIONS
from distill_fixtures.models.protocol import (
    Answering,
    Generated,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
)
from distill_fixtures.scale.cluster import Call
from distill_fixtures.scale.crew import HUNG_S, HUNG_TIMES
from distill_fixtures.scale.pool import ReplicaPool
from distill_fixtures.scale.work import MOST_DEATHS
from tests.fakes import make_card
from tests.scale.fake_cluster import FakeCluster, PlanningFake

TIMEOUT_S = 60.0
SETTINGS = GenerateSettings(8)
NOT_FINITE = NotFiniteScoreError("NaN at q3", got="nan", wanted="a number", next_step="look")


def make_requests(count: int) -> list[ScoreRequest]:
    chance = random.Random(count)
    return [
        ScoreRequest(f"q{place}", "x" * chance.randrange(200), (" a", " bcd"))
        for place in range(count)
    ]


def pool_on(cluster: FakeCluster, replicas: int = 2) -> ReplicaPool:
    return ReplicaPool(
        make_card(), cluster, replicas, start_timeout_s=TIMEOUT_S, clock=cluster.clock
    )


def scored(
    model: Answering, requests: list[ScoreRequest], known: frozenset[int] = frozenset()
) -> dict[int, Scored]:
    """All scores by place; none twice."""
    found: dict[int, Scored] = {}
    for results in model.score_in_passes(requests, known=known):
        assert not found.keys() & results.keys()
        found.update(results)
    return found


@pytest.mark.parametrize("replicas", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 50, 200])
def test_the_same_figures_as_alone(count: int, replicas: int) -> None:
    requests = make_requests(count)
    for seed in range(3):
        pool = pool_on(FakeCluster(seed=seed), replicas)
        assert scored(pool, requests) == scored(PlanningFake(), requests)


def test_passes_are_planned_from_the_known_requests_too() -> None:
    requests, known = make_requests(60), frozenset(range(0, 60, 4))
    pool = pool_on(FakeCluster())
    assert scored(pool, requests, known) == scored(PlanningFake(), requests, known)


def test_as_many_passes_as_alone() -> None:
    requests = make_requests(100)
    pool, model = pool_on(FakeCluster()), PlanningFake()
    assert sum(1 for _ in pool.score_in_passes(requests)) == sum(
        1 for _ in model.score_in_passes(requests)
    )


def test_questions_of_one_process_are_planned_together() -> None:
    requests = make_requests(2 * BLOCK_QUESTIONS + 10)
    found = scored(pool_on(FakeCluster(), 3), requests)
    for start in range(0, len(requests), BLOCK_QUESTIONS):
        block = requests[start : start + BLOCK_QUESTIONS]
        alone = scored(PlanningFake(), block)
        assert [found[start + place] for place in range(len(block))] == [
            alone[place] for place in range(len(block))
        ]


def test_several_requests_of_a_question_are_planned_with_it() -> None:
    """As many prompts as several orders of a question's options make."""
    requests = [
        ScoreRequest(f"q{number}", f"{turn}" * (number % 90), (" a",))
        for number in range(BLOCK_QUESTIONS)
        for turn in range(2)
    ]
    assert scored(pool_on(FakeCluster()), requests) == scored(PlanningFake(), requests)


def test_texts_too() -> None:
    requests = [GenerateRequest(f"q{place}", f"prompt {place}") for place in range(20)]
    cluster = FakeCluster(make=lambda: PlanningFake(writes=str.upper, uses_chat_template=True))
    pool = pool_on(cluster)
    found: dict[int, Generated] = {}
    for results in pool.generate_in_passes(requests, SETTINGS):
        found.update(results)
    assert found == {place: Generated(f"PROMPT {place}") for place in range(20)}
    assert pool.uses_chat_template


def test_nothing_to_do_starts_nothing() -> None:
    cluster = FakeCluster()
    assert scored(pool_on(cluster), make_requests(3), frozenset(range(3))) == {}
    assert cluster.hired == 0


def test_replicas_are_kept_for_the_next_call() -> None:
    cluster = FakeCluster()
    pool = pool_on(cluster)
    scored(pool, make_requests(9))
    scored(pool, make_requests(10))
    assert cluster.hired == 2
    assert pool.scoring_method == "fake"


def test_all_replicas_share_the_work() -> None:
    cluster = FakeCluster()
    scored(pool_on(cluster, 4), make_requests(400))
    answers = [number for number, call in cluster.calls if call == "answer"]
    assert {number: answers.count(number) for number in set(answers)}.keys() == {0, 1, 2, 3}
    assert max(map(answers.count, range(4))) < 0.5 * len(answers)


@dataclass
class DiesAt:
    """Kills whoever does the calls with these numbers."""

    numbers: frozenset[int]
    calls: list[Call] = field(default_factory=list)

    def __call__(self, number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        self.calls.append(call)
        return len(self.calls) in self.numbers


@pytest.mark.parametrize("seed", range(40))
def test_the_dead_are_replaced_and_nothing_is_lost_or_given_twice(seed: int) -> None:
    requests = make_requests(150)
    chance = random.Random(seed)
    deaths = DiesAt(frozenset(chance.sample(range(chance.randrange(1, 8), 80, 8), 4)))
    cluster = FakeCluster(seed=seed, kills=deaths)
    pool = pool_on(cluster, chance.choice([1, 2, 3]))
    assert scored(pool, requests) == scored(PlanningFake(), requests)


def kills_over(key: str) -> Callable[[int, Call, tuple[Any, ...]], bool]:
    """A question that no replica lives through."""

    def kills(number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        return call == "answer" and any(
            request.key == key for requests in arguments[0] for request in requests
        )

    return kills


def test_a_deadly_question_is_named_with_those_of_its_pass_alone() -> None:
    requests = make_requests(90)
    cluster = FakeCluster(kills=kills_over("q7"))
    with pytest.raises(MeasurementError) as caught:
        scored(pool_on(cluster), requests)
    together = next(
        [requests[place].key for place in places]
        for places in PlanningFake().plan_scores(requests)
        if requests[7] in [requests[place] for place in places]
    )
    assert f"questions {', '.join(together)};" in caught.value.got
    assert "was killed" in caught.value.got
    assert cluster.hired == 2 + MOST_DEATHS
    assert not cluster.workers


def test_what_waited_behind_a_deadly_question_is_not_blamed() -> None:
    """With one replica every job waits behind it once."""
    requests = make_requests(90)
    pool = pool_on(FakeCluster(kills=kills_over("q7")), 1)
    with pytest.raises(MeasurementError) as caught:
        scored(pool, requests)
    assert "q7" in caught.value.got


def test_a_plan_that_kills_is_given_up_too() -> None:
    cluster = FakeCluster(kills=lambda number, call, arguments: call == "plan")
    with pytest.raises(MeasurementError, match="died over the same questions"):
        scored(pool_on(cluster), make_requests(5))


def test_too_few_workers_in_time() -> None:
    cluster = FakeCluster(room=1)
    with pytest.raises(MeasurementError) as caught:
        scored(pool_on(cluster, 3), make_requests(5))
    assert caught.value.what == "1 of 3 workers for fake came up within 60 s"
    assert caught.value.got == "a cluster with room for 1 fakes"
    assert caught.value.wanted == "3 workers with 1 fake each"
    assert cluster.clock.now() == 100.0 + TIMEOUT_S
    assert not cluster.workers


def test_without_room_for_the_replaced_the_others_do_the_work() -> None:
    """As when a machine of the cluster is gone for good."""
    cluster = FakeCluster(room=2)

    def kills(number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        if number == 0 and call == "answer":
            cluster.room = 1
            return True
        return False

    cluster.kills = kills
    requests = make_requests(60)
    assert scored(pool_on(cluster), requests) == scored(PlanningFake(), requests)


def test_nobody_left_and_nobody_comes() -> None:
    cluster = FakeCluster(room=2)

    def kills(number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        cluster.room = 0 if call == "answer" else cluster.room
        return call == "answer"

    cluster.kills = kills
    with pytest.raises(MeasurementError, match="0 of 2 workers for fake came up within 60 s"):
        scored(pool_on(cluster), make_requests(60))


# With a load that hangs the others have done all work before it is known for sure.
@pytest.mark.parametrize(("stuck_in", "hired"), [("load", 2), ("plan", 3), ("answer", 3)])
def test_one_that_hangs_is_replaced_as_if_it_had_died(stuck_in: Call, hired: int) -> None:
    victims: list[int] = []

    def hangs(number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        """The first that shall do what another has done already."""
        if call != stuck_in:
            return False
        if not victims and any(did == call and who != number for who, did in cluster.calls):
            victims.append(number)
        return number in victims

    requests = make_requests(3 * BLOCK_QUESTIONS)
    cluster = FakeCluster(hangs=hangs, call_s=1.0)
    assert scored(pool_on(cluster), requests) == scored(pool_on(FakeCluster()), requests)
    assert cluster.hired == hired


def test_a_load_that_hangs_does_not_keep_the_others_waiting() -> None:
    cluster = FakeCluster(
        hangs=lambda number, call, arguments: number == 0 and call == "load", call_s=1.0
    )
    pool = pool_on(cluster)
    pool.load_all()
    assert cluster.hired == 3
    assert HUNG_S["load"] < cluster.clock.now() - 100.0 < HUNG_S["load"] + 60


def test_a_question_over_which_all_hang_ends_the_run() -> None:
    over = kills_over("q7")
    cluster = FakeCluster(hangs=over, call_s=1.0)
    with pytest.raises(MeasurementError, match="over the same questions") as caught:
        scored(pool_on(cluster), make_requests(90))
    assert "no answer for" in caught.value.got
    assert not cluster.workers


def test_a_slow_call_is_waited_for() -> None:
    """Twenty times the longest of its kind, however long that was."""
    cluster = FakeCluster()
    pool = pool_on(cluster)
    pool.load_all()
    cluster.call_s = 100.0
    moments: list[float] = []

    def hangs(number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        if number or call != "answer" or len(cluster.calls) < 20:
            return False
        moments.append(cluster.clock.now())
        return moments[-1] - moments[0] < 0.9 * HUNG_TIMES * 100.0

    cluster.hangs = hangs
    requests = make_requests(300)
    assert scored(pool, requests) == scored(PlanningFake(), requests)
    assert moments[-1] - moments[0] > HUNG_S["answer"]
    assert cluster.hired == 2


def test_replicas_that_die_as_they_load_are_not_started_for_ever() -> None:
    cluster = FakeCluster(kills=lambda number, call, arguments: call == "load")
    with pytest.raises(MeasurementError, match="die before they can be asked anything"):
        scored(pool_on(cluster), make_requests(5))
    assert cluster.hired <= 5


def test_a_replacement_that_cannot_load_leaves_the_work_to_the_others() -> None:
    def kills(number: int, call: Call, arguments: tuple[Any, ...]) -> bool:
        return (number == 0 and call == "answer") or (number > 1 and call == "load")

    requests = make_requests(300)
    cluster = FakeCluster(kills=kills)
    assert scored(pool_on(cluster), requests) == scored(PlanningFake(), requests)
    assert cluster.hired == 2 + 3


@pytest.mark.parametrize(
    "error",
    [
        ModelReferenceError("no model", got="nothing", wanted="a model", next_step="give one"),
        MeasurementError("other files", got="these", wanted="those", next_step="copy them"),
    ],
)
def test_what_loading_raises_comes_out(error: Exception) -> None:
    cluster = FakeCluster(make=lambda: error)
    with pytest.raises(type(error)) as caught:
        scored(pool_on(cluster), make_requests(5))
    assert str(caught.value) == str(error)
    assert not cluster.workers


def test_what_the_model_raises_comes_out() -> None:
    cluster = FakeCluster(make=lambda: PlanningFake(refused={"q3": NOT_FINITE}))
    with pytest.raises(NotFiniteScoreError) as caught:
        scored(pool_on(cluster), make_requests(20))
    assert str(caught.value) == str(NOT_FINITE)
    assert not cluster.workers


def test_an_error_that_nobody_foresaw_is_not_swallowed() -> None:
    cluster = FakeCluster(make=lambda: PlanningFake(refused={"q3": ZeroDivisionError("oh")}))
    with pytest.raises(ZeroDivisionError):
        scored(pool_on(cluster), make_requests(20))


def test_an_interrupted_call_leaves_nothing_for_the_next() -> None:
    cluster, requests = FakeCluster(), make_requests(60)
    pool = pool_on(cluster)
    passes = pool.score_in_passes(requests)
    first = next(passes)
    passes.close()  # type: ignore[attr-defined]
    assert not cluster.workers
    found = scored(pool, requests, frozenset(first))
    assert {**found, **first} == scored(PlanningFake(), requests)
    assert cluster.hired == 4
