"""Loading a model into this process, by the options of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distill_fixtures.measure.machine.free_memory import free_memory
from distill_fixtures.models.devices import resolve_device, resolve_dtype
from distill_fixtures.models.loading import open_model
from distill_fixtures.models.memory_needs import check_memory

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.models.file_digests import FileDigests
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.models.protocol import Model

__all__ = ["open_here"]


def open_here(plan: ModelPlan, config: RunConfig, digests: FileDigests) -> Model:
    """Load a model, or open the way to a served one.

    Raises:
        ModelReferenceError: it cannot be loaded, or does not fit into memory.
    """
    device = resolve_device(config.device)
    dtype = resolve_dtype(config.dtype, device)
    if config.executor != "local":
        # Not before: a model that is only asked through replicas need not fit here.
        free = free_memory(device)
        check_memory({"model": plan}, device=device, dtype=dtype, free_bytes=free)
    return open_model(plan, device=device, dtype=dtype, digests=digests)
