"""How the timing of each batch size went: what its figures rest on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from distill_fixtures.report.figure_sections import DocumentSection, Number

if TYPE_CHECKING:
    from distill_fixtures.measure.timing.interleaved import Timing

__all__ = ["TimingSection", "timing_values"]


class TimingSection(DocumentSection):
    """How timing teacher and student at one batch size went."""

    rounds: int = Field(description="counted rounds of each model")
    seconds: Number = Field(description="all of it, of both models, warm-up included")
    stopped_by: Literal["precision", "rounds", "seconds"] = Field(
        description="what ended it: the figures were precise enough, --distill-max-rounds or "
        "--distill-max-seconds"
    )
    half_width: Number | None = Field(
        description="half the 95 % interval of the mean log(t_T / t_S) at the end"
    )
    held_bounds: list[Number] = Field(
        description="bounds of criteria, as speedups, that the speedup's interval still held: "
        "there the grade is borderline"
    )
    warm_up_rounds: dict[str, int] = Field(description="rounds thrown away, by role")
    steady: dict[str, bool] = Field(
        description="by role: the last of them was no more than 5 % faster than the fastest "
        "before; false also where a single long one was all"
    )
    threads: int | None = Field(
        description="CPU threads that torch used, the same from the first round to the last"
    )
    time_stamp_cost_s: Number = Field(
        description="seconds that the computer's clock takes to note one token's time, median"
    )
    same_prompt_tokens: bool = Field(
        description="both models read equally many prompt tokens, request by request; false where "
        "tokenizers differ or a window cut a prompt for one alone"
    )


def timing_values(timing: Timing) -> dict[str, Any]:
    """The section's values, of which some may be undefined."""
    return {
        "rounds": min(map(len, timing.rounds.values())),
        "seconds": timing.seconds,
        "stopped_by": timing.stopped_by,
        "half_width": timing.half_width,
        "held_bounds": [math.exp(bound) for bound in timing.held_bounds],
        "warm_up_rounds": dict(timing.warm_up.rounds),
        "steady": dict(timing.warm_up.steady),
        "threads": timing.threads,
        "time_stamp_cost_s": timing.time_stamp_cost_s,
        "same_prompt_tokens": timing.same_prompt_tokens,
    }
