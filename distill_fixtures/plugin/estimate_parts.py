"""Collecting what an estimate says: models once each, parts of the run added up."""

from __future__ import annotations

from dataclasses import dataclass, field

from distill_fixtures.estimate.record import Estimate, ModelCost, Part
from distill_fixtures.records import Undefined

__all__ = ["Bill"]


@dataclass
class Bill:
    """Grows student by student.

    Attributes:
        models: what each is asked for.
        notes: sentences that a reader must know, each once.
        assumptions: what the figures rest on, each once.
        peak_bytes: most memory at once so far.
    """

    models: list[ModelCost] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    assumptions: dict[str, None] = field(default_factory=dict)
    peak_bytes: float | Undefined = 0.0
    _parts: dict[str, float | Undefined] = field(default_factory=dict)

    def add(self, part: str, seconds: float | Undefined) -> None:
        """Add to a part; one of which anything is unknown is not known."""
        before = self._parts.get(part, 0.0)
        if isinstance(before, Undefined):
            return
        self._parts[part] = seconds if isinstance(seconds, Undefined) else before + seconds

    def note(self, sentence: str) -> None:
        self.notes[sentence] = None

    def assume(self, sentence: str) -> None:
        self.assumptions[sentence] = None

    def raise_peak(self, size_bytes: float) -> None:
        if not isinstance(self.peak_bytes, Undefined):
            self.peak_bytes = max(self.peak_bytes, size_bytes)

    def total(self, where: str) -> Estimate:
        return Estimate(
            where,
            tuple(self.models),
            tuple(Part(name, seconds) for name, seconds in self._parts.items()),
            self.peak_bytes,
            tuple(self.notes),
            tuple(self.assumptions),
        )
