"""Ray as the engine that runs replicas: an actor each.

Ray is asked for what this package does not want to invent: processes on several machines, their
resources, and the news that one of them is gone. Starting anew and asking again is the pool's
affair and not Ray's, so that the same question cannot kill replicas for ever.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.errors import MeasurementError, OptionError
from distill_fixtures.scale.cluster import Call, ReplicaLostError, Ticket, Worker
from distill_fixtures.scale.head_address import refuse_what_is_no_ray
from distill_fixtures.scale.replica import Replica, ReplicaOrder
from distill_fixtures.scale.sigterm import Sigterm

__all__ = ["RayCluster", "RayReplicas", "RaySettings", "refuse_without_ray"]

# Questions and answers are small, and Ray would take a third of the machine's memory for them.
OBJECT_STORE_BYTES = 128 * 2**20
# Read by Ray where it starts a cluster; its own default differs between its builds.
USAGE_STATISTICS = "RAY_USAGE_STATS_ENABLED"
# Beside the addresses of all machines Ray lists the first once more under this name.
HEAD_MARK = "node:__internal_head__"
SHOWN_LINES, MOST_SHOWN = 3, 500
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class RaySettings:
    """Which cluster, and what a replica asks of it.

    Attributes:
        address: of a running cluster; None starts one on this machine.
        workers: how many replicas; None: as many as the cluster has room for.
        gpus: for one replica; a fraction shares a GPU; 0 runs on the CPU.
        cpus: for one replica, and its number of threads.
        start_timeout_s: each replica must have a process by then.
    """

    address: str | None = None
    workers: int | None = None
    gpus: float = 0.0
    cpus: int = 1
    start_timeout_s: float = 300.0


def refuse_without_ray() -> None:
    """Raises:
    OptionError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise OptionError(
            "--distill-executor ray cannot be used here",
            got="the package ray is not installed",
            wanted="ray, the engine that runs replicas of a model",
            next_step='pip install "distill-bench[ray]", or leave the option out',
        )


class RayCluster:
    """A running cluster that was named, or one on this machine, started when it is needed.

    Args:
        settings: which cluster.
    """

    def __init__(self, settings: RaySettings) -> None:
        self.settings = settings
        self._is_ours = False
        self._sigterm = Sigterm()

    @property
    def is_local(self) -> bool:
        """Whether all replicas run on this machine."""
        return self.settings.address in (None, "local")

    def open(self) -> None:
        """Start or join the cluster; opening twice is no error. A Ray that this process already
        runs is used, and left running.

        Raises:
            MeasurementError: there is no cluster at the address, or none can be started.
        """
        import ray

        if ray.is_initialized():
            return
        try:
            refuse_what_is_no_ray(self.settings.address or "")
            self._sigterm.take_over(lambda: ray.init(**self._how_to_begin()))
        except Exception as error:  # Ray fails in many ways, with errors of its own and others'
            raise self._no_cluster(error) from error
        self._is_ours = True

    def resources(self) -> Mapping[str, float]:
        """What the cluster has in all, by kind."""
        import ray

        found: Mapping[str, float] = ray.cluster_resources()
        return found

    def room(self) -> int:
        """Replicas that fit into what the cluster has in all; 0 where not even one does."""
        settings, found = self.settings, self.resources()
        rooms = [found.get("CPU", 0) / settings.cpus]
        if settings.gpus:
            # A fraction of a GPU cannot be put together from two of them.
            gpus, each = found.get("GPU", 0), settings.gpus
            rooms.append(gpus // each if each >= 1 else gpus * math.floor(1 / each))
        return math.floor(min(rooms))

    def describe(self) -> str:
        """What the cluster has, for messages."""
        found = self.resources()
        names = {"CPU": "CPUs", "GPU": "GPUs"}
        parts = [f"{found.get(kind, 0):g} {name}" for kind, name in names.items()]
        if "memory" in found:
            parts.append(f"{found['memory'] / 1e9:.1f} GB of memory")
        nodes = sum(name.startswith("node:") and name != HEAD_MARK for name in found)
        return f"{', '.join(parts)} on {nodes} machine{'' if nodes == 1 else 's'}"

    def describe_replica(self) -> str:
        """What one replica asks for, for messages."""
        settings = self.settings
        cpus = f"{settings.cpus} CPU{'' if settings.cpus == 1 else 's'}"
        return f"{cpus} and {settings.gpus:g} GPUs" if settings.gpus else cpus

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here; closing twice is no error."""
        if not self._is_ours:
            return
        import ray

        self._is_ours = False
        ray.shutdown()
        self._sigterm.give_back()

    def _how_to_begin(self) -> dict[str, Any]:
        # Also for the processes that Ray starts, which inherit it.
        os.environ[USAGE_STATISTICS] = "0"
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        if not self.is_local:
            return {"address": self.settings.address, **quiet}
        return {
            # Never by chance a cluster that somebody else runs on this machine.
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
            **quiet,
        }

    def _no_cluster(self, error: Exception) -> MeasurementError:
        said = f"{type(error).__name__}: {error}"
        if self.is_local:
            return MeasurementError(
                "Ray could not be started on this machine",
                got=_shortened(said),
                wanted="a local cluster",
                next_step="see Ray's logs under /tmp/ray, or give --distill-executor local",
            )
        return MeasurementError(
            f"there is no Ray cluster at {self.settings.address}",
            got=_shortened(said),
            wanted="a running cluster of the same Ray and Python version",
            next_step="start one with `ray start --head`, correct --distill-ray-address, or leave "
            "it out for a cluster on this machine",
        )


class RayReplicas:
    """Satisfies :class:`~distill_fixtures.scale.cluster.Cluster` with an actor a replica.

    Args:
        cluster: opened when the first replica is asked for.
        order: what each of them loads.
        kind: what each of them is.
    """

    def __init__(
        self, cluster: RayCluster, order: ReplicaOrder, *, kind: type[Replica] = Replica
    ) -> None:
        self._cluster = cluster
        self._order = order
        self._kind = kind
        self._actors: list[Worker] = []

    def hire(self) -> Worker:
        import ray

        self._cluster.open()
        settings = self._cluster.settings
        actor = (
            ray.remote(self._kind)
            .options(
                num_cpus=settings.cpus,
                num_gpus=settings.gpus,
                # Replaced and asked again by the pool, which counts.
                max_restarts=0,
                max_task_retries=0,
            )
            .remote(self._order)
        )
        self._actors.append(actor)
        return actor

    def ask(self, worker: Worker, call: Call, *arguments: Any) -> Ticket:
        ticket: Ticket = getattr(worker, call).remote(*arguments)
        return ticket

    def wait(self, tickets: Sequence[Ticket], timeout_s: float) -> Sequence[Ticket]:
        import ray

        some = list(tickets)
        done, left = ray.wait(some, num_returns=1, timeout=timeout_s)
        if done and left:
            also, _ = ray.wait(left, num_returns=len(left), timeout=0)
            done = [*done, *also]
        return list(done)

    def result(self, ticket: Ticket) -> Any:
        import ray
        from ray import exceptions

        try:
            return ray.get(ticket)
        except (
            exceptions.RayActorError,
            exceptions.ActorUnschedulableError,
            exceptions.NodeDiedError,
            exceptions.ObjectLostError,
            exceptions.OutOfMemoryError,
            exceptions.WorkerCrashedError,
        ) as error:
            raise ReplicaLostError(_shortened(str(error))) from error
        except exceptions.RayTaskError as error:
            # One that nobody foresaw. Told as ours, so that it is remembered like a result, and not
            # every test starts all replicas anew to meet it.
            raise self._broken(error) from error

    def dismiss(self, worker: Worker) -> None:
        import ray

        if worker in self._actors:
            self._actors.remove(worker)
        ray.kill(worker, no_restart=True)

    def describe(self) -> str:
        return self._cluster.describe()

    def describe_replica(self) -> str:
        return self._cluster.describe_replica()

    def close(self) -> None:
        for actor in list(self._actors):
            self.dismiss(actor)

    def _broken(self, error: Exception) -> MeasurementError:
        # Ray's own text is the other process's whole traceback.
        cause = getattr(error, "cause", None) or error
        return MeasurementError(
            f"a replica of {self._order.model.reference} failed",
            got=_shortened(f"{type(cause).__name__}: {cause}"),
            wanted="a model that answers",
            next_step="ask with --distill-executor local to see where it fails",
        )


def _shortened(text: str) -> str:
    """What Ray says without colours and most of a traceback, whose last line tells what was raised.

    >>> _shortened("died:\\n  File x, line 1\\n    f()\\n    ^^^\\n  File y, line 2\\nOSError: no")
    'died: ... OSError: no'
    """
    plain = COLOURS.sub("", text)
    lines = [line.strip() for line in plain.splitlines() if line.strip(" ^~\t")]
    if len(lines) > SHOWN_LINES:
        lines = [f"{lines[0]} ... {lines[-1]}"]
    return "; ".join(lines)[:MOST_SHOWN]
