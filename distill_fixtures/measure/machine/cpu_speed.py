"""What sets the processor's clock rate: governor, driver, turbo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.measure.machine.kernel_files import ROOT, read_number, read_text
from distill_fixtures.records import Undefined

__all__ = ["CpuSpeed", "read_cpu_speed"]

CPUS = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class CpuSpeed:
    """Settings of frequency scaling (Linux, Documentation/admin-guide/pm/cpufreq.rst).

    Attributes:
        governor: ``scaling_governor``; several, joined by commas, where cores differ.
        driver: ``scaling_driver``. Under some drivers ``powersave`` is the usual, dynamic one.
        turbo: whether the clock may rise above the nominal rate.
    """

    governor: str | Undefined
    driver: str | Undefined
    turbo: bool | Undefined


def read_cpu_speed(root: Path = ROOT) -> CpuSpeed:
    """Read the settings; virtual machines rarely have any."""
    return CpuSpeed(
        governor=_of_cores(root, "scaling_governor"),
        driver=_of_cores(root, "scaling_driver"),
        turbo=_turbo(root),
    )


def _of_cores(root: Path, name: str) -> str | Undefined:
    try:
        cores = [each.name for each in (root / CPUS).iterdir() if each.name[3:].isdigit()]
    except OSError as error:
        return Undefined(f"/{CPUS} cannot be read: {error.strerror}")
    texts = [read_text(root, f"{CPUS}/{core}/cpufreq/{name}") for core in cores]
    found = {text.strip() for text in texts if isinstance(text, str) and text.strip()}
    if not found:
        return Undefined(f"no core has a {name}: the system does not show frequency scaling")
    return ", ".join(sorted(found))


def _turbo(root: Path) -> bool | Undefined:
    forbidden = read_number(root, f"{CPUS}/intel_pstate/no_turbo")
    if not isinstance(forbidden, Undefined):
        return forbidden == 0
    allowed = read_number(root, f"{CPUS}/cpufreq/boost")
    return allowed if isinstance(allowed, Undefined) else allowed == 1
