"""Parameters of a model from its files' headers, or from its configuration alone."""

from __future__ import annotations

from distill_fixtures.estimate.shape import ModelShape, active_share
from distill_fixtures.estimate.work import Weights
from distill_fixtures.models.counting import count_module
from distill_fixtures.models.headers import read_safetensors_header
from distill_fixtures.models.identity import ParameterCounts, counts_of_plan
from distill_fixtures.models.library_noise import quiet_libraries
from distill_fixtures.models.memory_needs import BYTES_OF_DTYPE, memory_need
from distill_fixtures.models.model_task import AUTO_CLASSES, task_of_plan
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.records import Undefined

__all__ = ["counts_without_weights", "dtype_of_plan", "weights_bytes", "weights_of_counts"]


def counts_without_weights(plan: ModelPlan) -> ParameterCounts | Undefined:
    """Parameters from headers; where there are no weights, those of a model that is built from the
    configuration without memory for them (torch's meta device)."""
    if plan.kind != "full" or plan.weight_files:
        return counts_of_plan(plan)
    with quiet_libraries():
        import torch
        import transformers

        config = transformers.AutoConfig.from_pretrained(plan.folder, local_files_only=True)
        auto = getattr(transformers, AUTO_CLASSES[task_of_plan(plan)])
        with torch.device("meta"):
            return count_module(auto.from_config(config))


def weights_of_counts(
    plan: ModelPlan, counts: ParameterCounts, shape: ModelShape | None
) -> Weights:
    """What a token is multiplied by: all but embeddings, and only its share of experts."""
    config = (plan.base or plan).config
    idle = _expert_elements(plan) * (1 - active_share(config))
    head = 0.0 if shape is None else float(shape.vocabulary * shape.hidden)
    if task_of_plan(plan) == "classification":
        head = 0.0
    return Weights(max(0.0, counts.non_embedding - idle), head)


def weights_bytes(plan: ModelPlan, counts: ParameterCounts, dtype: str) -> float | Undefined:
    """Of the weights in memory.

    Args:
        dtype: as ``resolve_dtype`` gives it; ``auto``: as in the files.
    """
    if plan.kind == "full" and not plan.weight_files:
        return float(counts.total * BYTES_OF_DTYPE[dtype_of_plan(plan, dtype)])
    need = memory_need(plan, dtype)
    return need if isinstance(need, Undefined) else float(need.size_bytes)


def dtype_of_plan(plan: ModelPlan, dtype: str) -> str:
    """The format in which a model computes: what was asked for, else what its configuration says,
    float32 where it says nothing."""
    if dtype != "auto":
        return dtype
    config = (plan.base or plan).config
    named = config.get("dtype") or config.get("torch_dtype")
    return named if named in BYTES_OF_DTYPE else "float32"


def _expert_elements(plan: ModelPlan) -> int:
    """Parameters of experts, told by the names of their tensors; 0 without headers."""
    source = plan.base or plan
    return sum(
        tensor.elements
        for path in source.weight_files
        if path.suffix == ".safetensors"
        for name, tensor in read_safetensors_header(path).items()
        if ".experts." in name
    )
