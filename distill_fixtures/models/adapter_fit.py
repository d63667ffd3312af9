"""Whether an adapter's file holds what its base takes, no less and no more.

PEFT passes over both: what the file lacks keeps the numbers that it began with, and what the base
has no module for is dropped.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.headers import read_safetensors_header
from distill_fixtures.models.peft_head import ADAPTER_PREFIX
from distill_fixtures.models.plan import ModelPlan

__all__ = ["check_fit"]


def check_fit(plan: ModelPlan, module: Any, wanted: Collection[str]) -> None:
    """Hold an adapter's file against what PEFT made of it.

    Args:
        plan: the adapter's.
        module: the PEFT model, loaded.
        wanted: names of the tensors that it would save.

    Raises:
        ModelReferenceError: a tensor is missing, or belongs to a module that the base has not.
    """
    given = _names_in(plan)
    if missing := sorted(set(wanted) - given):
        raise _unfit(
            plan,
            got=f"missing: {', '.join(missing[:5])} ({len(missing)} in all)",
            wanted="weights for every module that adapter_config.json names",
        )
    if homeless := _homeless(given - set(wanted), module):
        raise _unfit(
            plan,
            got=f"without a module to go on: {', '.join(homeless[:5])} ({len(homeless)} in all)",
            wanted="a base that has every module which the adapter changes",
        )


def _names_in(plan: ModelPlan) -> set[str]:
    names: set[str] = set()
    for path in plan.weight_files:
        if path.suffix == ".safetensors":
            names |= read_safetensors_header(path).keys()
        else:
            import torch

            names |= torch.load(path, map_location="meta", weights_only=True).keys()
    return names


def _homeless(names: Collection[str], module: Any) -> list[str]:
    """Of an adapter's tensors for layers those whose layer is not there; embeddings and modules
    that are saved whole are none of them."""
    prefix = getattr(module.base_model, "prefix", None)
    if not prefix:
        return []  # a learned prompt is on no layer
    there = {name for name, _ in module.get_base_model().named_modules()}
    found = []
    for name in names:
        layer, mark, _ = name.removeprefix(ADAPTER_PREFIX).partition(f".{prefix}")
        if mark and layer not in there:
            found.append(name)
    return sorted(found)


def _unfit(plan: ModelPlan, *, got: str, wanted: str) -> ModelReferenceError:
    return ModelReferenceError(
        f"the adapter {plan.reference} does not fit its base",
        got=got,
        wanted=wanted,
        next_step="check that this is the base it was trained on (--distill-base-model)",
    )
