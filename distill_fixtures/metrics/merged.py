"""What merging an adapter into its base would bring, from interleaved rounds of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distill_fixtures.metrics.intervals import percentile_interval
from distill_fixtures.metrics.latency import (
    inference_time_s,
    paired_log_ratios,
    speedup,
    tokens_per_s,
    tpot_s,
    ttft_s,
)
from distill_fixtures.metrics.resampling import speedup_draws
from distill_fixtures.metrics.section import Section
from distill_fixtures.records import Round, Undefined

__all__ = ["MERGED", "UNMERGED", "merged_model"]

UNMERGED, MERGED = "unmerged", "merged"
"""Names of the two models that are timed together."""


def merged_model(rounds: Mapping[str, Sequence[Round]], seed: int) -> Section:
    """Times of the merged copy, and the unmerged model's over them.

    ``speedup`` is exp(median over paired rounds of log(t_unmerged / t_merged)); its interval is a
    bootstrap over paired rounds.

    Args:
        rounds: of ``UNMERGED`` and ``MERGED``, batch size 1.
        seed: of the interval's draws.

    >>> from distill_fixtures.records import GenerationTrace
    >>> def of(*times_s): return [Round((GenerationTrace(1, 5, times_s),), 0)]
    >>> section = merged_model({"unmerged": of(0.5, 1.5), "merged": of(0.25, 0.75)}, seed=0)
    >>> section.values["merged"]["speedup"], section.values["merged"]["inference_time_s"]
    (2.0, 0.75)
    """
    merged = rounds[MERGED]
    log_ratios = paired_log_ratios(rounds[UNMERGED], merged)
    drawn = speedup_draws(log_ratios, seed=seed)
    figures = {
        "inference_time_s": inference_time_s(merged),
        "ttft_s": ttft_s(merged),
        "tpot_s": tpot_s(merged),
        "tokens_per_s": tokens_per_s(merged),
        "speedup": speedup(log_ratios),
        "speedup_ci95": drawn if isinstance(drawn, Undefined) else percentile_interval(drawn),
        "rounds": len(merged),
    }
    return Section({"merged": figures}, samples=len(log_ratios))
