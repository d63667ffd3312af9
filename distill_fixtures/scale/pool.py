"""A pool of replicas of one model, which answers like the model itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.protocol import (
    Clock,
    Generated,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
)
from distill_fixtures.records import ModelCard, Undefined
from distill_fixtures.scale.cluster import Cluster
from distill_fixtures.scale.crew import Crew, Lost
from distill_fixtures.scale.work import Work

__all__ = ["ReplicaPool"]

# Jobs that a replica has at most: the one it works on, and one that waits with it, so that it does
# not wait for us.
MOST_ASKED = 2


class ReplicaPool:
    """Satisfies :class:`~distill_fixtures.models.protocol.Answering`.

    Replicas are started when something is asked for the first time. One that is lost is replaced,
    and what it was asked is asked again; a result is given once. Answers come in the order in
    which they are ready.

    Args:
        card: of the model, from its files.
        cluster: where the replicas run.
        replicas: how many.
        start_timeout_s: each must have a process by then.
        clock: for the time-out.
    """

    def __init__(
        self,
        card: ModelCard,
        cluster: Cluster,
        replicas: int,
        *,
        start_timeout_s: float,
        clock: Clock | None = None,
    ) -> None:
        self._card = card
        self._replicas = replicas
        self._crew = Crew(
            cluster,
            replicas,
            start_timeout_s=start_timeout_s,
            reference=card.reference,
            clock=clock or SystemClock(),
        )
        self._method: str | Undefined = Undefined("nothing was scored")

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def uses_chat_template(self) -> bool:
        return bool(self._crew.uses_chat_template)

    @property
    def scoring_method(self) -> str | Undefined:
        return self._method

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        """Raises, beside what the model itself would:

        MeasurementError: too few workers came up, or replicas die over the same questions.
        """
        yield from self._answered(requests, None, known)

    def generate_in_passes(
        self,
        requests: Sequence[GenerateRequest],
        settings: GenerateSettings,
        *,
        known: Collection[int] = (),
    ) -> Iterator[Mapping[int, Generated]]:
        """Raises as ``score_in_passes``."""
        yield from self._answered(requests, settings, known)

    def load_all(self) -> None:
        """Start all replicas and wait until each is loaded, where a start shall not be part of
        what is timed. Raises as ``score_in_passes``."""
        if not len(self._crew):
            self._crew.start()
        while not self._crew.all_loaded:
            for _ in self._crew.events():
                pass  # nobody was asked anything yet

    def close(self) -> None:
        """End all replicas; closing twice is no error. Asked again, the pool starts others."""
        self._crew.close()

    def _answered(
        self, requests: Sequence[Any], settings: GenerateSettings | None, known: Collection[int]
    ) -> Iterator[Mapping[int, Any]]:
        work = Work(requests, known, self._replicas, self._card.reference)
        if work.done:
            return
        try:
            if not len(self._crew):
                self._crew.start()
            while not work.done:
                self._hand_out(work, settings)
                for event in self._crew.events():
                    if isinstance(event, Lost):
                        work.take_back(event.jobs, event.reason)
                    elif event.job.plans:
                        work.take_plan(event.job, event.result)
                    else:
                        self._method = event.result.scoring_method
                        yield from work.take_answers(event.job, event.result.passes, event.seconds)
        finally:
            if not work.done:
                # What the replicas still work on would come back into another call.
                self.close()

    def _hand_out(self, work: Work, settings: GenerateSettings | None) -> None:
        """Ask whoever is free; ask ahead while there is so much left that nobody ends up idle
        beside one with two jobs."""
        for most_asked in range(1, MOST_ASKED + 1):
            for member in self._crew.with_room(most_asked):
                if most_asked > 1 and work.waiting <= self._replicas:
                    return
                job = work.next_job()
                if job is None:
                    return
                self._crew.give(member, job, work, settings)
