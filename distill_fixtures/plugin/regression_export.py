"""What of a comparison with an earlier run goes into the document."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distill_fixtures.metrics.process_ratios import round_times
from distill_fixtures.records import Round, Undefined
from distill_fixtures.report.baseline import Baseline
from distill_fixtures.report.process_sections import (
    BaselineRecord,
    ProcessRecord,
    ProcessTimingSection,
    RoundTimesRecord,
)

if TYPE_CHECKING:
    from distill_fixtures.judge.regression import RegressionResult
    from distill_fixtures.plugin.regressing import Regression
    from distill_fixtures.plugin.store import SessionStore

__all__ = ["any_fails", "baseline_record", "process_timing_section"]


def any_fails(regression: Regression, compared: tuple[RegressionResult, ...] | Undefined) -> bool:
    if isinstance(compared, Undefined):
        return False
    return any(regression.fails(result) for result in compared)


def process_timing_section(store: SessionStore) -> ProcessTimingSection | Undefined:
    found = store.known_process_timing()
    if isinstance(found, Undefined):
        return found
    return ProcessTimingSection(
        device=found.device,
        dtype=found.dtype,
        threads=found.threads,
        samples=found.samples,
        new_tokens=found.new_tokens,
        note=found.note,
        processes=[
            ProcessRecord(
                load_s=each.load_s,
                teacher=_round_times(each.rounds["teacher"]),
                student=_round_times(each.rounds["student"]),
            )
            for each in found.processes
        ],
    )


def _round_times(rounds: Sequence[Round]) -> RoundTimesRecord:
    kept = {name: list(times) for name, times in dataclasses.asdict(round_times(rounds)).items()}
    return RoundTimesRecord(**kept)


def baseline_record(regression: Regression) -> BaselineRecord | None:
    baseline = regression.baseline if regression.compares else None
    if not isinstance(baseline, Baseline):
        return None
    return BaselineRecord(
        path=str(baseline.path),
        created_at=baseline.document["created_at"],
        student=baseline.document["student"]["reference"],
    )
