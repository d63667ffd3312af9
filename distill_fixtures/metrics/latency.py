"""Times and rates from raw rounds. Seconds and per-second rates; none can come out negative.

Everything is derived from ``Round`` records: requests, and the time stamp of each of their tokens.
Rounds are of one batch size; what a request is (a sample, or a batch of them) its batch size says.
Means and sums run over all requests of all rounds, so that
``ttft_s + (new tokens - 1) tpot_s = inference_time_s`` holds exactly. Percentiles interpolate
linearly between order statistics (Hyndman and Fan 1996, definition 7; numpy's default), over the
requests of all rounds together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.missing import WRITES_NO_TOKENS, Measured, combine
from distill_fixtures.records import GenerationTrace, Round, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "characters_per_s",
    "decode_tokens_per_s",
    "end_to_end_times_s",
    "inference_time_s",
    "inter_token_times_s",
    "paired_log_ratios",
    "percentile_s",
    "prefill_tokens_per_s",
    "speed_improvement_pct",
    "speedup",
    "throughput_gain",
    "throughput_samples_per_s",
    "time_saved_s",
    "tokens_per_s",
    "tpot_s",
    "ttft_s",
]


def _checked_traces(rounds: Sequence[Round]) -> list[GenerationTrace]:
    """All requests; time stamps must be finite, above 0 and never run backwards."""
    traces = [trace for each in rounds for trace in each.traces]
    if not traces:
        raise ValueError("no requests to derive times from")
    for trace in traces:
        times = trace.token_times_s
        if not times or not all(np.isfinite(times)):
            raise ValueError(f"a request needs finite time stamps, one a token; got {times!r}")
        if times[0] <= 0 or any(later < earlier for earlier, later in pairwise(times)):
            raise ValueError(f"time stamps must be above 0 and never decrease; got {times!r}")
        if trace.batch_size < 1:
            raise ValueError(f"a request has at least one row; got {trace.batch_size}")
    return traces


def _like_traces(rounds: Sequence[Round]) -> list[GenerationTrace]:
    """All requests, of one batch size."""
    traces = _checked_traces(rounds)
    sizes = {trace.batch_size for trace in traces}
    if len(sizes) > 1:
        raise ValueError(f"requests of several batch sizes have no time in common: {sizes}")
    return traces


def _writing_traces(rounds: Sequence[Round]) -> list[GenerationTrace] | Undefined:
    """All requests, of one batch size; undefined where they are a classifier's."""
    traces = _like_traces(rounds)
    return traces if all(trace.writes_tokens for trace in traces) else WRITES_NO_TOKENS


def ttft_s(rounds: Sequence[Round]) -> Measured:
    """Mean time to first token over all requests; of a batch, to the first of all its rows.

    >>> ttft_s([Round((GenerationTrace(1, 5, (0.25, 0.5, 1.25)),), 0)])
    0.25
    >>> ttft_s([Round((GenerationTrace(1, 5, (0.25,), writes_tokens=False),), 0)])
    Undefined(reason='a classifier writes no tokens: its time is inference_time_s')
    """
    traces = _writing_traces(rounds)
    if isinstance(traces, Undefined):
        return traces
    return float(np.mean([trace.ttft_s for trace in traces]))


def tpot_s(rounds: Sequence[Round]) -> Measured:
    """Mean over requests of (end-to-end - TTFT) / (new tokens - 1); undefined for one token.

    >>> tpot_s([Round((GenerationTrace(1, 5, (0.25, 0.5, 1.25)),), 0)])
    0.5
    """
    traces = _writing_traces(rounds)
    if isinstance(traces, Undefined):
        return traces
    if any(trace.new_tokens < 2 for trace in traces):
        return Undefined("a single new token has no time per further token")
    return float(
        np.mean([(trace.end_to_end_s - trace.ttft_s) / (trace.new_tokens - 1) for trace in traces])
    )


def inter_token_times_s(rounds: Sequence[Round]) -> NDArray[np.float64]:
    """Every gap between successive tokens of a request; shape ``[gaps]``."""
    gaps = [np.diff(trace.token_times_s) for trace in _like_traces(rounds)]
    return np.concatenate(gaps).astype(np.float64)


def end_to_end_times_s(rounds: Sequence[Round]) -> NDArray[np.float64]:
    """End-to-end seconds of every request; shape ``[requests]``."""
    return np.array([trace.end_to_end_s for trace in _like_traces(rounds)], dtype=np.float64)


def percentile_s(times_s: NDArray[np.float64], percent: float, *, of: str = "samples") -> Measured:
    """A percentile of all times by linear interpolation, or undefined where too few carry it.

    At least 10 a round for a percentile above 50 and 100 for one above 90: fewer hold no value that
    far out, and the figure would be the maximum under another name. Further rounds repeat the same
    samples, so they do not count; else it would hang on how long timing went on.

    Args:
        times_s: ``[rounds, times of one round]``.
        percent: 0 to 100.
        of: what there is one time of, for the reason.

    >>> percentile_s(np.array([[1.0, 2.0], [4.0, 8.0]]), 50)
    3.0
    >>> percentile_s(np.ones((20, 9)), 90)
    Undefined(reason='the 90th percentile needs at least 10 samples a round, and there are 9')
    """
    needed = 1 if percent <= 50 else 10 if percent <= 90 else 100
    if times_s.shape[1] < needed:
        return Undefined(
            f"the {percent:g}th percentile needs at least {needed} {of} a round, "
            f"and there are {times_s.shape[1]}"
        )
    return float(np.percentile(times_s, percent))


def inference_time_s(rounds: Sequence[Round]) -> float:
    """Mean end-to-end seconds per sample at batch size 1.

    >>> inference_time_s([Round((GenerationTrace(1, 5, (0.25, 1.25)),), 0)])
    1.25
    """
    if any(trace.batch_size != 1 for each in rounds for trace in each.traces):
        raise ValueError("the time per sample is defined at batch size 1 only")
    return float(np.mean(end_to_end_times_s(rounds)))


def tokens_per_s(rounds: Sequence[Round]) -> Measured:
    """New tokens of all rows / end-to-end seconds, prefill included.

    >>> tokens_per_s([Round((GenerationTrace(1, 5, (0.25, 0.5)),), 0)])
    4.0
    """
    traces = _writing_traces(rounds)
    if isinstance(traces, Undefined):
        return traces
    seconds = sum(trace.end_to_end_s for trace in traces)
    return sum(trace.batch_size * trace.new_tokens for trace in traces) / seconds


def decode_tokens_per_s(rounds: Sequence[Round]) -> Measured:
    """Rows / TPOT: the rate once the first token is there.

    >>> decode_tokens_per_s([Round((GenerationTrace(1, 5, (0.25, 0.5)),), 0)])
    4.0
    """
    rows = _like_traces(rounds)[0].batch_size

    def formula(seconds: float) -> Measured:
        return rows / seconds if seconds > 0 else Undefined("the clock saw no time between tokens")

    return combine(formula, tpot_s(rounds))


def prefill_tokens_per_s(rounds: Sequence[Round]) -> Measured:
    """Prompt tokens of all rows / TTFT, each summed over all requests.

    >>> prefill_tokens_per_s([Round((GenerationTrace(1, 5, (0.25, 0.5)),), 0)])
    20.0
    """
    traces = _writing_traces(rounds)
    if isinstance(traces, Undefined):
        return traces
    return sum(trace.prompt_tokens for trace in traces) / sum(trace.ttft_s for trace in traces)


def characters_per_s(decode_rate: Measured, characters_per_token: Measured) -> Measured:
    """Decode rate in characters: comparable where the models' tokenizers differ.

    >>> characters_per_s(10.0, 4.5)
    45.0
    """
    return combine(lambda rate, characters: rate * characters, decode_rate, characters_per_token)


def throughput_samples_per_s(rounds: Sequence[Round]) -> float:
    """Samples / summed end-to-end seconds: static batches, padding included.

    >>> throughput_samples_per_s([Round((GenerationTrace(8, 40, (0.25, 2.0)),), 0)])
    4.0
    """
    traces = _checked_traces(rounds)
    return sum(t.batch_size for t in traces) / sum(t.end_to_end_s for t in traces)


def throughput_gain(teacher_samples_per_s: float, student_samples_per_s: float) -> float:
    """S / T, at one batch size.

    >>> throughput_gain(4.0, 6.0)
    1.5
    """
    return student_samples_per_s / teacher_samples_per_s


def paired_log_ratios(
    teacher_rounds: Sequence[Round], student_rounds: Sequence[Round]
) -> NDArray[np.float64]:
    """log(t_T / t_S) of each pair of rounds, shape ``[rounds]``.

    The i-th round of the one is paired with the i-th of the other: they ran next to each other, so
    the machine's drift hits both alike.

    Raises:
        ValueError: no rounds, unlike numbers of them, or rounds of unlike work.
    """
    if len(teacher_rounds) != len(student_rounds):
        raise ValueError(f"{len(teacher_rounds)} rounds cannot pair with {len(student_rounds)}")
    _checked_traces(teacher_rounds), _checked_traces(student_rounds)
    for first, second in zip(teacher_rounds, student_rounds, strict=True):
        work = [[(t.batch_size, t.new_tokens) for t in each.traces] for each in (first, second)]
        if not work[0] or work[0] != work[1]:
            raise ValueError("paired rounds must hold the same samples and numbers of new tokens")
    return np.array(
        [
            np.log(teacher.seconds / student.seconds)
            for teacher, student in zip(teacher_rounds, student_rounds, strict=True)
        ]
    )


def speedup(log_ratios: NDArray[np.float64]) -> float:
    """exp(median over paired rounds of log(t_T / t_S)); above 1 the student is faster.

    >>> speedup(np.log([2.0, 4.0, 3.0]))
    3.0000000000000004
    """
    if not len(log_ratios):
        raise ValueError("no paired rounds")
    return float(np.exp(np.median(log_ratios)))


def speed_improvement_pct(speedup_ratio: float) -> float:
    """100 (1 - 1 / speedup): the share of time saved; negative where the student is slower.

    >>> speed_improvement_pct(4.0)
    75.0
    """
    return 100 * (1 - 1 / speedup_ratio)


def time_saved_s(teacher_inference_time_s: float, student_inference_time_s: float) -> float:
    """inference_time_s of the teacher minus the student's.

    >>> time_saved_s(1.5, 0.5)
    1.0
    """
    return teacher_inference_time_s - student_inference_time_s
