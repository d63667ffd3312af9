"""A cluster without processes: calls are done one by one, and replicas die when told to."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings, Scored, ScoreRequest
from distill_fixtures.records import Undefined
from distill_fixtures.scale.cluster import Call, ReplicaLostError
from distill_fixtures.scale.replica import Failed, Loaded, Replica, ReplicaOrder
from tests.fakes import FakeClock, FakeModel

__all__ = ["FakeCluster", "FakeReplica", "PlanningFake"]

ORDER = ReplicaOrder(ModelToLoad("fake"), "cpu", "float32", 1, (), {})


@dataclass
class PlanningFake(FakeModel):
    """A fake whose passes show in its scores: the shortest contexts go together.

    Attributes:
        refused: keys of requests that raise an error, and the error.
    """

    module: Any = None
    pass_size: int = 3
    scoring_method: str | Undefined = "fake"
    refused: Mapping[str, Exception] = field(default_factory=dict)

    def plan_scores(self, requests: Sequence[ScoreRequest]) -> list[list[int]]:
        order = sorted(range(len(requests)), key=lambda place: len(requests[place].context))
        return [
            order[start : start + self.pass_size] for start in range(0, len(order), self.pass_size)
        ]

    def plan_texts(
        self, requests: Sequence[GenerateRequest], settings: GenerateSettings
    ) -> list[list[int]]:
        return list(self._passes(len(requests), ()))

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        for planned in self.plan_scores(requests):
            places = [place for place in planned if place not in known]
            if not places:
                continue
            for place in places:
                if requests[place].key in self.refused:
                    raise self.refused[requests[place].key]
            # Rounding as it is: another company, another figure.
            company = sum(len(requests[place].context) for place in places) / 1e6
            yield {
                place: Scored(tuple(-len(text) - company for text in requests[place].continuations))
                for place in places
            }


class FakeReplica(Replica):
    """A replica whose model is there already.

    Args:
        model: what it loads, or what loading it raises.
    """

    def __init__(self, model: PlanningFake | Exception) -> None:
        super().__init__(ORDER)
        self._given = model

    def _load(self) -> Loaded:
        if isinstance(self._given, Exception):
            raise self._given
        self._model = self._given
        return Loaded(self._given.uses_chat_template)


@dataclass(eq=False)
class FakeWorker:
    """A process that may have found its place."""

    number: int
    replica: Replica
    asked: deque[tuple[int, Call, tuple[Any, ...]]] = field(default_factory=deque)
    placed: bool = False
    dead: bool = False


@dataclass
class FakeCluster:
    """Satisfies ``scale.cluster.Cluster``.

    Attributes:
        make: a replica's model.
        room: workers that find a place at the same time.
        clock: moves by the whole time-out where nothing happens in it.
        kills: whether a worker dies over a call; told the worker's number, the call and what was
            asked.
        hangs: whether a worker never comes back from a call; told the same.
        call_s: what a call takes.
        seed: of whose turn it is.
        hired: how many were asked for so far.
        calls: what was done, by the workers' numbers.
    """

    make: Callable[[], PlanningFake | Exception] = PlanningFake
    room: int = 8
    clock: FakeClock = field(default_factory=FakeClock)
    kills: Callable[[int, Call, tuple[Any, ...]], bool] = lambda number, call, arguments: False
    hangs: Callable[[int, Call, tuple[Any, ...]], bool] = lambda number, call, arguments: False
    call_s: float = 0.0
    seed: int = 0
    hired: int = 0
    calls: list[tuple[int, Call]] = field(default_factory=list)
    workers: list[FakeWorker] = field(default_factory=list)
    _results: dict[int, Any] = field(default_factory=dict)
    _tickets: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def hire(self) -> FakeWorker:
        worker = FakeWorker(self.hired, FakeReplica(self.make()))
        self.hired += 1
        self.workers.append(worker)
        return worker

    def ask(self, worker: FakeWorker, call: Call, *arguments: Any) -> int:
        self._tickets += 1
        worker.asked.append((self._tickets, call, arguments))
        return self._tickets

    def wait(self, tickets: Sequence[Any], timeout_s: float) -> Sequence[Any]:
        ready = [worker for worker in self._placed() if worker.asked]
        self._chance.shuffle(ready)
        for worker in ready:
            ticket, call, arguments = worker.asked[0]
            if ticket in tickets and not self.hangs(worker.number, call, arguments):
                self.clock.advance(self.call_s)
                self._do(worker, ticket, call, arguments)
                return [ticket]
        self.clock.advance(timeout_s)
        return []

    def result(self, ticket: Any) -> Any:
        result = self._results.pop(ticket)
        if isinstance(result, Exception):
            raise result
        return result

    def dismiss(self, worker: FakeWorker) -> None:
        self.workers.remove(worker)

    def describe(self) -> str:
        return f"room for {self.room} fakes"

    def describe_replica(self) -> str:
        return "1 fake"

    def close(self) -> None:
        self.workers.clear()

    def _placed(self) -> list[FakeWorker]:
        for worker in self.workers:
            worker.placed = worker.placed or sum(each.placed for each in self.workers) < self.room
        return [worker for worker in self.workers if worker.placed]

    def _do(self, worker: FakeWorker, ticket: int, call: Call, arguments: tuple[Any, ...]) -> None:
        self.calls.append((worker.number, call))
        if worker.dead or self.kills(worker.number, call, arguments):
            worker.dead = True
            self._results[ticket] = ReplicaLostError(f"worker {worker.number} was killed")
            return
        worker.asked.popleft()
        result = getattr(worker.replica, call)(*arguments)
        assert not isinstance(result, Failed) or result.error is not None
        self._results[ticket] = result
