"""From the options of a run to pools of replicas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from distill_fixtures.errors import MeasurementError, ModelReferenceError
from distill_fixtures.measure.machine.free_memory import free_memory
from distill_fixtures.measure.scores.score_source import BLOCK_QUESTIONS
from distill_fixtures.models.memory_needs import memory_need
from distill_fixtures.records import Undefined
from distill_fixtures.scale.pool import ReplicaPool
from distill_fixtures.scale.ray_cluster import RayCluster, RayReplicas, RaySettings

if TYPE_CHECKING:
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.records import ModelCard
    from distill_fixtures.scale.replica import ReplicaOrder

__all__ = ["RayExecutor"]

# Where their number is not said: told before the cluster is asked what it has.
USUAL_WORKERS = 8


class RayExecutor:
    """Makes a pool for each model; all of them on one cluster, one after another.

    Args:
        settings: which cluster, and what a replica asks of it.
    """

    def __init__(self, settings: RaySettings) -> None:
        self.settings = settings
        self._cluster = RayCluster(settings)

    @property
    def questions_at_once(self) -> int:
        """Questions to ask for in one call, so that replicas seldom wait for each other."""
        return BLOCK_QUESTIONS * (self.settings.workers or USUAL_WORKERS)

    def pool(self, plan: ModelPlan, card: ModelCard, order: ReplicaOrder) -> ReplicaPool:
        """A pool of replicas of one model. Joins the cluster; replicas start when they are asked.

        Args:
            plan: of the model, its files local.
            card: from its files.
            order: how a replica finds and loads it.

        Raises:
            MeasurementError: there is no cluster, or this machine never has so many CPUs or GPUs.
            ModelReferenceError: on this machine, so many replicas do not fit into memory.
        """
        self._cluster.open()
        return ReplicaPool(
            card,
            RayReplicas(self._cluster, order),
            self._replicas(plan, order.dtype),
            start_timeout_s=self.settings.start_timeout_s,
        )

    def close(self) -> None:
        """Leave the cluster, so that nothing of it runs beside a timing; a pool that is asked
        later joins it again."""
        self._cluster.close()

    def _replicas(self, plan: ModelPlan, dtype: str) -> int:
        """As many as were asked for, else as there is room for."""
        room = self._memory_room(plan, dtype)
        # A cluster elsewhere may grow; this machine does not.
        there = self._cluster.room()
        if self._cluster.is_local and there < (self.settings.workers or 1):
            raise self._too_few(there)
        if room is not None and room < (self.settings.workers or 1):
            raise self._no_room(plan, dtype, room)
        if self.settings.workers is None:
            return max(1, there if room is None else min(there, room))
        return self.settings.workers

    def _memory_room(self, plan: ModelPlan, dtype: str) -> int | None:
        """Replicas whose weights fit into this machine's memory; None where that is not known."""
        if not self._cluster.is_local or self.settings.gpus:
            return None
        need, free = memory_need(plan, dtype), free_memory("cpu")
        if isinstance(need, Undefined) or free is None:
            return None
        return math.floor(free / max(1, need.size_bytes))

    def _too_few(self, there: int) -> MeasurementError:
        wanted = self.settings.workers or 1
        return MeasurementError(
            f"this machine has room for {there} of {wanted} replicas",
            got=f"a cluster with {self._cluster.describe()}",
            wanted=f"{wanted} with {self._cluster.describe_replica()} each",
            next_step="give fewer --distill-ray-workers, ask for less per replica "
            "(--distill-ray-gpus-per-replica, --distill-ray-cpus-per-replica), or give the address "
            "of a larger cluster with --distill-ray-address",
        )

    def _no_room(self, plan: ModelPlan, dtype: str, room: int) -> ModelReferenceError:
        need, free = memory_need(plan, dtype), free_memory("cpu")
        size = "unknown" if isinstance(need, Undefined) else f"{need.size_bytes / 1e9:.1f} GB"
        workers = self.settings.workers or 1
        replicas = f"{workers} replicas" if workers > 1 else "one replica"
        fewer = f"--distill-ray-workers {room}, " if room else ""
        return ModelReferenceError(
            f"{replicas} of {plan.reference} do{'' if workers > 1 else 'es'} not fit into this "
            "machine's memory",
            got=f"{size} of weights each as {dtype}; {(free or 0) / 1e9:.1f} GB are free",
            wanted="memory for the weights of every replica, and some more to run them",
            next_step=f"give {fewer}--distill-dtype bfloat16, or the address of a larger cluster "
            "with --distill-ray-address",
        )
