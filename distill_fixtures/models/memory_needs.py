"""Whether a model fits, told from its files before any of them is loaded.

A load that does not fit ends in a killed process or in a machine that swaps for an hour. What a
load needs at least is told by the weights' headers: every parameter in the format in which it will
lie in memory. More is needed for activations and for the keys and values of a generation; what is
refused here would not even hold the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.identity import counts_of_plan
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.quantised import method_of
from distill_fixtures.records import Undefined

__all__ = ["MemoryNeed", "check_memory", "memory_need"]

BYTES_OF_DTYPE = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What loading one model takes at least.

    Attributes:
        reference: whose.
        size_bytes: of its weights in memory.
    """

    reference: str
    size_bytes: int


def memory_need(plan: ModelPlan, dtype: str) -> MemoryNeed | Undefined:
    """Bytes of a model's weights once loaded.

    Args:
        dtype: as ``resolve_dtype`` gives it; ``auto``: as they lie in the file.
    """
    if plan.kind in ("hub", "served"):
        return Undefined("its files are not here")
    quantised = method_of((plan.base or plan).config) is not None
    counts = counts_of_plan(plan)
    if dtype == "auto" or quantised or isinstance(counts, Undefined):
        return MemoryNeed(plan.reference, plan.weights_bytes)
    return MemoryNeed(plan.reference, counts.total * BYTES_OF_DTYPE[dtype])


def check_memory(
    plans: Mapping[str, ModelPlan], *, device: str, dtype: str, free_bytes: int | None
) -> None:
    """Refuse models that do not fit into memory together.

    Args:
        plans: those that are loaded at the same time, by role.
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.
        free_bytes: memory that can be had on the device; None: not known.

    Raises:
        ModelReferenceError: says what each of them needs, and what is there.
    """
    if free_bytes is None:
        return
    needs = {role: memory_need(plan, dtype) for role, plan in plans.items()}
    known = {role: need for role, need in needs.items() if not isinstance(need, Undefined)}
    # Two roles with one model share it.
    together = sum(each.size_bytes for each in set(known.values()))
    if together <= free_bytes:
        return
    parts = [
        f"{role} {need.reference}: {need.size_bytes / 1e9:.1f} GB" for role, need in known.items()
    ]
    smaller = "--distill-dtype bfloat16 takes half, " if dtype == "float32" else ""
    raise ModelReferenceError(
        f"the models' weights do not fit into the memory of {device}",
        got=f"{', '.join(parts)} as {dtype}; {free_bytes / 1e9:.1f} GB are free",
        wanted="memory for the weights of all models, and some more to run them",
        next_step=f"{smaller}free memory, take a quantised copy, or put the larger model behind "
        "a server (openai+http://HOST:PORT/v1?model=NAME)",
    )
