"""The one document of a run; every output is a view of it.

The pydantic models here and in ``figure_sections`` are the published JSON Schema of
``distillation_metrics.json``. ``None`` means not measured, and ``reasons`` says why, under the
dotted path of the key. Times are in seconds, sizes in bytes beside MB and GB (10^6, 10^9), rates
per second, percentages 0 to 100.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from distill_fixtures.report.figure_sections import (
    DistillationSection,
    DocumentSection,
    Interval,
    ModelSection,
    Number,
)
from distill_fixtures.report.machine_section import MachineCheckSection
from distill_fixtures.report.process_sections import (
    BaselineRecord,
    ProcessTimingSection,
    RegressionRecord,
)
from distill_fixtures.report.timing_section import TimingSection

__all__ = [
    "SCHEMA_VERSION",
    "CriterionSection",
    "DatasetSection",
    "Document",
    "EnvironmentSection",
    "RunSection",
    "VerdictSection",
]

SCHEMA_VERSION: Final = 5

Grade = Literal["good", "acceptable", "poor", "not_judged", "not_applicable", "not_run"]


class EnvironmentSection(DocumentSection):
    """Where the run took place."""

    versions: dict[str, str] = Field(description="of Python and the packages that matter")
    machine: dict[str, Any] = Field(description="system, processor, cores, memory")
    device: str | None = Field(description="where the models ran")
    threads: int | None = Field(description="CPU threads that torch used")
    dtype: str | None = Field(description="number format of the weights in memory")
    git_commit: str | None = Field(description="of the folder in which pytest ran")
    machine_check: MachineCheckSection = Field(description="how busy the machine was")
    comparability_key: str = Field(
        description="the same where times may be compared: machine, device, dtype, threads, "
        "Python, torch, transformers"
    )


class RunSection(DocumentSection):
    """What was asked for, and whether all of it was done."""

    options: dict[str, Any] = Field(description="every option in force; null: not given")
    references: dict[str, str | None] = Field(
        description="model references as given, by role; null: none"
    )
    partial: bool = Field(description="part of the suite, or of the questions")
    partial_reasons: list[str] = Field(description="why it is partial")
    interrupted: bool = Field(description="the run did not come to its end")
    tests_selected: int = Field(description="tests of the suite that were selected")
    tests_run: int = Field(description="those that ran to their end")
    baseline: BaselineRecord | None = Field(
        description="the earlier run that this one was held against; null without one"
    )


class DatasetSection(DocumentSection):
    """The questions."""

    name: str = Field(description="`demo`, `quantumbench`, or the file's stem")
    digest: str = Field(description="sha256 over ids, texts, options and answers")
    questions: int = Field(description="how many")
    options_per_question: Number | None = Field(description="mean number of options")
    chance_accuracy: Number | None
    guess_baseline: Number | None
    guess_baseline_rule: str | None = Field(description="the blind guess that reaches it")
    scoring: str = Field(description="`cloze`, `letter`, `generate` or `classify`")
    prompt_digest: str = Field(description="sha256 over how questions were put")
    repeated_options: int = Field(description="questions that list one option text twice")
    repeated_reference: int = Field(description="questions that list the right text twice")
    repeated_question_text: int = Field(description="questions whose text another one has too")
    unlabelled: int = Field(description="questions without a subdomain")
    warnings: list[str] = Field(description="a sentence for each kind of defect")


class CriterionSection(DocumentSection):
    """One threshold, judged."""

    metric: str = Field(description="its name in the catalogue")
    slice: str | None = Field(description="the questions it is about; null: all")
    value: Number | None = Field(description="the figure; null where there is none")
    ci95: Interval | None = Field(description="its 95 % interval; null where there is none")
    good: Number = Field(description="beyond it: good")
    poor: Number = Field(description="short of it: poor")
    grade: Grade = Field(description="see docs/thresholds.md")
    stability: Number | None = Field(
        description="share of draws with the same grade, no probability that it is right; null "
        "without draws"
    )
    borderline: bool = Field(
        description="a time whose interval holds a bound; a slice that is short of `poor` and may "
        "be so by chance"
    )
    samples: int | None = Field(
        description="questions (of a slice: its own) or rounds behind the value; null: a size"
    )
    p_value: Number | None = Field(
        description="of a slice: one-sided, that it is truly short of `poor`; null where none was "
        "judged, and for all questions together, which are graded by their value"
    )
    p_value_holm: Number | None = Field(
        description="`p_value` by Holm's correction over all slices judged of this metric and "
        "kind; null where that is"
    )
    reason: str | None = Field(description="why there is no good, acceptable or poor")
    message: str = Field(description="all of it for people")


class VerdictSection(DocumentSection):
    """What the thresholds say of it all."""

    overall: Literal["good", "acceptable", "poor", "not_judged"] = Field(
        description="the worst grade among the judged"
    )
    gate: Literal["pass", "fail"] = Field(description="fail: a criterion fails the run")
    criteria: list[CriterionSection] = Field(description="in the order of the thresholds")


class Document(DocumentSection):
    """distillation_metrics.json."""

    model_config = ConfigDict(
        extra="allow",  # a user's pytest_distill_document hook may add keys of its own
        frozen=True,
        title="distillation_metrics.json",
    )

    schema_version: Literal[5] = Field(description="rises with any change of the keys")
    created_at: str = Field(description="when the run began, ISO 8601")
    environment: EnvironmentSection
    run: RunSection
    dataset: DatasetSection
    teacher: ModelSection
    student: ModelSection
    control: ModelSection | None = Field(description="null without a control")
    distillation: DistillationSection
    timing: dict[str, TimingSection | None] | None = Field(
        description="how teacher and student were timed, by batch size; null where they were not"
    )
    verdict: VerdictSection
    process_timing: ProcessTimingSection | None = Field(
        description="teacher and student timed in several processes; null without a baseline to "
        "compare with or to become"
    )
    regression: list[RegressionRecord] | None = Field(
        description="the comparison with a baseline; null without one"
    )
    reasons: dict[str, str] = Field(description="why a value is null, by its dotted path")

    @model_validator(mode="after")
    def _an_answer_a_question(self) -> Self:
        for model in (self.teacher, self.student):
            told = model.accuracy.correct_by_question
            if told is not None and len(told) != self.dataset.questions:
                raise ValueError(f"{len(told)} answers to {self.dataset.questions} questions")
        return self
