"""Collecting what an estimate says: models once each, parts of the run added up."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from distill_fixtures.estimate.record import Estimate, ModelCost, Part
from distill_fixtures.measure.scores.token_divergence import TEXTS_AT_ONCE
from distill_fixtures.models.language_head import rows_at_a_time
from distill_fixtures.models.model_limits import window_of_plan
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.estimate.memory import LargestPass
    from distill_fixtures.estimate.shape import ModelShape
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.records import Role

FEWEST_CHARACTERS_A_TOKEN = 3
"""Of English; to tell about how many tokens the longest texts have."""

__all__ = ["Bill", "label_of", "peak_of_this_process", "usual_window", "whole_run"]

USUAL_WINDOW = 2048


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
    _billed: set[tuple[str, ...]] = field(default_factory=set)

    def is_new(self, *key: str) -> bool:
        """Whether this is asked for the first time, and not another student's share of it."""
        is_new = key not in self._billed
        self._billed.add(key)
        return is_new

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


def whole_run(
    largest: LargestPass, run: StudentRun, shape: ModelShape, *, device: str, compares: bool
) -> LargestPass:
    """The largest passes of a run: those of the answers, and of what is timed and read besides.

    Args:
        largest: of the answers.
        device: on which the model runs.
        compares: next tokens are compared.
    """
    config = run.student.config
    longest = max(len(question.question) for question in run.store.questions.questions)
    prompt = longest / FEWEST_CHARACTERS_A_TOKEN
    return replace(
        largest,
        scored=min(largest.scored, rows_at_a_time(device.partition(":")[0], shape.vocabulary)),
        written_rows=max(largest.written_rows, float(max(config.batch_sizes))),
        written_tokens=max(largest.written_tokens, prompt + config.new_tokens),
        read=TEXTS_AT_ONCE * prompt if compares else 0.0,
    )


def label_of(run: StudentRun, role: Role) -> str:
    """A model's name in the table: of several students each has its own."""
    return role if role != "student" or run.student.name is None else run.student.name


def usual_window(plan: ModelPlan) -> int:
    """The longest text a model takes; a usual one's where its files do not tell."""
    return window_of_plan(plan) or USUAL_WINDOW


def peak_of_this_process() -> float:
    """Most resident memory so far; where the system keeps no mark of it, what is resident now."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().rss)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)
