"""Which device and which number format a model runs in."""

from __future__ import annotations

import re
from typing import Any

from distill_fixtures.errors import OptionError
from distill_fixtures.models.several_gpus import ANY_GPU
from distill_fixtures.options.of_running import DTYPES

__all__ = ["resolve_device", "resolve_dtype"]

_SHAPE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def resolve_device(option: str) -> str:
    """The device that ``--distill-device`` means on this machine: ``cpu``, ``cuda:0``, ``mps``.

    ``auto`` is the GPU where there is one, and ``cuda`` without a number where there are several:
    a model that does not fit the first is laid over all of them. Imports torch unless the option is
    ``cpu``.

    Raises:
        OptionError: not a device, or none that this machine has.
    """
    if not _SHAPE.fullmatch(option):
        raise _no_device(option, "no device name")
    if option == "cpu":
        return "cpu"
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if option == "auto":
        several = ANY_GPU if gpus > 1 else "cuda:0"
        return several if gpus else "mps" if has_mps else "cpu"
    if option == "mps":
        if not has_mps:
            raise _no_device(option, "PyTorch sees no Apple GPU")
        return "mps"
    index = int(option.partition(":")[2] or 0)
    if index >= gpus:
        raise _no_device(option, f"PyTorch {torch.__version__} sees {gpus} CUDA devices")
    return f"cuda:{index}"


def resolve_dtype(option: str, device: str) -> str:
    """``auto`` is float32 on the CPU and the checkpoint's own format (``auto``) on a GPU."""
    if option not in DTYPES:
        raise OptionError(
            "--distill-dtype names no number format",
            got=repr(option),
            wanted=", ".join(DTYPES),
            next_step="leave the option out for the usual choice",
        )
    return "float32" if option == "auto" and device == "cpu" else option


def torch_dtype(name: str) -> Any:
    """torch's own object for a format's name; ``auto`` stays a word."""
    import torch

    return name if name == "auto" else getattr(torch, name)


def _no_device(option: str, reason: str) -> OptionError:
    return OptionError(
        f"--distill-device {option} is not there",
        got=reason,
        wanted="auto, cpu, cuda, cuda:INDEX or mps, and the device in this machine",
        next_step="give --distill-device cpu, or install the PyTorch build for your GPU",
    )
