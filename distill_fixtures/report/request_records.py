"""Timed requests as the document has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distill_fixtures.metrics.section import Section
from distill_fixtures.records import Round, Undefined
from distill_fixtures.report.figure_sections import SampleRecord

__all__ = ["merged_values", "request_records", "sample_records"]


def request_records(rounds: Sequence[Round]) -> list[SampleRecord]:
    """Every request of some rounds."""
    return [
        SampleRecord(
            round=each.order,
            batch_size=trace.batch_size,
            prompt_tokens=trace.prompt_tokens,
            token_times_s=list(trace.token_times_s),
        )
        for each in rounds
        for trace in each.traces
    ]


def sample_records(
    rounds: Mapping[int, tuple[Round, ...]] | Undefined,
) -> list[SampleRecord] | Undefined:
    """Every request of a model, by batch sizes."""
    if isinstance(rounds, Undefined):
        return rounds
    return [sample for some in rounds.values() for sample in request_records(some)]


def merged_values(
    section: Section, rounds: Mapping[str, tuple[Round, ...]] | Undefined
) -> dict[str, Any] | Undefined:
    """Figures and requests of an adapter's model, merged and not."""
    figures: Mapping[str, Any] | Undefined = section.values["merged"]
    if isinstance(figures, Undefined):
        return figures
    if isinstance(rounds, Undefined):
        return rounds
    return {**figures, "samples": {name: request_records(some) for name, some in rounds.items()}}
