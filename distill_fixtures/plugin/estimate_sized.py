"""A model as far as its files tell of it, and what it needs and takes on named hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_fixtures.estimate.memory import LargestPass, peak_bytes
from distill_fixtures.estimate.model_size import (
    counts_without_weights,
    dtype_of_plan,
    weights_bytes,
    weights_of_counts,
)
from distill_fixtures.estimate.roofline import roofline_s
from distill_fixtures.estimate.shape import ModelShape, shape_of_config
from distill_fixtures.estimate.work import Weights, Work, flops_of
from distill_fixtures.measure.processes.worker_report import LONG_LOAD_S, WARM_LOADS
from distill_fixtures.models.memory_needs import BYTES_OF_DTYPE
from distill_fixtures.plugin.estimate_parts import whole_run
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.estimate.targets import Device
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.records import Role

__all__ = ["LAYER_S", "READ_BYTES_PER_S", "SizedModel", "sized_model"]

READ_BYTES_PER_S = 1e9
"""Of weights from a disk or a network drive into memory."""
LAYER_S = 0.5e-3
"""PyTorch's own time to start the work of a layer: below it no pass of small tensors comes."""

SERVED = Undefined("behind a server: it runs where it runs, not on this hardware")
NOT_HERE = Undefined("its files are not here: download it, or its config.json into a folder")


@dataclass(frozen=True, slots=True)
class SizedModel:
    """What its files tell.

    Attributes:
        plan: where it comes from.
        dtype: in which it would be loaded.
        shape: of its layers; None where its configuration does not tell.
        parameters: of the whole model.
        weights: those that a token runs through.
        held_bytes: of all weights in memory.
    """

    plan: ModelPlan
    dtype: str
    shape: ModelShape | None
    parameters: int
    weights: Weights
    held_bytes: float

    @property
    def element_bytes(self) -> int:
        return BYTES_OF_DTYPE[self.dtype]

    def need_bytes(self, run: StudentRun, largest: LargestPass, *, compares: bool) -> float:
        """At its peak.

        Args:
            largest: of the passes that answer questions.
            compares: next tokens are compared, for which whole distributions are kept.
        """
        if self.shape is not None:
            largest = whole_run(largest, run, self.shape, device="cuda", compares=compares)
        return peak_bytes(self.held_bytes, self.shape, largest, self.element_bytes)

    def pass_s(self, work: Work, device: Device, read_bytes: float = 0.0) -> float:
        """Seconds of one pass, which reads all weights once.

        Args:
            read_bytes: beside the weights: keys and values that are kept.
        """
        least = 0.0 if self.shape is None else self.shape.layers * LAYER_S
        flops = flops_of(work, self.weights, self.shape)
        moved = self.held_bytes + read_bytes
        return max(least, roofline_s(flops, moved, device, self.dtype))

    @property
    def loads_s(self) -> float:
        """Of the process that measures its memory: a cold load, and warm ones."""
        load_s = self.held_bytes / READ_BYTES_PER_S
        return load_s * (1 + (1 if load_s > LONG_LOAD_S else WARM_LOADS))


def sized_model(run: StudentRun, role: Role) -> SizedModel | Undefined:
    """A model of a run, or why it is not known."""
    plan, asked = run.store.inputs.plans[role], run.student.config.dtype
    if plan.served is not None:
        return SERVED
    if plan.kind == "hub":
        return NOT_HERE
    counts = counts_without_weights(plan)
    if isinstance(counts, Undefined):
        return counts
    held = weights_bytes(plan, counts, asked)
    if isinstance(held, Undefined):
        return held
    shape = shape_of_config((plan.base or plan).config)
    weights = weights_of_counts(plan, counts, shape)
    return SizedModel(plan, dtype_of_plan(plan, asked), shape, counts.total, weights, held)
