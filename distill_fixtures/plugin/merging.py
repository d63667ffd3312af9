"""A merged copy of an adapter's model, there for as long as it is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distill_fixtures.measure.machine.free_memory import free_memory
from distill_fixtures.metrics.merged import MERGED, UNMERGED
from distill_fixtures.models.adapter_merge import check_mergeable, load_merged
from distill_fixtures.models.model_registry import ModelRegistry

if TYPE_CHECKING:
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.models.protocol import Model

__all__ = ["beside_merged_copy"]


@contextmanager
def beside_merged_copy(
    adapter: ModelPlan, unmerged: Callable[[], Model], placement: tuple[str, str]
) -> Iterator[Mapping[str, Model]]:
    """The model and a merged copy, by name; the copy is freed in the end.

    Args:
        adapter: the model's plan, its files local.
        unmerged: the model; asked for only where it can be merged.
        placement: device and number format.

    Raises:
        MissingFigureError: it cannot be merged, or a copy does not fit beside what is loaded.
    """
    device, dtype = placement
    check_mergeable(adapter, dtype=dtype, free_bytes=None)
    model = unmerged()
    check_mergeable(adapter, dtype=dtype, free_bytes=free_memory(device))

    def load(copied: ModelPlan) -> Model:
        return load_merged(copied, model.card, device=device, dtype=dtype)

    with ModelRegistry(load) as copies:
        yield {UNMERGED: model, MERGED: copies.get(adapter)}
