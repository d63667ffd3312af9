"""Made-up runs judged by thresholds of a test's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill_fixtures.judge.criteria import Thresholds
from distill_fixtures.judge.grades import CriterionResult
from distill_fixtures.judge.plain_results import criterion_record
from distill_fixtures.judge.thresholds import read_thresholds
from distill_fixtures.plugin.export import Documents
from distill_fixtures.plugin.judging import Judge
from tests.report.made_up_run import MadeUpRun

__all__ = ["SLICED", "as_json", "judged_run", "records", "thresholds_of"]

Json = dict[str, Any]

SLICED = """
[criteria.accuracy.subdomain."*"]
good = 0.9
poor = 0.6
[criteria.agreement.question_type."*"]
good = 0.9
poor = 0.5
[criteria.knowledge_retention_pct]
good = 85
poor = 70
[criteria.knowledge_retention_pct.subdomain."Optics"]
good = 95
poor = 90
[criteria.kappa]
good = 0.8
poor = 0.3
[criteria.ttft_s]
good = 0.001
poor = 0.01
[criteria.speed_improvement_pct]
good = 90
poor = 10
[criteria.performance_efficiency]
good = 1.7
poor = 1
[criteria.disk_bytes]
good = 100
poor = 900
"""


def thresholds_of(folder: Path, text: str) -> Thresholds:
    path = folder / "thresholds.toml"
    path.write_text(text, encoding="utf-8")
    return read_thresholds(path)


def judged_run(run: MadeUpRun, thresholds: Thresholds, *, unasked: Sequence[str] = ()) -> Documents:
    """A run's documents, all criteria judged.

    Args:
        run: how the run is.
        thresholds: in place of the shipped ones.
        unasked: metrics whose criteria were deselected.
    """
    store = run.store()
    store.inputs = replace(store.inputs, thresholds=thresholds)
    run.play(store)
    judge = Judge(store, thresholds, ())
    for criterion in judge.criteria:
        if criterion.metric not in unasked:
            judge(criterion)
    made = run.documents_of(store, judge)
    return Documents(as_json(made.metrics), as_json(made.comparison))


def as_json(value: Any) -> Any:
    """As it comes back from a file."""
    return json.loads(json.dumps(value, allow_nan=False))


def records(results: Sequence[CriterionResult]) -> list[Json]:
    """Results as the document has them."""
    found: list[Json] = as_json([criterion_record(each) for each in results])
    return found
