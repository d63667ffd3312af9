"""Where questions are answered: beside this process's other work, or by replicas on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from distill_fixtures.config import RunConfig
from distill_fixtures.errors import OptionError
from distill_fixtures.models.devices import resolve_device, resolve_dtype
from distill_fixtures.models.several_gpus import ANY_GPU
from distill_fixtures.options.table import option_named
from distill_fixtures.scale.executor import RayExecutor
from distill_fixtures.scale.ray_cluster import RaySettings, refuse_without_ray

if TYPE_CHECKING:
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.records import Role

__all__ = [
    "check_executor",
    "executor_of",
    "note_of_executor",
    "ray_settings",
    "refuse_idle_pool",
    "scoring_placement",
]

RAY_FIELDS = ("ray_address", "ray_workers", "ray_gpus", "ray_cpus", "ray_timeout")


def check_executor(config: RunConfig) -> None:
    """Refuse options that cannot be followed; nothing is started.

    Raises:
        OptionError: Ray is not installed, an option needs it that was not chosen, or the device
            is another one than the replicas'.
    """
    flag = option_named("executor").flag
    if config.executor == "local":
        for field in RAY_FIELDS:
            if getattr(config, field) is not None:
                idle = option_named(field).flag
                raise OptionError(
                    f"{idle} has no effect in this run",
                    got=f"{idle} with {flag} local",
                    wanted=f"{flag} ray",
                    next_step=f"add {flag} ray, or leave {idle} out",
                )
        return
    refuse_without_ray()
    kind = config.device.partition(":")[0]
    if kind in ("auto", _device_of_replicas(config).partition(":")[0]):
        return
    device, gpus = option_named("device").flag, option_named("ray_gpus").flag
    raise OptionError(
        f"{device} is another device than that of the replicas",
        got=f"{device} {config.device} with {gpus} {config.ray_gpus or 0:g}",
        wanted="replicas on a GPU where they are given GPUs, else on the CPU",
        next_step=f"leave {device} out, or give {gpus} "
        f"{'1' if kind == 'cuda' else '0 and ' + device + ' cpu'}",
    )


def refuse_idle_pool(config: RunConfig, plans: Mapping[Role, ModelPlan]) -> None:
    """Models behind servers are asked from this process, also beside a pool for the others.

    Raises:
        OptionError: there are no others.
    """
    if config.executor == "ray" and all(plan.served is not None for plan in plans.values()):
        flag = option_named("executor").flag
        raise OptionError(
            f"{flag} ray has no effect in this run",
            got="models behind servers only, which are asked from this process",
            wanted="a model whose files are here, of which there can be replicas",
            next_step=f"leave {flag} out: the server itself spreads its model over GPUs",
        )


def note_of_executor(config: RunConfig) -> tuple[str, ...]:
    """What a reader of the results should know of the pool."""
    if config.executor == "local":
        return ()
    where = "GPUs" if config.ray_gpus else "CPUs"
    place = f"the Ray cluster at {config.ray_address}" if config.ray_address else "this machine"
    return (
        f"questions are answered by replicas on {where} of {place}; speed, memory and load time "
        "are never measured on them, only on this machine",
    )


def ray_settings(config: RunConfig) -> RaySettings:
    """The options about Ray, with their defaults."""
    usual = RaySettings()
    return RaySettings(
        address=config.ray_address,
        workers=config.ray_workers,
        gpus=config.ray_gpus or usual.gpus,
        cpus=config.ray_cpus or usual.cpus,
        start_timeout_s=config.ray_timeout or usual.start_timeout_s,
    )


def executor_of(config: RunConfig) -> RayExecutor | None:
    """What makes pools; None where questions are answered in this process."""
    return RayExecutor(ray_settings(config)) if config.executor == "ray" else None


def scoring_placement(config: RunConfig) -> tuple[str, str]:
    """Device and number format with which questions are answered."""
    device = (
        _device_of_replicas(config) if config.executor == "ray" else resolve_device(config.device)
    )
    return device, resolve_dtype(config.dtype, device)


def _device_of_replicas(config: RunConfig) -> str:
    """Ray shows a replica its own GPUs only, and numbers them from 0; over several of its own a
    model is laid where it does not fit one."""
    gpus = config.ray_gpus or 0
    return "cpu" if not gpus else ANY_GPU if gpus > 1 else "cuda:0"
