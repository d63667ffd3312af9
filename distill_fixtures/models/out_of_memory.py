"""Telling a lack of memory from other faults, and going on after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from distill_fixtures.errors import MeasurementError

__all__ = ["LackOfMemory", "is_out_of_memory", "too_large", "unless_memory_runs_out"]

T = TypeVar("T")

# torch's CPU allocator and older back ends have no error class of their own.
PHRASES = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
)


@dataclass(frozen=True, slots=True)
class LackOfMemory:
    """Instead of a result: memory ran out, and what the library said of it."""

    message: str


def unless_memory_runs_out(work: Callable[[], T], device: Any) -> T | LackOfMemory:
    """What the work gives. Where memory runs out, a GPU's cached blocks are given back, so that
    less work finds room; any other error comes out."""
    try:
        return work()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        message = str(error)
    # Outside the except block: the traceback would keep the failed work's tensors alive.
    _free_cached_blocks(device)
    return LackOfMemory(message)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a GPU or on the host."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in text for phrase in PHRASES)


def _free_cached_blocks(device: Any) -> None:
    import gc

    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def too_large(key: str, reference: str, got: str) -> MeasurementError:
    """The error to raise for a question that does not fit into memory alone."""
    return MeasurementError(
        f"question {key!r} does not fit into memory with {reference}",
        got=got[:300],
        wanted="memory for one context with one option, or with its answer",
        next_step="free memory, give --distill-dtype bfloat16, or use a larger machine",
    )
