"""Telling a lack of memory from other faults."""

from __future__ import annotations

from typing import Any

__all__ = ["free_cached_blocks", "is_out_of_memory"]

# torch's CPU allocator and older back ends have no error class of their own.
PHRASES = ("out of memory", "can't allocate memory", "cannot allocate memory")


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
