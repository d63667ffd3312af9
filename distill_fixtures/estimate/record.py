"""What an estimate says."""

from __future__ import annotations

from dataclasses import dataclass

from distill_fixtures.estimate.roofline import Fit
from distill_fixtures.records import Undefined

__all__ = ["Estimate", "ModelCost", "Part"]


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a run asks of one model.

    Attributes:
        role: teacher, student or control, of several students with the name.
        reference: as the user gave it.
        parameters: of the whole model.
        questions: of which something goes through the model.
        from_cache: those whose answers are all in the score cache: no work.
        tokens: through the model to answer questions.
        flops: floating-point operations of that.
        memory_bytes: weights, and the largest pass beside them.
        fit: on the hardware that was asked for; None on this machine.
    """

    role: str
    reference: str
    parameters: int | Undefined
    questions: int
    from_cache: int
    tokens: float | Undefined
    flops: float | Undefined
    memory_bytes: float | Undefined
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the run and its time."""

    name: str
    seconds: float | Undefined


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost.

    Attributes:
        where: for which machine.
        models: each once, also where several students share one.
        parts: in the order in which a reader thinks of them.
        peak_bytes: most memory of the process that runs pytest.
        notes: what a reader must know.
        assumptions: what the figures rest on.
    """

    where: str
    models: tuple[ModelCost, ...]
    parts: tuple[Part, ...]
    peak_bytes: float | Undefined
    notes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """All parts whose time is known."""
        return sum(each.seconds for each in self.parts if not isinstance(each.seconds, Undefined))

    @property
    def is_whole(self) -> bool:
        """Whether the time of every part is known."""
        return not any(isinstance(each.seconds, Undefined) for each in self.parts)
