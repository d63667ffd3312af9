"""The document's sections of figures: one model's, and student against teacher.

A key that is a metric takes its description, in the published schema, from the catalogue. ``None``
means not measured; the document's ``reasons`` says why.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AccuracySection",
    "BatchFigures",
    "BenchmarkSection",
    "DistillationSection",
    "DocumentSection",
    "FidelitySection",
    "Interval",
    "MemorySection",
    "MergedSamples",
    "MergedSection",
    "ModelSection",
    "Number",
    "PhaseRecord",
    "SampleRecord",
    "ScoringSection",
    "SizeSection",
    "SliceLossSection",
    "SliceSection",
]

# Strict JSON knows neither NaN nor infinity.
Number = Annotated[float, Field(allow_inf_nan=False)]
Interval = tuple[Number, Number]


class DocumentSection(BaseModel):
    """Part of a document: fixed keys, never changed once made.

    A part's own validator is built when a part is first made alone, which no reader does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class SizeSection(DocumentSection):
    """What must be shipped, and how much model it is."""

    disk_bytes: int | None
    disk_mb: Number | None
    disk_gb: Number | None
    weights_bytes: int | None
    adapter_bytes: int | None
    parameters_total: int | None
    parameters_trainable: int | None
    parameters_non_embedding: int | None
    bits_per_parameter: Number | None


class SliceSection(DocumentSection):
    """Accuracy within one subdomain or question type."""

    accuracy: Number
    correct: int
    total: int
    ci95: Interval


class SliceLossSection(DocumentSection):
    """Student against teacher within one subdomain or question type."""

    accuracy_loss: Number
    total: int
    ci95: Interval | None = Field(
        description="95 % interval of accuracy_loss; null where its questions allow none"
    )


class AccuracySection(DocumentSection):
    """How often a model is right."""

    accuracy: Number | None
    accuracy_norm: Number | None
    accuracy_pmi: Number | None
    letter_debiased_accuracy: Number | None
    correct: int | None
    total: int | None
    ci95: Interval | None
    expected_calibration_error: Number | None
    brier_score: Number | None
    overconfidence: Number | None
    option_nll_nats: Number | None
    unparsed: int | None
    truncated: int | None
    by_subdomain: dict[str, SliceSection] | None
    by_question_type: dict[str, SliceSection] | None
    position_shares: dict[str, Number] | None
    correct_by_question: str | None = Field(
        pattern="^[01]+$", description="one character a question in their order: 1 right, 0 wrong"
    )
    intervals: dict[str, Interval] = Field(
        description="95 % intervals by metric. Where questions share sources, accuracy's is "
        "Wilson's with the counts divided by the design effect, and the others are bootstraps that "
        "draw whole sources"
    )


class ScoringSection(DocumentSection):
    """How a model's answers came about."""

    method: str | None = Field(
        description="how a question's options shared work; `packed`, `shared cache`, `rows` or "
        "`one by one` (of a classifier: texts in batches, or each alone); null for written answers"
    )
    chat_template: bool | None = Field(
        description="prompts were put into the model's chat template; null unless answers are "
        "written"
    )
    questions_scored: int | None = Field(
        description="questions of which at least one prompt went through the model"
    )
    questions_from_cache: int | None = Field(
        description="questions whose every prompt was in the score cache"
    )
    passes: int | None = Field(description="batches that went through the model")
    seconds: Number | None = Field(description="for all of it, loading the model left out")


class SampleRecord(DocumentSection):
    """One timed request, as measured: every figure of time is derived from these."""

    round: int = Field(
        description="place of its round in the interleaved sequence of its batch size, from 0"
    )
    batch_size: int = Field(description="prompts generated together")
    prompt_tokens: int = Field(description="prompt tokens of all its rows, without padding")
    token_times_s: list[Number] = Field(
        description="seconds from the request's start until each token was there; of a classifier "
        "one entry, when its labels' scores were there"
    )


class BatchFigures(DocumentSection):
    """Times and rates of batches of one size; a request is a batch, with its rows' tokens."""

    throughput_samples_per_s: Number
    tokens_per_s: Number | None
    decode_tokens_per_s: Number | None
    prefill_tokens_per_s: Number | None
    ttft_s: Number | None
    tpot_s: Number | None
    itl_p50_s: Number | None
    itl_p99_s: Number | None
    latency_p50_s: Number | None
    latency_p90_s: Number | None
    latency_p99_s: Number | None


class MergedSamples(DocumentSection):
    """The requests of the two models that were timed together."""

    unmerged: list[SampleRecord] = Field(description="of base and adapter side by side")
    merged: list[SampleRecord] = Field(description="of the copy with the adapter merged")


class MergedSection(DocumentSection):
    """An adapter's model with the adapter merged into its base, at batch size 1."""

    inference_time_s: Number
    ttft_s: Number
    tpot_s: Number | None
    tokens_per_s: Number
    speedup: Number = Field(
        description="the unmerged model's time over the merged one's: exp of the median log ratio "
        "of paired rounds; above 1 merging makes it faster"
    )
    speedup_ci95: Interval | None = Field(
        description="95 % interval, by bootstrap over paired rounds"
    )
    rounds: int = Field(description="counted rounds of each of the two")
    samples: MergedSamples


class BenchmarkSection(DocumentSection):
    """How fast a model loads and answers."""

    load_time_s: Number | None
    load_time_cold_s: Number | None
    import_time_s: Number | None
    inference_time_s: Number | None
    throughput_samples_per_s: dict[str, Number | None] | None
    by_batch_size: dict[str, BatchFigures | None] | None
    tokens_per_s: Number | None
    decode_tokens_per_s: Number | None
    prefill_tokens_per_s: Number | None
    characters_per_token: Number | None
    characters_per_s: Number | None
    ttft_s: Number | None
    tpot_s: Number | None
    itl_p50_s: Number | None
    itl_p99_s: Number | None
    latency_p50_s: Number | None
    latency_p90_s: Number | None
    latency_p99_s: Number | None
    merged: MergedSection | None
    samples: list[SampleRecord] | None = Field(description="every timed request")
    intervals: dict[str, Interval] = Field(
        description="95 % intervals by metric, by bootstrap over whole rounds"
    )


class PhaseRecord(DocumentSection):
    """A stretch of the measuring process's life; seconds since loading began, negative before."""

    name: str = Field(description="what it did")
    start_s: Number = Field(description="its begin")
    end_s: Number = Field(description="its end")


class MemorySection(DocumentSection):
    """What a model needs of memory, alone in a fresh process."""

    model_memory_bytes: int | None
    model_pss_bytes: int | None
    model_uss_bytes: int | None
    peak_memory_bytes: int | None
    load_peak_memory_bytes: int | None
    runtime_memory_bytes: int | None
    device_peak_bytes: int | None
    curve: list[tuple[Number, int]] | None = Field(
        description="[seconds since loading began, resident bytes], polled"
    )
    phases: list[PhaseRecord] | None = Field(description="what the process did when")
    peak_method: Literal["high-water mark", "polled"] | None = Field(
        description="whether the peaks are the kernel's, exact, or polled and may miss short ones"
    )
    load_times_s: list[Number] | None = Field(
        description="seconds of each warm load, of which load_time_s is the median"
    )


class ModelSection(DocumentSection):
    """One model."""

    reference: str = Field(description="the reference as given")
    digest: str | None = Field(description="sha256 over what the model is made of")
    architecture: str | None = Field(description="the name in the model's configuration")
    size: SizeSection
    accuracy: AccuracySection
    scoring: ScoringSection
    benchmark: BenchmarkSection
    memory: MemorySection


class FidelitySection(DocumentSection):
    """How like the teacher the student answers."""

    agreement: Number | None
    agreement_teacher_wrong: Number | None
    kappa: Number | None
    kl_nats: Number | None
    kl_nats_median: Number | None
    js_nats: Number | None
    negative_flip_rate: Number | None
    positive_flip_rate: Number | None
    relative_negative_flip_rate: Number | None
    mcnemar_p: Number | None
    token_kl_nats: Number | None
    bits_per_byte: dict[str, Number] | None


class DistillationSection(DocumentSection):
    """Student against teacher."""

    size_reduction_bytes: int | None
    size_reduction_pct: Number | None
    parameter_reduction_pct: Number | None
    compression_ratio: Number | None
    compression_factor: Number | None
    number_format_differs: bool | None = Field(
        description="bits_per_parameter differ: part of the size reduction is the number format"
    )
    tokenizers_differ: bool | None = Field(
        description="the models cut text into other tokens: compare characters_per_s, not tokens/s"
    )
    accuracy_delta: Number | None
    accuracy_loss: Number | None
    accuracy_retention_pct: Number | None
    knowledge_retention_pct: Number | None
    chance_corrected_retention_pct: Number | None
    accuracy_loss_by_subdomain: dict[str, SliceLossSection] | None
    accuracy_loss_by_question_type: dict[str, SliceLossSection] | None
    speedup: Number | None
    speed_improvement_pct: Number | None
    time_saved_s: Number | None
    throughput_gain: dict[str, Number | None] | None
    load_time_improvement_pct: Number | None
    memory_reduction_bytes: int | None
    memory_reduction_pct: Number | None
    peak_memory_reduction_pct: Number | None
    performance_efficiency: Number | None
    efficiency_score: Number | None
    performance_per_mb: dict[str, Number] | None
    performance_per_million_params: dict[str, Number] | None
    distillation_efficacy: Number | None
    distillation_gain: Number | None
    control_difference: Number | None
    fidelity: FidelitySection
    intervals: dict[str, Interval] = Field(
        description="95 % intervals by metric, fidelity's too; `throughput_gain.N` by batch size. "
        "docs/metrics.md says how each is taken, and whether questions that share a source are "
        "allowed for by the design effect or by drawing whole sources"
    )
