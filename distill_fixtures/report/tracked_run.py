"""What an experiment tracker is told of a run: its document as metrics, parameters and tags.

Metrics have the catalogue's names: a model's own after its role (``student.accuracy``), the pair's
as they are (``knowledge_retention_pct``), and where there is one for each batch size its key behind
(``throughput_gain.8``). An interval's ends are metrics beside it. A tracker knows no
null: a figure that is missing is no metric, and its reason stands in ``missing``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from distill_fixtures.catalog import CATALOG, Metric
from distill_fixtures.report.markdown import summary_markdown
from distill_fixtures.tasks.input_file import shorten

__all__ = ["TrackedRun", "tracked_run"]

ROLES = ("teacher", "student", "control")
MODEL_PARTS = ("size", "accuracy", "benchmark", "memory")
TOLD_BY_KEY = ("batch_size", "model", "figure")
"""Metrics of several numbers that become metrics each; the names of slices are a user's own."""

MOST_CHARACTERS = 500
"""Of a parameter's or tag's value: as much as old servers take too."""

UNSAID = "the file does not say why"
PLAIN_NAME = re.compile("[A-Za-z0-9_-]{1,80}")
FLAG = re.compile("--[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run, in a tracker's words.

    Attributes:
        name: for people.
        began_ms, ended_ms: milliseconds since 1970, UTC.
        finished: it came to its end.
        metrics: by name, all finite.
        params: the options in force, without those that were not given.
        tags: verdict, gate, digests and what else tells runs apart.
        missing: why there is no figure, by the name that its metric would have.
        summary: the run in Markdown.
    """

    name: str
    began_ms: int
    ended_ms: int
    finished: bool
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    missing: Mapping[str, str]
    summary: str


@dataclass(frozen=True, slots=True)
class _Figure:
    """A metric as a document has it.

    Attributes:
        name: the tracker's.
        path: dotted, as ``reasons`` names it.
        value: a number, a mapping of them, or None.
        intervals: of the section that it stands in.
    """

    name: str
    path: str
    metric: Metric
    value: Any
    intervals: Mapping[str, Any]

    def name_of(self, key: str) -> str:
        """The tracker's name of one of several numbers."""
        by_model = self.metric.keyed_by == "model"
        return f"{key}.{self.name}" if by_model else f"{self.name}.{key}"


def tracked_run(document: Mapping[str, Any], *, began: datetime, ended: datetime) -> TrackedRun:
    """A run as a tracker is told of it.

    Args:
        document: a valid ``distillation_metrics.json``.
        began, ended: with their time zone.
    """
    metrics: dict[str, float] = {}
    missing: dict[str, str] = {}
    for figure in _figures(document):
        if figure.value is None:
            missing[figure.name] = document["reasons"].get(figure.path, UNSAID)
        elif isinstance(figure.value, Mapping):
            for key, value in figure.value.items():
                name = figure.name_of(key)
                if value is None:
                    reasons = document["reasons"]
                    missing[name] = reasons.get(f"{figure.path}.{key}", UNSAID)
                elif _is_number(value) and PLAIN_NAME.fullmatch(key):
                    metrics |= _with_interval(name, value, figure, f"{figure.metric.name}.{key}")
        else:
            metrics |= _with_interval(figure.name, figure.value, figure, figure.metric.name)
    references = [document[role]["reference"] for role in ("student", "teacher")]
    return TrackedRun(
        name=shorten(" against ".join(references), 200),
        began_ms=_milliseconds(began),
        ended_ms=_milliseconds(ended),
        finished=not document["run"]["interrupted"],
        metrics=metrics,
        params=_params(document["run"]["options"]),
        tags=_tags(document, len(missing)),
        missing=missing,
        summary=summary_markdown(document),
    )


def _figures(document: Mapping[str, Any]) -> Iterator[_Figure]:
    """Every metric of the catalogue that a document has a place for."""
    pair = document["distillation"]
    for metric in CATALOG.values():
        if metric.keyed and metric.keyed_by not in TOLD_BY_KEY:
            continue
        name = metric.name
        if name in pair["fidelity"]:
            path = f"distillation.fidelity.{name}"
            yield _Figure(name, path, metric, pair["fidelity"][name], pair["intervals"])
        elif name in pair:
            yield _Figure(name, f"distillation.{name}", metric, pair[name], pair["intervals"])
        elif metric.scope == "model":
            yield from _of_models(document, metric)
        elif metric.scope == "dataset" and name in document["dataset"]:
            yield _Figure(name, f"dataset.{name}", metric, document["dataset"][name], {})


def _of_models(document: Mapping[str, Any], metric: Metric) -> Iterator[_Figure]:
    for role in ROLES:
        for part in MODEL_PARTS if document[role] is not None else ():
            section = document[role][part]
            if metric.name in section:
                yield _Figure(
                    f"{role}.{metric.name}",
                    f"{role}.{part}.{metric.name}",
                    metric,
                    section[metric.name],
                    section.get("intervals", {}),
                )


def _with_interval(name: str, value: float, figure: _Figure, key: str) -> dict[str, float]:
    told = {name: float(value)}
    if key in figure.intervals:
        low, high = sorted(figure.intervals[key])
        told |= {f"{name}.ci95_low": float(low), f"{name}.ci95_high": float(high)}
    return told


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _params(options: Mapping[str, Any]) -> dict[str, str]:
    """Options by their names; what was not given has no value to tell."""
    return {
        flag.removeprefix("--"): _text(value)
        for flag, value in options.items()
        if value is not None and FLAG.fullmatch(flag)
    }


def _tags(document: Mapping[str, Any], missing: int) -> dict[str, str]:
    environment, run, verdict = (document[key] for key in ("environment", "run", "verdict"))
    told: dict[str, Any] = {
        "verdict": verdict["overall"],
        "gate": verdict["gate"],
        "partial": run["partial"],
        "interrupted": run["interrupted"],
        "comparability_key": environment["comparability_key"],
        "git_commit": environment["git_commit"],
        "device": environment["device"],
        "dtype": environment["dtype"],
        "version": environment["versions"].get("distill-bench"),
        "schema_version": document["schema_version"],
        "created_at": document["created_at"],
        "questions": document["dataset"]["name"],
        "questions_digest": document["dataset"]["digest"],
        "prompt_digest": document["dataset"]["prompt_digest"],
        "scoring": document["dataset"]["scoring"],
        "metrics_missing": missing,
    }
    for role in ROLES:
        if document[role] is not None:
            told[role] = document[role]["reference"]
            told[f"{role}_digest"] = document[role]["digest"]
    for criterion in verdict["criteria"]:
        if criterion["slice"] is None:
            told[f"grade.{criterion['metric']}"] = criterion["grade"]
    tags = {f"distill.{name}": _text(value) for name, value in told.items() if value is not None}
    if environment["git_commit"] is not None:
        # MLflow's own name, which its pages show as the run's version.
        tags["mlflow.source.git.commit"] = _text(environment["git_commit"])
    return tags


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return shorten(text, MOST_CHARACTERS)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
