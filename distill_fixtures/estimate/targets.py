"""Hardware that a run may be meant for, by name: ``h100x8`` is eight H100."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from distill_fixtures.errors import OptionError

__all__ = ["Device", "Target", "find_target", "known_devices"]

_RATES = Path(__file__).with_name("rates.toml")
_COUNTED = re.compile(r"(.+?)(?:x([1-9]\d{0,4}))?")
ALIASES = {"a100": "a100-80", "h100-sxm": "h100"}


@dataclass(frozen=True, slots=True)
class Device:
    """One accelerator by its maker's data sheet.

    Attributes:
        name: for people.
        flops_per_s: dense operations a second by number format; one that is missing has no units
            of its own.
        bytes_per_s: of its memory.
        memory_bytes: that it has.
        source: where the figures stand.
    """

    name: str
    flops_per_s: Mapping[str, float]
    bytes_per_s: float
    memory_bytes: float
    source: str

    def rate(self, dtype: str) -> float:
        """Operations a second in a format; in one without units of its own as in float32."""
        return self.flops_per_s.get(dtype, self.flops_per_s["float32"])


@dataclass(frozen=True, slots=True)
class Target:
    """So many of one device."""

    text: str
    device: Device
    count: int


@cache
def known_devices() -> Mapping[str, Device]:
    """Every device of the table, by the name that the option takes."""
    found = {}
    for name, entry in tomllib.loads(_RATES.read_text(encoding="utf-8")).items():
        formats = ("bfloat16", "float16", "float32")
        found[name] = Device(
            name=entry["name"],
            flops_per_s={each: float(entry[each]) for each in formats if each in entry},
            bytes_per_s=float(entry["bandwidth"]),
            memory_bytes=float(entry["memory"]),
            source=entry["source"],
        )
    return found


def find_target(flag: str, text: str) -> Target:
    """The hardware that a text names.

    Raises:
        OptionError: no device of the table has this name.

    >>> find_target("--on", "H100x8").count, find_target("--on", "rtx4090").device.name
    (8, 'NVIDIA GeForce RTX 4090')
    """
    devices = known_devices()
    name, count = text.strip().lower(), None
    # Whole first: the name of a device may itself end like a number of them.
    if name not in devices and name not in ALIASES:
        parts = _COUNTED.fullmatch(name)
        name, count = (parts.group(1), parts.group(2)) if parts else (name, None)
    device = devices.get(ALIASES.get(name, name))
    if device is None:
        near = difflib.get_close_matches(name, [*devices, *ALIASES], n=1)
        raise OptionError(
            f"{flag} names no hardware of the table",
            got=repr(text),
            wanted=f"one of {', '.join([*devices, *ALIASES])}, with xN for N of them",
            next_step=f"write for example {flag} {near[0] if near else 'h100x8'}",
        )
    return Target(text, device, int(count or 1))
