"""Which metrics are computed together, and from what.

A section is what one kind of recording gives: sizes from a card, accuracy from answers, seconds
from rounds. ``section_of`` tells where a metric of the catalogue is found.
"""

from __future__ import annotations

from distill_fixtures.catalog import metric
from distill_fixtures.metrics.process_ratios import COMPARED_TIMES

__all__ = [
    "MODEL_SECTIONS",
    "PAIR_SECTIONS",
    "section_of",
    "why_not_compared",
    "why_not_gradable",
    "why_not_sliced",
]

MODEL_SECTIONS: dict[str, tuple[str, ...]] = {
    "size": (
        "disk_bytes",
        "disk_mb",
        "disk_gb",
        "weights_bytes",
        "adapter_bytes",
        "parameters_total",
        "parameters_trainable",
        "parameters_non_embedding",
        "bits_per_parameter",
    ),
    "accuracy": (
        "accuracy",
        "accuracy_norm",
        "accuracy_pmi",
        "letter_debiased_accuracy",
        "correct",
        "total",
        "ci95",
        "expected_calibration_error",
        "brier_score",
        "overconfidence",
        "option_nll_nats",
        "unparsed",
        "truncated",
        "by_subdomain",
        "by_question_type",
        "position_shares",
    ),
    "load": ("load_time_s", "load_time_cold_s", "import_time_s"),
    "latency": (
        "inference_time_s",
        "tokens_per_s",
        "decode_tokens_per_s",
        "prefill_tokens_per_s",
        "characters_per_token",
        "characters_per_s",
        "ttft_s",
        "tpot_s",
        "itl_p50_s",
        "itl_p99_s",
        "latency_p50_s",
        "latency_p90_s",
        "latency_p99_s",
    ),
    "merged": ("merged",),
    "throughput": ("throughput_samples_per_s", "by_batch_size"),
    "memory": (
        "model_memory_bytes",
        "model_pss_bytes",
        "model_uss_bytes",
        "peak_memory_bytes",
        "load_peak_memory_bytes",
        "runtime_memory_bytes",
        "device_peak_bytes",
    ),
}

PAIR_SECTIONS: dict[str, tuple[str, ...]] = {
    "size": (
        "size_reduction_bytes",
        "size_reduction_pct",
        "parameter_reduction_pct",
        "compression_ratio",
        "compression_factor",
    ),
    "retention": (
        "accuracy_delta",
        "accuracy_loss",
        "accuracy_retention_pct",
        "knowledge_retention_pct",
        "chance_corrected_retention_pct",
    ),
    "slices": ("accuracy_loss_by_subdomain", "accuracy_loss_by_question_type"),
    "control": ("distillation_gain", "control_difference"),
    "fidelity": (
        "agreement",
        "agreement_teacher_wrong",
        "kappa",
        "kl_nats",
        "kl_nats_median",
        "js_nats",
        "negative_flip_rate",
        "positive_flip_rate",
        "relative_negative_flip_rate",
        "mcnemar_p",
    ),
    "tokens": ("token_kl_nats", "bits_per_byte"),
    "latency": ("speedup", "speed_improvement_pct", "time_saved_s"),
    "throughput": ("throughput_gain",),
    "load": ("load_time_improvement_pct",),
    "memory": ("memory_reduction_bytes", "memory_reduction_pct", "peak_memory_reduction_pct"),
    "efficiency": (
        "performance_efficiency",
        "efficiency_score",
        "performance_per_mb",
        "performance_per_million_params",
    ),
    "efficacy": ("distillation_efficacy",),
}

SLICED = frozenset(("accuracy", "retention", "control", "fidelity", "efficiency", "efficacy"))
"""Sections that can be computed over some of the questions."""

NOT_SLICED = {
    "expected_calibration_error": "over few questions it comes out too high",
    "letter_debiased_accuracy": "it has no draws, by which a slice is told from chance",
    "distillation_gain": "it has no draws, by which a slice is told from chance",
}
"""Metrics of these sections that can be computed, but not judged there."""


def section_of(name: str) -> str:
    """The section in which a metric is computed.

    Raises:
        KeyError: no section computes it, as for a count in the comparison's summary.

    >>> section_of("speed_improvement_pct"), section_of("ttft_s")
    ('latency', 'latency')
    """
    sections = PAIR_SECTIONS if metric(name).scope == "pair" else MODEL_SECTIONS
    for section, names in sections.items():
        if name in names:
            return section
    raise KeyError(f"{name} is no value of its own that could be graded")


def why_not_gradable(name: str) -> str | None:
    """Why no threshold can judge a metric, or None where one can.

    >>> why_not_gradable("speedup") is None
    True
    >>> why_not_gradable("overconfidence")
    'neither way is better'
    """
    found = metric(name)
    if found.direction == "none":
        return "neither way is better"
    if found.keyed:
        return "it is no one number"
    try:
        section = section_of(name)
    except KeyError:
        return "it is counted in comparison_results.json alone"
    if section == "load":
        return "a handful of loads carries no interval, by which a time is judged"
    return None


def why_not_sliced(name: str) -> str | None:
    """Why no threshold can judge a gradable metric on some of the questions, or None.

    >>> why_not_sliced("agreement") is None
    True
    >>> why_not_sliced("token_kl_nats")
    'it is measured over the text of all questions together'
    """
    section = section_of(name)
    if name in NOT_SLICED:
        return NOT_SLICED[name]
    if section in SLICED:
        return None
    if section == "tokens":
        return "it is measured over the text of all questions together"
    return f"it comes from {metric(name).origin} and not from answers"


COMPARED_ANSWERS = ("accuracy", "knowledge_retention_pct", "accuracy_retention_pct")


def why_not_compared(name: str) -> str | None:
    """Why a metric cannot be held against an earlier run's, or None where it can.

    >>> why_not_compared("inference_time_s") is None, why_not_compared("disk_bytes") is None
    (True, True)
    >>> why_not_compared("kappa")
    'of the figures from answers only accuracy and the retention built from it are compared'
    """
    reason = why_not_gradable(name)
    if reason is not None:
        return reason
    origin = metric(name).origin
    if origin == "time" and name not in COMPARED_TIMES:
        return "of times only these are taken in several processes: " + ", ".join(COMPARED_TIMES)
    if origin == "answers" and name not in COMPARED_ANSWERS:
        return (
            "of the figures from answers only accuracy and the retention built from it are compared"
        )
    return None
