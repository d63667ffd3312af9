"""Laying one model over several GPUs, where it does not fit the first.

The device ``cuda`` without a number is what ``--distill-device auto`` means on a machine with
several GPUs: a model goes whole onto the first where it fits there, else its layers are laid over
all of them by accelerate's device map. What fits no GPU is refused: layers in the host's memory or
on the disk would be moved for every pass, and their times would be those of the bus.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.memory_needs import MemoryNeed, memory_need
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.records import Undefined

__all__ = ["ANY_GPU", "free_gpu_bytes", "layers_over_gpus", "refuse_layers_elsewhere", "rooms_for"]

ANY_GPU = "cuda"
# Of a GPU's free memory for weights; the rest is for activations, keys and values.
SHARE_FOR_WEIGHTS = 0.9


def layers_over_gpus(plan: ModelPlan, device: str, dtype: str) -> dict[str, Any]:
    """Settings with which transformers lays a model over several GPUs; empty where it goes whole
    onto one device.

    Args:
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.

    Raises:
        ModelReferenceError: it does not fit all GPUs together, or accelerate is not installed.
    """
    if device != ANY_GPU:
        return {}
    rooms = rooms_for(memory_need(plan, dtype), free_gpu_bytes())
    if not rooms:
        return {}
    if importlib.util.find_spec("accelerate") is None:
        raise ModelReferenceError(
            f"the model {plan.reference} does not fit one GPU",
            got="several GPUs, but not the package accelerate",
            wanted="accelerate, which lays its layers over all of them",
            next_step="pip install accelerate",
        )
    return {"device_map": "auto", "max_memory": dict(rooms)}


def rooms_for(need: MemoryNeed | Undefined, free_bytes: Sequence[int]) -> Mapping[int, int]:
    """Bytes of weights for each GPU, by number; empty where a model goes whole onto the first.

    Args:
        need: of the model; where it is not known, the model goes onto the first.
        free_bytes: of each GPU.

    Raises:
        ModelReferenceError: the GPUs together have not so much.
    """
    rooms = {gpu: int(SHARE_FOR_WEIGHTS * free) for gpu, free in enumerate(free_bytes)}
    if isinstance(need, Undefined) or len(rooms) < 2 or need.size_bytes <= rooms[0]:
        return {}
    if need.size_bytes > sum(rooms.values()):
        raise ModelReferenceError(
            f"the weights of {need.reference} do not fit into all GPUs together",
            got=f"{need.size_bytes / 1e9:.1f} GB; free are "
            f"{', '.join(f'{free / 1e9:.1f}' for free in free_bytes)} GB, of which "
            f"{100 * SHARE_FOR_WEIGHTS:.0f} % are for weights",
            wanted="GPUs that hold every layer",
            next_step="take a quantised copy, or put the model behind a server that spreads it "
            "over several machines (docs/scaling.md)",
        )
    return rooms


def free_gpu_bytes() -> tuple[int, ...]:
    """Free memory of each GPU that this process sees."""
    import torch

    return tuple(int(torch.cuda.mem_get_info(gpu)[0]) for gpu in range(torch.cuda.device_count()))


def refuse_layers_elsewhere(plan: ModelPlan, module: Any) -> None:
    """Refuse a model some of whose layers found no room on a GPU.

    A layer is laid as a whole, so what fits by its bytes may not fit by its layers.

    Raises:
        ModelReferenceError: names the layers.
    """
    placed: Mapping[str, Any] = getattr(module, "hf_device_map", {})
    elsewhere = sorted(name for name, device in placed.items() if device in ("cpu", "disk"))
    if elsewhere:
        raise ModelReferenceError(
            f"not every layer of {plan.reference} found room on a GPU",
            got=f"left over: {', '.join(elsewhere[:5])} ({len(elsewhere)} in all)",
            wanted="every layer on a GPU",
            next_step="free the GPUs' memory, give --distill-dtype bfloat16, or take a quantised "
            "copy",
        )
