"""Whether two machines see the same files, told without reading all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.models.plan import ModelPlan

__all__ = ["FileMark", "marks_of"]

# The beginning holds a weights file's header and all of a configuration; the end holds weights,
# which tell two trainings of one architecture apart.
END_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class FileMark:
    """What tells a file from another one of its name.

    Attributes:
        name: without its folder.
        size_bytes: of the whole file.
        ends: sha256 over its first and its last 64 KiB.
    """

    name: str
    size_bytes: int
    ends: str


def marks_of(plan: ModelPlan) -> tuple[FileMark, ...]:
    """A mark of every file that a model is read from, in the plan's order."""
    return tuple(_mark(path) for path in plan.files)


def _mark(path: Path) -> FileMark:
    size = path.stat().st_size
    with path.open("rb") as file:
        whole = hashlib.sha256(file.read(END_BYTES))
        file.seek(max(0, size - END_BYTES))
        whole.update(file.read(END_BYTES))
    return FileMark(path.name, size, whole.hexdigest())
