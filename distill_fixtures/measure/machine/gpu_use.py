"""What others do with the GPU that models will be timed on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from distill_fixtures.records import Undefined

__all__ = ["GpuUse", "read_gpu_use"]

SLOWEST_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class GpuUse:
    """One GPU while this process leaves it alone.

    Attributes:
        utilisation_pct: share of the driver's last sampling period (up to a second) in which
            something ran on it, 0 to 100.
        memory_elsewhere_bytes: device memory that is neither free nor reserved by this process's
            allocator: other processes', and this one's own context (some 0.5 GB).
    """

    utilisation_pct: float | Undefined
    memory_elsewhere_bytes: int | Undefined


def read_gpu_use(device: str) -> GpuUse:
    """Ask the driver; nothing may run on the device meanwhile.

    Args:
        device: where the models run, as torch names it.
    """
    if not device.startswith("cuda"):
        why = Undefined(
            "the models run on the CPU"
            if device == "cpu"
            else f"how busy others keep a device of the kind {device} cannot be told"
        )
        return GpuUse(why, why)
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        # Asking would put a context of ours onto a device that another process is to have.
        why = Undefined("this process has not used the GPU yet")
        return GpuUse(why, why)
    try:
        torch.cuda.synchronize(device)
        free, total = torch.cuda.mem_get_info(device)
        elsewhere = total - free - torch.cuda.memory_reserved(device)
        name = str(torch.cuda.get_device_properties(device).uuid)
    except (RuntimeError, AssertionError, AttributeError, ValueError) as error:
        why = Undefined(f"the GPU's driver does not tell: {error}")
        return GpuUse(why, why)
    return GpuUse(_utilisation_pct(name), max(0, int(elsewhere)))


def _utilisation_pct(uuid: str) -> float | Undefined:
    """By nvidia-smi, which comes with the driver: torch.cuda.utilization needs one more package.

    Args:
        uuid: of the GPU, because CUDA_VISIBLE_DEVICES numbers them anew.
    """
    name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
    asked = "--query-gpu=utilization.gpu"
    try:
        done = subprocess.run(
            ["nvidia-smi", asked, "--format=csv,noheader,nounits", f"--id={name}"],
            capture_output=True,
            text=True,
            timeout=SLOWEST_ANSWER_S,
            check=False,
        )
    except OSError as error:
        return Undefined(f"nvidia-smi cannot be started: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Undefined(f"nvidia-smi gave no answer within {SLOWEST_ANSWER_S:g} s")
    answer = done.stdout.strip()
    if done.returncode != 0 or not answer.isdigit():
        said = (done.stderr.strip() or answer)[:80]
        return Undefined(f"nvidia-smi does not tell how busy the GPU is: {said!r}")
    return float(answer)
