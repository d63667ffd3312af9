"""Options that say where questions are answered; docs/scaling.md."""

from __future__ import annotations

from distill_fixtures.option_checks import (
    as_choice,
    as_gpus,
    as_seconds,
    as_text,
    as_whole_number,
)
from distill_fixtures.options.option import Option

__all__ = ["SCALE_OPTIONS"]

SCALE_OPTIONS: tuple[Option, ...] = (
    Option(
        "--distill-executor",
        "executor",
        "local",
        as_choice("local", "ray"),
        "KIND",
        "where questions are answered: local, or ray: by replicas of each model on a Ray cluster",
    ),
    Option(
        "--distill-ray-address",
        "ray_address",
        None,
        as_text,
        "ADDRESS",
        "a running Ray cluster, HOST:PORT or auto (default: one on this machine, for this run)",
    ),
    Option(
        "--distill-ray-workers",
        "ray_workers",
        None,
        as_whole_number(1),
        "N",
        "replicas of a model (default: as many as the cluster has room for)",
    ),
    Option(
        "--distill-ray-gpus-per-replica",
        "ray_gpus",
        None,
        as_gpus,
        "X",
        "GPUs of a replica; a fraction shares one (default: 0, on the CPU)",
    ),
    Option(
        "--distill-ray-cpus-per-replica",
        "ray_cpus",
        None,
        as_whole_number(1),
        "N",
        "CPUs of a replica, and its threads (default: 1)",
    ),
    Option(
        "--distill-ray-timeout",
        "ray_timeout",
        None,
        as_seconds,
        "S",
        "seconds within which every replica must have found its place (default: 300)",
    ),
)
