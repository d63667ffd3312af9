"""Telling a lack of memory from other faults."""

from __future__ import annotations

from typing import Any

from distill_fixtures.errors import MeasurementError

__all__ = ["free_cached_blocks", "is_out_of_memory", "too_large"]

# torch's CPU allocator and older back ends have no error class of their own.
PHRASES = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a GPU or on the host."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in text for phrase in PHRASES)


def free_cached_blocks(device: Any) -> None:
    """Give a GPU's cached blocks back, so that a smaller pass finds room."""
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
