"""A copy of an adapter's model with the adapter merged into the weights of its base.

It computes the same with fewer operations, and is timed against the unmerged model to tell what
merging would bring.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from distill_fixtures.errors import MissingFigureError
from distill_fixtures.models.in_process import model_in_process
from distill_fixtures.models.library_noise import quiet_libraries
from distill_fixtures.models.loading import load_module, load_tokenizer
from distill_fixtures.models.memory_needs import memory_need
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.models.quantised import method_of
from distill_fixtures.records import ModelCard, Undefined

__all__ = ["check_mergeable", "load_merged", "why_not_merged"]

# What PEFT puts before the text or into attention, and not into a layer's weights.
LEARNED_PROMPTS = frozenset(
    (
        "ADAPTION_PROMPT",
        "CARTRIDGE",
        "CPT",
        "MULTITASK_PROMPT_TUNING",
        "PREFIX_TUNING",
        "PROMPT_TUNING",
        "P_TUNING",
    )
)
# Of the copy's weights: layers are merged one by one, each beside its sum.
SPARE_ROOM = 1.25


def why_not_merged(plan: ModelPlan) -> str | None:
    """Why a model has no merged copy, as far as its configuration tells; else None.

    A model of the Hub whose files are not here yet is taken for none that has one.
    """
    if plan.served is not None:
        return "what a server runs cannot be merged here"
    if plan.base is None:
        return "the model is no adapter"
    kind = str(plan.config.get("peft_type"))
    if kind in LEARNED_PROMPTS:
        return f"a learned prompt ({kind}) is no part of any weights, so it cannot be merged"
    method = method_of(plan.base.config)
    if method is not None:
        return (
            f"the adapter's base is quantised with {method}: merging would round the adapter to "
            "the few values that its weights can have"
        )
    return None


def check_mergeable(plan: ModelPlan, *, dtype: str, free_bytes: int | None) -> None:
    """Refuse what cannot be merged, and a copy that would not fit into memory.

    Args:
        dtype: as ``resolve_dtype`` gives it.
        free_bytes: memory that can be had on the device; None: not known.

    Raises:
        MissingFigureError: says why.
    """
    reason = why_not_merged(plan)
    if reason is not None:
        raise MissingFigureError(
            reason,
            got=plan.reference,
            wanted="an adapter whose weights can be added to those of its base",
            next_step="nothing is wrong: there is nothing to compare the model with",
        )
    need = memory_need(plan, dtype)
    if free_bytes is None or isinstance(need, Undefined):
        return
    if SPARE_ROOM * need.size_bytes > free_bytes:
        raise MissingFigureError(
            "there is no memory for a merged copy beside the model",
            got=f"{free_bytes / 1e9:.1f} GB are free",
            wanted=f"{SPARE_ROOM * need.size_bytes / 1e9:.1f} GB for {plan.reference} once more",
            next_step="free memory, or merge the adapter yourself and give the result as a model",
        )


def load_merged(plan: ModelPlan, card: ModelCard, *, device: str, dtype: str) -> InProcessModel:
    """Load base and adapter anew, and merge them.

    Args:
        card: of the unmerged model.
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.

    Raises:
        MissingFigureError: PEFT cannot merge this adapter.
        ModelReferenceError: it cannot be loaded.
    """
    tokenizer = load_tokenizer(plan)
    module = _merged(plan, load_module(plan, device=device, dtype=dtype)).eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return model_in_process(module, tokenizer, replace(card, reference=f"{plan.reference}, merged"))


def _merged(plan: ModelPlan, module: Any) -> Any:
    try:
        with quiet_libraries():
            return module.merge_and_unload()
    except Exception as error:  # each kind of adapter refuses in a way of its own
        raise MissingFigureError(
            f"PEFT cannot merge this adapter ({plan.config.get('peft_type')})",
            got=f"{type(error).__name__}: {error}"[:500],
            wanted="an adapter that PEFT can merge into its base",
            next_step="nothing is wrong: the times of the unmerged model stand",
        ) from error
