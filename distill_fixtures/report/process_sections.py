"""The document's sections of what is compared with another run: rounds by process, regressions."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from distill_fixtures.report.figure_sections import DocumentSection, Interval, Number

__all__ = [
    "BaselineRecord",
    "DifferenceRecord",
    "ProcessRecord",
    "ProcessTimingSection",
    "RegressionRecord",
    "RoundTimesRecord",
]


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class RoundTimesRecord(DocumentSection):
    """One model's rounds in one process, one entry a round."""

    seconds: list[Seconds] = Field(
        min_length=1, description="summed end-to-end time of the round's samples"
    )
    ttft_s: list[Seconds | None] = Field(
        description="mean time to first token; null for a classifier, which writes none"
    )
    tpot_s: list[Seconds | None] = Field(
        description="mean time per further token; null for a single new token, or none"
    )

    @model_validator(mode="after")
    def _one_entry_a_round(self) -> Self:
        if {len(self.ttft_s), len(self.tpot_s)} != {len(self.seconds)}:
            raise ValueError("seconds, ttft_s and tpot_s need one entry a round each")
        return self


class ProcessRecord(DocumentSection):
    """One fresh process in which teacher and student were timed in interleaved rounds."""

    load_s: Number = Field(description="seconds to load both models")
    teacher: RoundTimesRecord
    student: RoundTimesRecord

    @model_validator(mode="after")
    def _rounds_in_pairs(self) -> Self:
        if len(self.teacher.seconds) != len(self.student.seconds):
            raise ValueError("teacher and student need as many rounds as each other")
        return self


class ProcessTimingSection(DocumentSection):
    """Rounds over several processes, which a later run can be held against."""

    device: str = Field(description="where the models ran")
    dtype: str = Field(description="number format of the weights in memory")
    threads: int = Field(description="CPU threads that torch used")
    samples: int = Field(description="prompts a round")
    new_tokens: int = Field(description="tokens a sample, exactly")
    note: str | None = Field(description="what was done otherwise than usual; null: nothing")
    processes: list[ProcessRecord] = Field(
        min_length=1, description="in the order in which they ran"
    )


class DifferenceRecord(DocumentSection):
    """A condition under which baseline and run were made differently."""

    what: str = Field(description="which condition")
    baseline: str = Field(description="as it was in the baseline")
    current: str = Field(description="as it is in this run")


class RegressionRecord(DocumentSection):
    """One figure against the baseline's."""

    metric: str = Field(description="its name in the catalogue")
    baseline: Number | None = Field(description="the baseline's figure")
    current: Number | None = Field(
        description="this run's; of times the two do not compare, but the ratios to the teacher do"
    )
    change_pct: Number | None = Field(
        description="change of what is judged (`basis`), percent; above 0 it rose"
    )
    ci95: Interval | None = Field(
        description="two one-sided 97.5 % bounds of the change, wider where it is looked at "
        "several times; null for what is compared exactly"
    )
    tolerance_pct: Number = Field(description="how much worse it may be")
    verdict: Literal["pass", "fail", "inconclusive", "not_comparable", "not_judged"] = Field(
        description="see docs/regression.md"
    )
    basis: str = Field(description="what was compared")
    differences: list[DifferenceRecord] = Field(
        description="conditions that keep the figure from being compared"
    )
    reason: str | None = Field(description="why there is no pass or fail")
    message: str = Field(description="all of it for people")


class BaselineRecord(DocumentSection):
    """The earlier run that this one was held against."""

    path: str = Field(description="its file")
    created_at: str = Field(description="when that run began, ISO 8601")
    student: str = Field(description="its student's reference")
