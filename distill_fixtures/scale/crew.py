"""Replicas of a pool: placed, loaded, asked, and replaced when they are lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.protocol import Clock, GenerateSettings
from distill_fixtures.scale.cluster import Call, Cluster, ReplicaLostError, Ticket, Worker
from distill_fixtures.scale.replica import Failed, Loaded
from distill_fixtures.scale.work import Job, Work

__all__ = ["Crew", "Done", "Lost"]

# Between two looks whether somebody is still there to wait for.
LOOK_S = 5.0
# Replicas lost before they could be asked anything, one after another.
MOST_FAILED_STARTS = 3
# A replica hangs when a call takes so many times the longest of its kind until then, and at least
# so long. Jobs are cut alike; of loads one may find the files in memory, another must fetch them.
HUNG_TIMES = 20.0
HUNG_S: Mapping[Call, float] = {"load": 3600.0, "plan": 600.0, "answer": 600.0}


@dataclass(frozen=True, slots=True)
class Done:
    """A job, what it came to, and how long it took."""

    job: Job
    result: Any
    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """What a replica had been asked when it was lost, in this order, and how it was lost."""

    jobs: tuple[Job, ...]
    reason: str


@dataclass(eq=False)
class Member:
    """A replica.

    Attributes:
        since_s: when it was asked for.
        stage: ``placing`` (there is no process yet), ``loading`` or ``ready``.
        asked: calls that have not come back, in their order; a step of its start has no job.
        working_since_s: when it began with the first of them, as far as is known here.
    """

    worker: Worker
    since_s: float
    stage: Literal["placing", "loading", "ready"] = "placing"
    asked: deque[tuple[Ticket, Call, Job | None]] = field(default_factory=deque)
    working_since_s: float = 0.0


class Crew:
    """So many replicas.

    Args:
        cluster: where they run.
        size: how many.
        start_timeout_s: they must have a process by then.
        reference: the model's, for messages.
        clock: for the time-out.

    Attributes:
        uses_chat_template: of the first that was loaded; None before.
    """

    def __init__(
        self, cluster: Cluster, size: int, *, start_timeout_s: float, reference: str, clock: Clock
    ) -> None:
        self._cluster = cluster
        self._size = size
        self._start_timeout_s = start_timeout_s
        self._reference = reference
        self._clock = clock
        self._members: list[Member] = []
        self._failed_starts = 0
        self._longest_s: dict[Call, float] = {}
        self.uses_chat_template: bool | None = None

    def __len__(self) -> int:
        return len(self._members)

    @property
    def all_loaded(self) -> bool:
        """Whether every replica can be asked."""
        return all(member.stage == "ready" for member in self._members)

    def start(self) -> None:
        """Ask for all replicas, and wait until each has a process.

        They load their models by themselves from then on.

        Raises:
            MeasurementError: some found no room in time, or died as they started.
            DistillBenchError: whatever the model raised as it was loaded.
        """
        for _ in range(self._size):
            self._hire()
        deadline_s = self._clock.now() + self._start_timeout_s
        while any(member.stage == "placing" for member in self._members):
            left_s = deadline_s - self._clock.now()
            if left_s <= 0:
                raise self._too_few()
            for _ in self.events(min(left_s, LOOK_S)):
                pass  # nobody was asked anything yet

    def with_room(self, most_asked: int) -> list[Member]:
        """Replicas that are loaded and have fewer jobs than that."""
        return [
            member
            for member in self._members
            if member.stage == "ready" and len(member.asked) < most_asked
        ]

    def give(self, member: Member, job: Job, work: Work, settings: GenerateSettings | None) -> None:
        """Ask a replica."""
        passes = work.requests_of(job)
        if job.plans:
            self._ask(member, "plan", job, passes[0], settings)
        else:
            self._ask(member, "answer", job, passes, settings)

    def events(self, timeout_s: float = LOOK_S) -> Iterator[Done | Lost]:
        """What has happened, as soon as something has; nothing when the time is over.

        Raises:
            DistillBenchError: whatever a model raised.
            MeasurementError: nobody is left, and nobody comes.
        """
        # A replica does one thing after another, so its first call is the first to come back.
        waited_for = {member.asked[0][0]: member for member in self._members if member.asked}
        done = self._cluster.wait(list(waited_for), timeout_s)
        if not done:
            self._refuse_to_wait_for_nobody()
        for ticket in done:
            event = self._event_of(waited_for.pop(ticket))
            if event is not None:
                yield event
        for member in waited_for.values():
            if (reason := self._why_hung(member)) is not None:
                yield self._lost(member, reason)

    def close(self) -> None:
        """End all replicas."""
        self._members.clear()
        self._failed_starts = 0
        self._cluster.close()

    def _event_of(self, member: Member) -> Done | Lost | None:
        ticket, call, job = member.asked[0]
        try:
            result = self._cluster.result(ticket)
        except ReplicaLostError as error:
            return self._lost(member, str(error))
        member.asked.popleft()
        took_s = self._clock.now() - member.working_since_s
        self._longest_s[call] = max(took_s, self._longest_s.get(call, 0.0))
        member.working_since_s = self._clock.now()
        if isinstance(result, Failed):
            raise result.error
        if job is not None:
            return Done(job, result, took_s)
        if isinstance(result, Loaded):
            member.stage = "ready"
            self.uses_chat_template = result.uses_chat_template
            self._failed_starts = 0
        else:
            member.stage = "loading"
        return None

    def _hire(self) -> None:
        worker = self._cluster.hire()
        member = Member(worker, self._clock.now())
        self._ask(member, "ping", None)
        self._ask(member, "load", None)
        self._members.append(member)

    def _ask(self, member: Member, call: Call, job: Job | None, *arguments: Any) -> None:
        if not member.asked:
            member.working_since_s = self._clock.now()
        ticket = self._cluster.ask(member.worker, call, *arguments)
        member.asked.append((ticket, call, job))

    def _lost(self, member: Member, reason: str) -> Lost:
        self._replace(member, reason)
        jobs = tuple(job for _, _, job in member.asked if job is not None)
        return Lost(jobs, reason)

    def _why_hung(self, member: Member) -> str | None:
        """Why a replica that is there will not answer any more; None where it may.

        Where nothing of a kind has come back there is no measure, and no bound.
        """
        _, call, _ = member.asked[0]
        if call not in HUNG_S or call not in self._longest_s:
            return None  # whether it finds a place in time is told elsewhere
        most_s = max(HUNG_S[call], HUNG_TIMES * self._longest_s[call])
        waited_s = self._clock.now() - member.working_since_s
        if waited_s <= most_s:
            return None
        return (
            f"no answer for {waited_s:.0f} s ({call}; the longest until then took "
            f"{self._longest_s[call]:.0f} s)"
        )

    def _replace(self, member: Member, reason: str) -> None:
        self._members.remove(member)
        self._cluster.dismiss(member.worker)
        if member.stage != "ready":
            self._failed_starts += 1
            if self._failed_starts >= MOST_FAILED_STARTS:
                if any(each.stage != "placing" for each in self._members):
                    return  # those that are left do the work
                raise self._dying(reason)
        self._hire()

    def _refuse_to_wait_for_nobody(self) -> None:
        if any(member.stage != "placing" for member in self._members):
            return
        oldest_s = min((member.since_s for member in self._members), default=self._clock.now())
        if self._clock.now() - oldest_s >= self._start_timeout_s:
            raise self._too_few()

    def _too_few(self) -> MeasurementError:
        up = sum(member.stage != "placing" for member in self._members)
        return MeasurementError(
            f"{up} of {self._size} workers for {self._reference} came up within "
            f"{self._start_timeout_s:g} s",
            got=f"a cluster with {self._cluster.describe()}",
            wanted=f"{self._size} workers with {self._cluster.describe_replica()} each",
            next_step="give fewer --distill-ray-workers, ask for less per replica "
            "(--distill-ray-gpus-per-replica, --distill-ray-cpus-per-replica), or wait longer "
            "(--distill-ray-timeout)",
        )

    def _dying(self, reason: str) -> MeasurementError:
        return MeasurementError(
            f"replicas of {self._reference} die before they can be asked anything",
            got=f"{self._failed_starts} one after another; the last one: {reason}",
            wanted="a replica that loads the model",
            next_step="check that the package is installed on every machine of the cluster, and "
            "that each replica has memory for the model's weights",
        )
