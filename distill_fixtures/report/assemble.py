"""From sections of metrics to the one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from distill_fixtures.measure.scores.score_source import ScoringReport
from distill_fixtures.measure.timing.interleaved import Timing
from distill_fixtures.metrics.guessing import chance_accuracy, guess_baseline
from distill_fixtures.metrics.missing import Measured
from distill_fixtures.metrics.pairing import flags_to_text
from distill_fixtures.metrics.section import Section
from distill_fixtures.metrics.size import number_format_flag
from distill_fixtures.records import IsolatedReport, QuestionSet, Role, Round, Scoring, Undefined
from distill_fixtures.report.document import (
    SCHEMA_VERSION,
    DatasetSection,
    Document,
    EnvironmentSection,
    RunSection,
    VerdictSection,
)
from distill_fixtures.report.figure_sections import (
    AccuracySection,
    BenchmarkSection,
    DistillationSection,
    FidelitySection,
    MemorySection,
    ModelSection,
    ScoringSection,
    SizeSection,
)
from distill_fixtures.report.process_sections import ProcessTimingSection, RegressionRecord
from distill_fixtures.report.request_records import merged_values, sample_records
from distill_fixtures.report.timing_section import TimingSection, timing_values

__all__ = ["ModelParts", "assemble", "dataset_section"]


@dataclass(frozen=True)
class ModelParts:
    """One model's part of the document before its gaps are explained.

    Attributes:
        reference: as given.
        digest, architecture: undefined where the card was not read.
        sections: by name, as in ``MODEL_SECTIONS``.
        rounds: raw rounds by batch size.
        isolated: the report of its own process.
        scoring: how its answers came about.
        correct: whether each answer is right, in the order of the questions.
        merged: raw rounds of an adapter's model, unmerged and merged.
    """

    reference: str
    digest: str | Undefined
    architecture: str | Undefined
    sections: Mapping[str, Section]
    rounds: Mapping[int, tuple[Round, ...]] | Undefined
    isolated: IsolatedReport | Undefined
    scoring: ScoringReport | Undefined
    correct: Sequence[bool] | Undefined
    merged: Mapping[str, tuple[Round, ...]] | Undefined


def assemble(
    *,
    created_at: str,
    environment: tuple[EnvironmentSection, Mapping[str, str]],
    run: RunSection,
    dataset: tuple[DatasetSection, Mapping[str, str]],
    models: Mapping[Role, ModelParts],
    pair: Mapping[str, Section],
    tokenizers_differ: bool | Undefined,
    timings: Mapping[int, Timing | Undefined] | Undefined,
    verdict: VerdictSection,
    process_timing: ProcessTimingSection | Undefined,
    regression: Sequence[RegressionRecord] | Undefined,
) -> Document:
    """Put the document together; every null in it gets its reason.

    Raises:
        pydantic.ValidationError: a value is of the wrong kind, or is NaN.
    """
    reasons = _Reasons()
    reasons.take("environment", environment[1])
    reasons.take("dataset", dataset[1])
    built = {role: _model(parts, reasons.below(role)) for role, parts in models.items()}
    if "control" not in built:
        reasons.note("control", "there is no control model")
    if run.baseline is None:
        reasons.note(
            "run.baseline",
            regression.reason if isinstance(regression, Undefined) else "there is none",
        )
    compared = reasons.value("regression", regression)
    return Document(
        schema_version=SCHEMA_VERSION,
        created_at=created_at,
        environment=environment[0],
        run=run,
        dataset=dataset[0],
        teacher=built["teacher"],
        student=built["student"],
        control=built.get("control"),
        distillation=_distillation(pair, models, tokenizers_differ, reasons.below("distillation")),
        timing=_timing(timings, reasons),
        verdict=verdict,
        process_timing=reasons.value("process_timing", process_timing),
        regression=None if compared is None else list(compared),
        reasons=reasons.found,
    )


class _Reasons:
    """Collects why values are null, under the dotted path of their keys."""

    def __init__(self, prefix: str = "", found: dict[str, str] | None = None) -> None:
        self._prefix = prefix
        self.found: dict[str, str] = {} if found is None else found

    def below(self, key: str) -> _Reasons:
        return _Reasons(f"{self._prefix}{key}.", self.found)

    def note(self, key: str, reason: str) -> None:
        self.found[self._prefix + key] = reason

    def take(self, key: str, reasons: Mapping[str, str]) -> None:
        for name, reason in reasons.items():
            self.note(f"{key}.{name}", reason)

    def value(self, key: str, value: Any) -> Any:
        """The value, or None with its reason noted."""
        if isinstance(value, Undefined):
            self.note(key, value.reason)
            return None
        if isinstance(value, Mapping):
            return {name: self.value(f"{key}.{name}", each) for name, each in value.items()}
        return value

    def section(self, kind: type[BaseModel], values: Mapping[str, Any]) -> Any:
        """A section of the document from values that may be undefined."""
        return kind(**{name: self.value(name, value) for name, value in values.items()})


def dataset_section(
    questions: QuestionSet, scoring: Scoring, prompt_digest: str
) -> tuple[DatasetSection, dict[str, str]]:
    """What the questions are, and the reasons of its nulls."""
    reasons = _Reasons()
    counts = [len(question.choices) for question in questions.questions]
    options: float | Undefined = Undefined("free-text questions have no options")
    if all(counts):
        options = sum(counts) / len(counts)
    baseline = guess_baseline(questions.questions)
    section: DatasetSection = reasons.section(
        DatasetSection,
        {
            "name": questions.name,
            "digest": questions.digest,
            "questions": len(questions),
            "options_per_question": options,
            "chance_accuracy": chance_accuracy(questions.questions),
            "guess_baseline": baseline.accuracy,
            "guess_baseline_rule": baseline.strategy,
            "scoring": scoring,
            "prompt_digest": prompt_digest,
            "warnings": list(questions.warnings),
            **{
                name: questions.defects.get(name, 0)
                for name in (
                    "repeated_options",
                    "repeated_reference",
                    "repeated_question_text",
                    "unlabelled",
                )
            },
        },
    )
    return section, reasons.found


def _model(parts: ModelParts, reasons: _Reasons) -> ModelSection:
    sections = parts.sections
    timed = {**sections["load"].values, **sections["latency"].values}
    timed |= sections["throughput"].values
    accuracy = dict(sections["accuracy"].values)
    accuracy["correct_by_question"] = (
        parts.correct if isinstance(parts.correct, Undefined) else flags_to_text(parts.correct)
    )
    return ModelSection(
        reference=parts.reference,
        digest=reasons.value("digest", parts.digest),
        architecture=reasons.value("architecture", parts.architecture),
        size=reasons.below("size").section(SizeSection, sections["size"].values),
        accuracy=reasons.below("accuracy").section(
            AccuracySection, accuracy | {"intervals": _intervals(sections["accuracy"])}
        ),
        scoring=reasons.below("scoring").section(ScoringSection, _scoring(parts.scoring)),
        benchmark=reasons.below("benchmark").section(
            BenchmarkSection,
            timed
            | {
                "samples": sample_records(parts.rounds),
                "merged": merged_values(sections["merged"], parts.merged),
                "intervals": _intervals(sections["latency"]),
            },
        ),
        memory=reasons.below("memory").section(
            MemorySection, {**sections["memory"].values, **_isolated(parts.isolated)}
        ),
    )


def _timing(
    timings: Mapping[int, Timing | Undefined] | Undefined, reasons: _Reasons
) -> dict[str, TimingSection | None] | None:
    if isinstance(timings, Undefined):
        reasons.note("timing", timings.reason)
        return None
    built: dict[str, TimingSection | None] = {}
    for size, timing in timings.items():
        key = f"timing.{size}"
        if isinstance(timing, Undefined):
            built[str(size)] = reasons.value(key, timing)
        else:
            built[str(size)] = reasons.below(key).section(TimingSection, timing_values(timing))
    return built


def _scoring(report: ScoringReport | Undefined) -> dict[str, Any]:
    if isinstance(report, Undefined):
        return dict.fromkeys(ScoringSection.model_fields, report)
    return {name: getattr(report, name) for name in ScoringSection.model_fields}


def _isolated(report: IsolatedReport | Undefined) -> dict[str, Any]:
    if isinstance(report, Undefined):
        return dict.fromkeys(("curve", "phases", "peak_method", "load_times_s"), report)
    return {
        "curve": list(report.curve),
        "phases": [asdict(phase) for phase in report.phases],
        "peak_method": report.peak_method,
        "load_times_s": list(report.load_times_s),
    }


def _intervals(section: Section) -> dict[str, tuple[float, float]]:
    """Intervals of the values that are there."""
    return {
        name: interval
        for name, interval in section.intervals.items()
        if not isinstance(interval, Undefined)
        and not isinstance(section.values.get(name.partition(".")[0]), Undefined)
    }


def _distillation(
    pair: Mapping[str, Section],
    models: Mapping[Role, ModelParts],
    tokenizers_differ: bool | Undefined,
    reasons: _Reasons,
) -> DistillationSection:
    fidelity = {**pair["fidelity"].values, **pair["tokens"].values}
    values: dict[str, Any] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for name, section in pair.items():
        intervals |= _intervals(section)
        if name not in ("fidelity", "tokens"):
            values |= section.values
    values["number_format_differs"] = _number_format_differs(
        *(
            models[role].sections["size"].values["bits_per_parameter"]
            for role in ("teacher", "student")
        )
    )
    values["tokenizers_differ"] = tokenizers_differ
    values["fidelity"] = reasons.below("fidelity").section(FidelitySection, fidelity)
    built: DistillationSection = reasons.section(
        DistillationSection, values | {"intervals": intervals}
    )
    return built


def _number_format_differs(teacher_bits: Measured, student_bits: Measured) -> bool | Undefined:
    for bits in (teacher_bits, student_bits):
        if isinstance(bits, Undefined):
            return bits
    return number_format_flag(teacher_bits, student_bits) is not None
