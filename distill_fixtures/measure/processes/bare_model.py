"""A model in a measuring process: found, loaded, and not asked what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from distill_fixtures.models.folders import FolderRules
from distill_fixtures.models.in_process import model_in_process
from distill_fixtures.models.loading import load_module, load_tokenizer
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import ModelCard, Undefined

__all__ = ["ModelToLoad", "bare_model", "find_model", "load_bare_model"]


@dataclass(frozen=True, slots=True)
class ModelToLoad:
    """Where a model lies, and what its files may do.

    Attributes:
        reference: the model as the user names it; its files are local.
        location: where they lie, from whatever folder it is read; None: where ``reference`` leads.
        base_model: replaces the base that an adapter names.
        allow_pickle: ``.bin`` weights may be read.
        trust_remote_code: the model's own code may run.
    """

    reference: str
    location: str | None = None
    base_model: str | None = None
    allow_pickle: bool = False
    trust_remote_code: bool = False


def find_model(model: ModelToLoad) -> ModelPlan:
    """The plan, under the name that the user gave.

    Raises:
        ModelReferenceError: there is no usable model.
    """
    rules = FolderRules(model.allow_pickle, model.trust_remote_code)
    place = model.location or model.reference
    found = resolve_reference(place, base_model=model.base_model, rules=rules)
    return replace(found, reference=model.reference)


def bare_model(module: Any, tokenizer: Any, reference: str) -> InProcessModel:
    """A model with an empty card: nobody asks for it here, and hashing files takes long."""
    unknown = Undefined("not asked of the measuring process")
    sizes = (unknown,) * 6
    return model_in_process(module, tokenizer, ModelCard(reference, "", "", *sizes))


def load_bare_model(plan: ModelPlan, *, device: str, dtype: str) -> InProcessModel:
    """Load tokenizer and weights."""
    tokenizer = load_tokenizer(plan)
    module = load_module(plan, device=device, dtype=dtype)
    return bare_model(module, tokenizer, plan.reference)
