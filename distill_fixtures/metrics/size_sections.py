"""Sections that come from model cards and from reports of isolated processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from distill_fixtures.metrics.efficiency import (
    efficiency_score,
    not_applicable_reason,
    performance_efficiency,
    performance_per_mb,
    performance_per_million_params,
)
from distill_fixtures.metrics.memory import (
    load_time_improvement_pct,
    memory_reduction_bytes,
    memory_reduction_pct,
    peak_memory_reduction_pct,
)
from distill_fixtures.metrics.missing import Measured, combine, quotient
from distill_fixtures.metrics.section import Section
from distill_fixtures.metrics.sections import MODEL_SECTIONS
from distill_fixtures.metrics.size import (
    bits_per_parameter,
    compression_factor,
    compression_ratio,
    reduction,
    reduction_pct,
)
from distill_fixtures.records import IsolatedReport, ModelCard, Undefined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "efficiency_pair",
    "load_model",
    "load_pair",
    "memory_model",
    "memory_pair",
    "size_model",
    "size_pair",
]

FEW_LOADS = Undefined("a handful of loads carries no interval")


def size_model(card: ModelCard) -> Section:
    """Sizes of one model."""
    counted = ("parameters_total", "parameters_trainable", "parameters_non_embedding")
    known = ("disk_bytes", "weights_bytes", "adapter_bytes", *counted)
    values = {name: getattr(card, name) for name in known}
    return Section(
        values
        | {
            "disk_mb": combine(lambda size: size / 1e6, card.disk_bytes),
            "disk_gb": combine(lambda size: size / 1e9, card.disk_bytes),
            "bits_per_parameter": bits_per_parameter(card.weights_bytes, card.parameters_total),
        }
    )


def size_pair(teacher: ModelCard, student: ModelCard) -> Section:
    """How much smaller the student is."""
    disks = (teacher.disk_bytes, student.disk_bytes)
    return Section(
        {
            "size_reduction_bytes": reduction(*disks),
            "size_reduction_pct": reduction_pct(*disks),
            "parameter_reduction_pct": reduction_pct(
                teacher.parameters_total, student.parameters_total
            ),
            "compression_ratio": compression_ratio(*disks),
            "compression_factor": compression_factor(*disks),
        }
    )


def load_model(report: IsolatedReport) -> Section:
    """Load times of one model: the median of its warm loads, the cold one, and the imports."""
    ordered = sorted(report.load_times_s)
    middle = len(ordered) // 2
    median = (ordered[middle] + ordered[~middle]) / 2
    return Section(
        {
            "load_time_s": median,
            "load_time_cold_s": report.load_time_cold_s,
            "import_time_s": report.import_time_s,
        },
        dict.fromkeys(("load_time_s", "load_time_cold_s", "import_time_s"), FEW_LOADS),
        samples=len(ordered),
    )


def load_pair(teacher: IsolatedReport, student: IsolatedReport) -> Section:
    """The share of load time saved."""
    times = [load_model(report).values["load_time_s"] for report in (teacher, student)]
    return Section(
        {"load_time_improvement_pct": load_time_improvement_pct(*times)},
        {"load_time_improvement_pct": FEW_LOADS},
        samples=min(len(teacher.load_times_s), len(student.load_times_s)),
    )


def memory_model(report: IsolatedReport) -> Section:
    """Memory of one model."""
    return Section({name: getattr(report, name) for name in MODEL_SECTIONS["memory"]})


def memory_pair(teacher: IsolatedReport, student: IsolatedReport) -> Section:
    """How much less memory the student takes."""
    models = (teacher.model_memory_bytes, student.model_memory_bytes)
    return Section(
        {
            "memory_reduction_bytes": memory_reduction_bytes(*models),
            "memory_reduction_pct": memory_reduction_pct(*models),
            "peak_memory_reduction_pct": peak_memory_reduction_pct(
                teacher.peak_memory_bytes,
                teacher.runtime_memory_bytes,
                student.peak_memory_bytes,
                student.runtime_memory_bytes,
            ),
        }
    )


def efficiency_pair(
    teacher: ModelCard,
    student: ModelCard,
    teacher_accuracy: Measured,
    student_accuracy: Measured,
    answers_draws: Mapping[str, NDArray[np.float64]] | None = None,
) -> Section:
    """Accuracy for what it costs.

    Args:
        answers_draws: of the student's ``accuracy`` and of ``knowledge_retention_pct``; the counts
            of parameters only scale them.
    """
    counts = (teacher.parameters_total, student.parameters_total)
    accuracies = (teacher_accuracy, student_accuracy)
    cards = {"teacher": teacher, "student": student}
    by_model = dict(zip(cards, accuracies, strict=True))
    same_size = not_applicable_reason(*counts)
    draws: dict[str, NDArray[np.float64]] = {}
    known = answers_draws or {}
    ratio = quotient(*counts, "the student's number of parameters")
    if not isinstance(ratio, Undefined):
        for name, of, scale in (
            ("performance_efficiency", "knowledge_retention_pct", ratio / 100),
            ("efficiency_score", "accuracy", ratio),
        ):
            if of in known:
                draws[name] = scale * known[of]
    return Section(
        {
            "performance_efficiency": performance_efficiency(*accuracies, *counts),
            "efficiency_score": efficiency_score(student_accuracy, *counts),
            "performance_per_mb": _for_both(
                {m: performance_per_mb(by_model[m], c.disk_bytes) for m, c in cards.items()}
            ),
            "performance_per_million_params": _for_both(
                {
                    m: performance_per_million_params(by_model[m], c.parameters_total)
                    for m, c in cards.items()
                }
            ),
        },
        draws=draws,
        not_applicable={} if same_size is None else {"performance_efficiency": same_size},
    )


def _for_both(values: dict[str, Measured]) -> dict[str, float] | Undefined:
    """A mapping where both values exist, else why one does not."""
    known: dict[str, float] = {}
    for model, value in values.items():
        if isinstance(value, Undefined):
            return Undefined(f"{model}: {value.reason}")
        known[model] = value
    return known
