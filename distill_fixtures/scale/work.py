"""The work that a call of a pool stands for: what is to be planned, asked, and asked again.

Passes are those of a single process: a model's own plan over as many questions as one process
plans together. They are only asked in other places, so that figures do not depend on it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from distill_fixtures.errors import MeasurementError
from distill_fixtures.measure.scores.score_source import BLOCK_QUESTIONS
from distill_fixtures.models.protocol import Generated, GenerateRequest, Scored, ScoreRequest

__all__ = ["MOST_DEATHS", "Job", "Work"]

Request = ScoreRequest | GenerateRequest
Result = Scored | Generated

# Of replicas over the same pass: whatever kills the third is not chance.
MOST_DEATHS = 3
# Requests of a job: what is lost with a replica, against what a call costs.
MOST_REQUESTS = 64
# A job is at most such a part of a replica's share of what is left: jobs become smaller towards the
# end, down to one pass, so that all replicas end at about the same time.
PARTS_OF_SHARE = 16
# But not so small that it takes less than this: beside it what a call costs would be seen.
LEAST_JOB_S = 0.2
# All of a usual pass: any of them may be the one.
SHOWN_QUESTIONS = 64


@dataclass(frozen=True, slots=True)
class Job:
    """What a replica is asked in one call.

    Attributes:
        passes: places of requests by pass; of a plan, all that are planned together.
        plans: asks which passes they make, and not for answers.
        deaths: replicas that died over it.
    """

    passes: tuple[tuple[int, ...], ...]
    plans: bool = False
    deaths: int = 0


class Work:
    """What is left to do of some requests.

    Args:
        requests: all of them.
        known: places that need no answer; passes are planned over them too.
        replicas: how many share the work.
        reference: the model's, for messages.
    """

    def __init__(
        self, requests: Sequence[Request], known: Collection[int], replicas: int, reference: str
    ) -> None:
        self.requests = requests
        self._reference = reference
        self._left = set(range(len(requests))) - set(known)
        self._parts = PARTS_OF_SHARE * replicas
        self._to_plan = deque(
            Job((group,), plans=True)
            for group in _groups(requests)
            if not self._left.isdisjoint(group)
        )
        self._request_s = 0.0
        self._again: deque[Job] = deque()
        self._passes: deque[tuple[int, ...]] = deque()

    @property
    def done(self) -> bool:
        """Whether every request has its answer."""
        return not self._left

    @property
    def waiting(self) -> int:
        """Plans and passes that nobody has been asked for yet."""
        return len(self._to_plan) + len(self._again) + len(self._passes)

    def next_job(self) -> Job | None:
        """The next to be asked; None where all are being worked on."""
        if self._again:
            return self._again.popleft()
        if self._passes:
            return self._next_passes()
        return self._to_plan.popleft() if self._to_plan else None

    def requests_of(self, job: Job) -> list[list[Request]]:
        """A job's requests by pass."""
        return [[self.requests[place] for place in places] for places in job.passes]

    def take_plan(self, job: Job, planned: Sequence[Sequence[int]]) -> None:
        """Take up the passes that a group's requests make.

        Args:
            job: the plan.
            planned: places within the group, by pass.
        """
        (group,) = job.passes
        passes = [[group[place] for place in places] for places in planned]
        wanted = [tuple(place for place in some if place in self._left) for some in passes]
        self._passes.extend(some for some in wanted if some)

    def take_answers(
        self, job: Job, passes: Sequence[Sequence[Result]], seconds: float
    ) -> Iterator[Mapping[int, Result]]:
        """A job's results by place, pass by pass.

        Args:
            seconds: that it took, from which the size of the next ones is told.
        """
        self._request_s = seconds / sum(map(len, job.passes))
        for places, results in zip(job.passes, passes, strict=True):
            self._left.difference_update(places)
            yield dict(zip(places, results, strict=True))

    def take_back(self, jobs: Sequence[Job], reason: str) -> None:
        """Put back what a lost replica had been asked, in this order.

        It worked on the first; the others were only waiting. Of several passes it is not known
        which one it worked on, so each is asked by itself from then on.

        Args:
            reason: how the replica was lost, for the message.

        Raises:
            MeasurementError: the first job has now cost too many replicas.
        """
        if not jobs:
            return
        first, later = jobs[0], jobs[1:]
        deaths = first.deaths + 1
        if deaths >= MOST_DEATHS:
            raise self._deadly(first, deaths, reason)
        again = (
            [replace(first, deaths=deaths)]
            if first.plans
            else [Job((places,), deaths=deaths) for places in first.passes]
        )
        for job in reversed([*again, *later]):
            (self._to_plan if job.plans else self._again).appendleft(job)

    def _next_passes(self) -> Job:
        """Whole passes, in their order, until there are so many requests."""
        least = math.ceil(LEAST_JOB_S / self._request_s) if self._request_s else 1
        most = min(MOST_REQUESTS, max(least, math.ceil(len(self._left) / self._parts)))
        some = [self._passes.popleft()]
        requests = len(some[0])
        while self._passes and requests + len(self._passes[0]) <= most:
            some.append(self._passes.popleft())
            requests += len(some[-1])
        return Job(tuple(some))

    def _deadly(self, job: Job, deaths: int, reason: str) -> MeasurementError:
        keys = list(
            dict.fromkeys(self.requests[place].key for places in job.passes for place in places)
        )
        more = f" and {len(keys) - SHOWN_QUESTIONS} more" if len(keys) > SHOWN_QUESTIONS else ""
        return MeasurementError(
            f"{deaths} replicas of {self._reference} died over the same questions",
            got=f"questions {', '.join(keys[:SHOWN_QUESTIONS])}{more}; the last one: {reason}",
            wanted="replicas that live through every question",
            next_step="give each replica more memory (fewer --distill-ray-workers, or a larger "
            "--distill-ray-gpus-per-replica), or ask these questions with --distill-executor "
            "local to see what happens",
        )


def _groups(requests: Sequence[Request]) -> Iterator[tuple[int, ...]]:
    """Places of requests that are planned together: those of as many questions as one process
    plans together."""
    places: list[int] = []
    keys: set[str] = set()
    for place, request in enumerate(requests):
        if request.key not in keys and len(keys) == BLOCK_QUESTIONS:
            yield tuple(places)
            places, keys = [], set()
        places.append(place)
        keys.add(request.key)
    if places:
        yield tuple(places)
