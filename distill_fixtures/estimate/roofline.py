"""Seconds on hardware that is not here: by what it computes and what it moves, whichever is more.

The roofline model (Williams, Waterman and Patterson, Communications of the ACM 52, 2009): a pass
takes as long as its operations at the device's rate, or as its bytes at the bandwidth of the
device's memory. No program reaches the peaks of a data sheet; which share of them is reached is an
assumption, and stated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from distill_fixtures.estimate.targets import Device, Target

__all__ = ["ASSUMED", "Fit", "Shares", "fit_on", "roofline_s"]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of a data sheet's peaks that are assumed to be reached.

    Attributes:
        compute: of the operations a second.
        bandwidth: of the bytes a second.
        memory: of the bytes that a model, its cache and activations may fill.
    """

    compute: float
    bandwidth: float
    memory: float


ASSUMED = Shares(compute=0.4, bandwidth=0.6, memory=0.9)
"""Large passes of plain PyTorch reach 30 to 50 % of a GPU's dense peak (PaLM's table 3 lists 21 to
46 % for training large models), single tokens half to two thirds of its bandwidth."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model lies on hardware.

    Attributes:
        gpus: that a replica needs.
        replicas: that there is room for; 0: the model does not fit all GPUs together.
    """

    gpus: int
    replicas: int


def roofline_s(
    flops: float, moved_bytes: float, device: Device, dtype: str, shares: Shares = ASSUMED
) -> float:
    """Seconds of work that computes ``flops`` and reads or writes ``moved_bytes``.

    >>> from distill_fixtures.estimate.targets import known_devices
    >>> gpu = known_devices()["a100-80"]
    >>> round(roofline_s(312e12, 0.0, gpu, "bfloat16"), 6)
    2.5
    >>> round(roofline_s(0.0, 2.039e12, gpu, "bfloat16", Shares(0.4, 0.5, 0.9)), 6)
    2.0
    """
    computing = flops / (device.rate(dtype) * shares.compute)
    moving = moved_bytes / (device.bytes_per_s * shares.bandwidth)
    return max(computing, moving)


def fit_on(need_bytes: float, target: Target, shares: Shares = ASSUMED) -> Fit:
    """How many GPUs a replica needs, and how many replicas there is room for.

    >>> from distill_fixtures.estimate.targets import find_target
    >>> fit_on(141e9, find_target("--on", "h100x8"))
    Fit(gpus=2, replicas=4)
    >>> fit_on(141e9, find_target("--on", "h100"))
    Fit(gpus=2, replicas=0)
    """
    gpus = max(1, math.ceil(need_bytes / (target.device.memory_bytes * shares.memory)))
    return Fit(gpus, target.count // gpus)
