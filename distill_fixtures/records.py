"""The records that travel through the package, floor by floor.

``questions -> answers and traces -> metrics -> grades -> document``. All are frozen; none knows a
model, a file or pytest. Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Answer",
    "GenerationTrace",
    "IsolatedReport",
    "ModelCard",
    "Phase",
    "ProcessTiming",
    "Question",
    "QuestionSet",
    "Role",
    "Round",
    "Scoring",
    "TokenComparison",
    "Undefined",
]

Role = Literal["teacher", "student", "control"]
Scoring = Literal["cloze", "letter", "generate", "classify"]


@dataclass(frozen=True, slots=True)
class Undefined:
    """A value that does not exist, and why. It becomes ``null`` with a reason; it is never 0."""

    reason: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: unique in its set.
        question: the text put to the model.
        choices: the options in the order shown; empty for a free-text question.
        answer: zero-based index of the reference in ``choices``; None for free text.
        answers: accepted texts of a free-text question; empty for multiple choice.
        subdomain: a slice to report by, or None where the file does not say.
        question_type: another slice, or None.
        source: questions that share a source (a problem page, a template) are not independent;
            intervals resample by it. None: the question stands alone.
    """

    id: str
    question: str
    choices: tuple[str, ...] = ()
    answer: int | None = None
    answers: tuple[str, ...] = ()
    subdomain: str | None = None
    question_type: str | None = None
    source: str | None = None

    @property
    def is_free_text(self) -> bool:
        return not self.choices

    @property
    def reference_text(self) -> str:
        """The right option's text (multiple choice only)."""
        if self.answer is None:
            raise ValueError(f"question {self.id!r} is free text and has no reference option")
        return self.choices[self.answer]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions that are scored together.

    Attributes:
        name: for people: ``demo``, ``quantumbench``, or the file's stem.
        digest: sha256 over the content that a score depends on (ids, texts, options, answers).
        questions: in file order; predictions keep it.
        default_scoring: what ``--distill-scoring auto`` means for this set.
        defects: counts of what is odd in the data but was let through, such as
            ``{"repeated_options": 29, "repeated_reference": 4}``.
        warnings: one sentence per kind of defect, to be said once.
        partial: True when a limit cut the set.
        labels: of labelled texts every label of the file, also beyond the limit, with the line on
            which it first stands; empty for questions of any other kind.
    """

    name: str
    digest: str
    questions: tuple[Question, ...]
    default_scoring: Scoring
    defects: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    partial: bool = False
    labels: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.questions)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model answered to one question.

    Attributes:
        question_id: the question.
        pick: zero-based index of the option that won (ties take the first). In ``generate``
            scoring of a free-text question the answer's text. None: unparsed.
        pick_norm: the option that wins by log-likelihood per character (cloze only).
        pick_pmi: the option that wins by ``log_likelihoods_pmi`` (cloze, where asked for).
        correct: the pick's text is the reference's text.
        correct_norm: the same for ``pick_norm`` (cloze only).
        correct_pmi: the same for ``pick_pmi``.
        log_likelihoods: one a choice, nats (cloze, letter, classify).
        log_likelihoods_norm: nats per Unicode character of the option (cloze only).
        log_likelihoods_pmi: by how much the question raises an option's log-likelihood above that
            after a bare "Answer:", nats (cloze, where asked for).
        shown_picks: the place picked in each order in which the options were shown (letter, with
            several orders).
        text: what the model wrote (generate only).
        truncated: cloze and letter: the context was cut on its left to fit the model's window;
            classify: the text was cut, on its right unless its tokenizer says otherwise; generate:
            the text ended at the token limit instead of at a stop, or the prompt was cut.
    """

    question_id: str
    pick: int | str | None
    correct: bool
    log_likelihoods: tuple[float, ...] | None = None
    log_likelihoods_norm: tuple[float, ...] | None = None
    pick_norm: int | None = None
    correct_norm: bool | None = None
    text: str | None = None
    truncated: bool = False
    log_likelihoods_pmi: tuple[float, ...] | None = None
    pick_pmi: int | None = None
    correct_pmi: bool | None = None
    shown_picks: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class GenerationTrace:
    """Time stamps of one generation request.

    Attributes:
        batch_size: rows generated together; every row gets the same number of new tokens.
        prompt_tokens: prompt tokens of all rows, padding not counted.
        token_times_s: seconds from the request's start until each token was there, one entry a
            decoding step; strictly the raw samples from which every latency figure is derived.
        writes_tokens: False for a classifier, whose one entry is when its labels' scores were
            there. A model that writes a single token has one entry too.
    """

    batch_size: int
    prompt_tokens: int
    token_times_s: tuple[float, ...]
    writes_tokens: bool = True

    def __post_init__(self) -> None:
        if not self.writes_tokens and len(self.token_times_s) != 1:
            raise ValueError(f"a classifier has one time a request, not {self.token_times_s}")

    @property
    def end_to_end_s(self) -> float:
        return self.token_times_s[-1]

    @property
    def ttft_s(self) -> float:
        """Seconds until the first token.

        Raises:
            ValueError: no token is written.
        """
        if not self.writes_tokens:
            raise ValueError("a classifier writes no tokens, so there is no first one")
        return self.token_times_s[0]

    @property
    def new_tokens(self) -> int:
        """Tokens generated per row; 0 of a classifier."""
        return len(self.token_times_s) if self.writes_tokens else 0


@dataclass(frozen=True, slots=True)
class Round:
    """All samples once, for one model and one batch size.

    Attributes:
        traces: one a request, in prompt order.
        order: place of this round in the whole interleaved sequence, from 0.
    """

    traces: tuple[GenerationTrace, ...]
    order: int

    @property
    def samples(self) -> int:
        return sum(trace.batch_size for trace in self.traces)

    @property
    def seconds(self) -> float:
        """Summed end-to-end time of the round's requests."""
        return sum(trace.end_to_end_s for trace in self.traces)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a measuring process's life; seconds since loading began, negative before."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class IsolatedReport:
    """Memory and load time of one model, alone in a fresh process.

    Attributes:
        runtime_memory_bytes: resident after imports, before the model.
        model_memory_bytes: growth until every parameter is resident; on CUDA the allocator's.
        load_peak_memory_bytes: the process's maximum during loading.
        peak_memory_bytes: the process's maximum during inference.
        device_peak_bytes: the GPU allocator's peak.
        load_times_s: each warm load: tokenizer, weights and a forward pass of one token, code
            imported, files in the page cache.
        load_time_cold_s: one load with the files' pages dropped first.
        curve: (seconds since loading began, resident bytes), polled from outside.
        phases: what the process did when, on the same clock.
        peak_method: ``high-water mark`` (the kernel's, exact) or ``polled`` (short peaks may be
            missed).
        threads: CPU threads that torch used; None where nobody asked.
        model_pss_bytes: what the process's proportional set has grown by with the model: a page
            shared by n processes counts 1/n.
        model_uss_bytes: what its unique set has grown by: shared pages do not count.
    """

    runtime_memory_bytes: int
    model_memory_bytes: int
    load_peak_memory_bytes: int | Undefined
    peak_memory_bytes: int | Undefined
    device_peak_bytes: int | Undefined
    load_times_s: tuple[float, ...]
    load_time_cold_s: float | Undefined
    curve: tuple[tuple[float, int], ...] = ()
    phases: tuple[Phase, ...] = ()
    peak_method: Literal["high-water mark", "polled"] = "high-water mark"
    threads: int | None = None
    model_pss_bytes: int | Undefined = Undefined("nobody asked the kernel")
    model_uss_bytes: int | Undefined = Undefined("nobody asked the kernel")

    @property
    def import_time_s(self) -> float | Undefined:
        """Seconds of importing all code that loading needs, which no load time contains."""
        times = [phase.end_s - phase.start_s for phase in self.phases if phase.name == "imports"]
        return sum(times) if times else Undefined("the process did not say when it imported")


@dataclass(frozen=True, slots=True)
class ProcessTiming:
    """Interleaved rounds of several models, all timed in one fresh process.

    Attributes:
        rounds: by role, all of one length; the i-th rounds of all roles ran next to each other.
        threads: CPU threads that torch used.
        load_s: wall seconds of loading all models.
        pid: the process.
        major_faults: pages that it waited for a disk for, from the first round of warm-up to the
            last that counts; None: this system does not count them.
    """

    rounds: Mapping[str, tuple[Round, ...]]
    threads: int
    load_s: float
    pid: int
    major_faults: int | None = None


@dataclass(frozen=True, slots=True)
class TokenComparison:
    """Two models' next-token distributions over the questions' text.

    Attributes:
        token_kl_nats: mean KL(p_T || p_S) over next tokens; undefined across tokenizers.
        bits_per_byte: by model, ``teacher`` and ``student``: -log2 of the text's probability over
            its UTF-8 bytes.
    """

    token_kl_nats: float | Undefined
    bits_per_byte: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model without timing it.

    ``Undefined`` where it cannot be known (a served model's disk, say).
    """

    reference: str
    digest: str
    architecture: str
    disk_bytes: int | Undefined
    weights_bytes: int | Undefined
    adapter_bytes: int | Undefined
    parameters_total: int | Undefined
    parameters_trainable: int | Undefined
    parameters_non_embedding: int | Undefined
    dtype: str | Undefined = field(default_factory=lambda: Undefined("the checkpoint does not say"))
