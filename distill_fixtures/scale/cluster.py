"""What a pool needs of the engine that runs its replicas; Ray is one, the tests' fake another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal, Protocol

__all__ = ["Call", "Cluster", "ReplicaLostError", "Ticket", "Worker"]

Call = Literal["ping", "load", "plan", "answer"]
Ticket = Hashable
Worker = Any


class ReplicaLostError(Exception):
    """A replica's process or its machine is gone, and with it what it was doing."""


class Cluster(Protocol):
    """Processes that run a replica each."""

    def hire(self) -> Worker:
        """Ask for another replica; returns at once, whether or not there is room for it."""
        ...

    def ask(self, worker: Worker, call: Call, *arguments: Any) -> Ticket:
        """Call a method of the replica; a replica does what it is asked one after another."""
        ...

    def wait(self, tickets: Sequence[Ticket], timeout_s: float) -> Sequence[Ticket]:
        """Those that are done, as soon as there is one; none when the time is over."""
        ...

    def result(self, ticket: Ticket) -> Any:
        """What a call that is done came to.

        Raises:
            ReplicaLostError: there is no replica any more.
        """
        ...

    def dismiss(self, worker: Worker) -> None:
        """End a replica, or take back that it was asked for."""
        ...

    def describe(self) -> str:
        """What the cluster has, for messages."""
        ...

    def describe_replica(self) -> str:
        """What one replica asks for, for messages."""
        ...

    def close(self) -> None:
        """End all replicas."""
        ...
