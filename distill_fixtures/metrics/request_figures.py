"""The times and rates of requests of one batch size, whichever that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.latency import (
    decode_tokens_per_s,
    end_to_end_times_s,
    inter_token_times_s,
    percentile_s,
    prefill_tokens_per_s,
    throughput_samples_per_s,
    tokens_per_s,
    tpot_s,
    ttft_s,
)
from distill_fixtures.metrics.missing import WRITES_NO_TOKENS, Measured
from distill_fixtures.records import Round, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["NO_GAP", "PERCENTILES", "RoundTimes", "batch_figures", "request_figures"]

NO_GAP = Undefined("a single new token has no gap between tokens")

PERCENTILES = {
    "itl_p50_s": ("gaps_s", 50),
    "itl_p99_s": ("gaps_s", 99),
    "latency_p50_s": ("ends_s", 50),
    "latency_p90_s": ("ends_s", 90),
    "latency_p99_s": ("ends_s", 99),
}
"""Of which of :class:`RoundTimes`, and which percentile."""


@dataclass(frozen=True)
class RoundTimes:
    """Times by round, seconds; rounds of one batch size that all hold the same requests.

    Attributes:
        firsts_s: to the first token, ``[rounds, requests]``; of a classifier empty.
        gaps_s: between successive tokens, ``[rounds, gaps]``; as every request has the same number
            of gaps, their mean is the mean of the requests' time per output token.
        ends_s: end-to-end, ``[rounds, requests]``.
        no_gap: why ``gaps_s`` is empty, where it is.
    """

    firsts_s: Floats
    gaps_s: Floats
    ends_s: Floats
    no_gap: Undefined = NO_GAP

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> RoundTimes:
        writes = all(trace.writes_tokens for each in rounds for trace in each.traces)
        firsts = [[trace.ttft_s for trace in each.traces if writes] for each in rounds]
        return cls(
            firsts_s=np.array(firsts, dtype=np.float64),
            gaps_s=inter_token_times_s(rounds).reshape(len(rounds), -1),
            ends_s=end_to_end_times_s(rounds).reshape(len(rounds), -1),
            no_gap=NO_GAP if writes else WRITES_NO_TOKENS,
        )

    def of_percentile(self, name: str) -> Floats:
        """The times that a percentile of ``PERCENTILES`` is of."""
        return self.gaps_s if PERCENTILES[name][0] == "gaps_s" else self.ends_s


def request_figures(rounds: Sequence[Round], times: RoundTimes) -> dict[str, Measured]:
    """Times and rates by the catalogue's names."""
    values: dict[str, Measured] = {
        "tokens_per_s": tokens_per_s(rounds),
        "decode_tokens_per_s": decode_tokens_per_s(rounds),
        "prefill_tokens_per_s": prefill_tokens_per_s(rounds),
        "ttft_s": ttft_s(rounds),
        "tpot_s": tpot_s(rounds),
    }
    requests = "samples" if rounds[0].traces[0].batch_size == 1 else "batches"
    for name, (kind, percent) in PERCENTILES.items():
        times_s = times.of_percentile(name)
        of = "gaps" if kind == "gaps_s" else requests
        values[name] = percentile_s(times_s, percent, of=of) if times_s.size else times.no_gap
    return values


def batch_figures(rounds: Sequence[Round]) -> dict[str, Measured]:
    """All that is said of one batch size: times and rates of requests, and samples per second.

    A request is a batch: its time to first token is that of all its rows, and its rates count the
    tokens of all its rows.
    """
    return {
        "throughput_samples_per_s": throughput_samples_per_s(rounds),
        **request_figures(rounds, RoundTimes.of(rounds)),
    }
