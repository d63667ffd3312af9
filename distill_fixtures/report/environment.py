"""Where a run took place: versions, machine, device, threads."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from distill_fixtures.measure.machine.watch import MachineRecord
from distill_fixtures.report.document import EnvironmentSection
from distill_fixtures.report.machine_section import machine_section

__all__ = ["describe_environment"]

PACKAGES = (
    "distill-bench",
    "torch",
    "transformers",
    "peft",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "pytest",
    "pytest-benchmark",
    "pytest-json-report",
    "psutil",
    "memory-profiler",
)


def describe_environment(
    *,
    device: str | None,
    dtype: str | None,
    rootpath: Path,
    machine: MachineRecord | None = None,
) -> tuple[EnvironmentSection, dict[str, str]]:
    """Describe this process and machine; imports nothing heavy that is not imported already.

    Args:
        device: where the models ran; None if none was loaded.
        dtype: number format of the weights in memory; None likewise.
        rootpath: the folder whose git commit is named.
        machine: how it was while models were timed; None where nothing was.

    Returns:
        The section, and the reasons of its nulls by key.
    """
    versions = _versions()
    described = _machine()
    check, check_reasons = machine_section(machine or MachineRecord())
    torch = sys.modules.get("torch")
    threads = None if torch is None else int(torch.get_num_threads())
    reasons = {f"machine_check.{key}": reason for key, reason in check_reasons.items()}
    not_loaded = "no model was loaded in this session"
    for key, value in (("device", device), ("dtype", dtype), ("threads", threads)):
        if value is None:
            reasons[key] = not_loaded
    commit = _git_commit(rootpath)
    if commit is None:
        reasons["git_commit"] = f"{rootpath} is in no git repository with a commit"
    compared = {
        "machine": {k: described[k] for k in ("cpu", "logical_cores", "usable_cores", "system")},
        "device": device,
        "dtype": dtype,
        "threads": threads,
        "versions": {k: versions[k] for k in ("python", "torch", "transformers")},
    }
    key = hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:16]
    section = EnvironmentSection(
        versions=versions,
        machine=described,
        device=device,
        threads=threads,
        dtype=dtype,
        git_commit=commit,
        machine_check=check,
        comparability_key=key,
    )
    return section, reasons


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _machine() -> dict[str, Any]:
    import psutil

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "release": platform.release(),
        "cpu": _cpu_name(),
        "logical_cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": int(psutil.virtual_memory().total),
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _git_commit(folder: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # no git here: the document says so by its reason
    return done.stdout.strip() if done.returncode == 0 else None
