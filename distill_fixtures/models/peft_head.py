"""What an adapter brings of a classifier's head, told from its files."""

from __future__ import annotations

from distill_fixtures.models.headers import TensorHeader, read_safetensors_header
from distill_fixtures.models.plan import ModelPlan

__all__ = ["ADAPTER_PREFIX", "adapter_tensors", "rows_of_adapter_head"]

ADAPTER_PREFIX = "base_model.model."
# The last layer of a head, one row a label, as the architectures call it.
HEAD_OUTPUTS = (
    "score.weight",
    "classifier.weight",
    "classifier.out_proj.weight",
    "classification_head.out_proj.weight",
    "logits_proj.weight",
)


def adapter_tensors(plan: ModelPlan) -> dict[str, TensorHeader]:
    """Tensors of an adapter's safetensors files, under the names that its base has or would have.

    Empty where the adapter is pickled: its names cannot be read without running it.
    """
    tensors: dict[str, TensorHeader] = {}
    for path in plan.weight_files:
        if path.suffix == ".safetensors":
            tensors |= read_safetensors_header(path)
    return {name.removeprefix(ADAPTER_PREFIX): tensor for name, tensor in tensors.items()}


def rows_of_adapter_head(plan: ModelPlan) -> int | None:
    """Labels of the head that an adapter brings; None where it brings none."""
    tensors = adapter_tensors(plan)
    shapes = [tensors[name].shape for name in HEAD_OUTPUTS if name in tensors]
    return shapes[0][0] if shapes and shapes[0] else None
