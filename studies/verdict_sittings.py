"""Counts of verdicts, sitting by sitting, so that trials of several days and machines add up.

A sitting is what one record holds: trials made on one machine. The page's raw figures keep the
counts of each, and a later sitting is put beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

from pydantic import BaseModel, ConfigDict

from studies.verdict_summary import RULES, Alarms, alarms, speedups, timing_s_per_model
from studies.verdict_trials import Trial, slowed

__all__ = [
    "Sitting",
    "Speed",
    "Times",
    "counts_of",
    "read_sittings",
    "record_id",
    "sitting_of",
    "summed",
    "with_sitting",
]

Times = dict[str, dict[str, int]]
"""By rule, then by verdict: how many trials."""


class Speed(BaseModel):
    """The speedup of a model over itself in the processes of one condition.

    Attributes:
        processes: how many.
        median: over them.
        within_1_pct: share of them within 1 % of 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    processes: int
    median: float
    within_1_pct: float


class Sitting(BaseModel):
    """What one record comes to.

    Attributes:
        record: tells records apart.
        setting: date, machine and versions.
        unchanged: by condition, what each rule said of unchanged code.
        slowed: by condition and percent, what each rule said of a slowed student.
        timing_s: by condition and percent, mean seconds of timing one model in a current run.
        speedup: by condition.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: str
    setting: str
    unchanged: dict[str, Times] = {}
    slowed: dict[str, dict[str, Times]] = {}
    timing_s: dict[str, dict[str, float]] = {}
    speedup: dict[str, Speed] = {}


def sitting_of(
    record: str,
    setting: str,
    conditions: Mapping[str, Sequence[Trial]],
    slowdowns_pct: Sequence[float],
    of_one_model: Iterable[str],
) -> Sitting:
    """Count what the trials of a record came to.

    Args:
        conditions: trials by condition.
        slowdowns_pct: those that may have been timed.
        of_one_model: conditions whose teacher and student are the same, so that the speedup is 1.
    """
    unchanged: dict[str, Times] = {}
    slow: dict[str, dict[str, Times]] = {}
    seconds: dict[str, dict[str, float]] = {}
    for condition, trials in conditions.items():
        if plain := _with_role(trials, "student"):
            unchanged[condition] = counts_of(plain, "student")
        for percent in slowdowns_pct:
            if some := _with_role(trials, role := slowed(percent)):
                slow.setdefault(condition, {})[f"{percent:g}"] = counts_of(some, role)
                timed_s = timing_s_per_model(some, role)
                seconds.setdefault(condition, {})[f"{percent:g}"] = timed_s
    return Sitting(
        record=record,
        setting=setting,
        unchanged=unchanged,
        slowed=slow,
        timing_s=seconds,
        speedup={name: _speed(conditions[name]) for name in of_one_model if conditions.get(name)},
    )


def _with_role(trials: Sequence[Trial], role: str) -> list[Trial]:
    """Those whose current run timed a role."""
    return [trial for trial in trials if role in trial.current[0].seconds]


def counts_of(trials: Sequence[Trial], role: str) -> Times:
    """What each rule says of a role."""
    return {each.rule: dict(each.verdicts) for each in alarms(trials, role)}


def _speed(trials: Sequence[Trial]) -> Speed:
    each = speedups(trials)
    inside = fmean(abs(one - 1) <= 0.01 for one in each)
    return Speed(processes=len(each), median=median(each), within_1_pct=inside)


def summed(counts: Iterable[Times]) -> list[Alarms]:
    """The counts of several sittings, rule by rule."""
    totals: dict[str, Counter[str]] = {rule: Counter() for rule in RULES}
    for each in counts:
        for rule, verdicts in each.items():
            totals[rule].update(verdicts)
    return [Alarms(rule, verdicts) for rule, verdicts in totals.items()]


def record_id(record: Path) -> str:
    """Of a record: it stays the same as trials are added."""
    with record.open("rb") as file:
        return hashlib.sha256(file.readline()).hexdigest()[:16]


def read_sittings(raw: Path) -> list[Sitting]:
    """Those that a page's raw figures hold; none where there is no file."""
    if not raw.exists():
        return []
    content = json.loads(raw.read_text(encoding="utf-8"))
    return [Sitting.model_validate(each) for each in content["sittings"]]


def with_sitting(sittings: Sequence[Sitting], added: Sitting) -> list[Sitting]:
    """The sittings with a new one, which takes the place of an older count of the same record."""
    places = [place for place, each in enumerate(sittings) if each.record == added.record]
    if not places:
        return [*sittings, added]
    return [added if place == places[0] else each for place, each in enumerate(sittings)]
