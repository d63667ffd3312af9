"""Judging the documents of a run again, perhaps by other thresholds, without running anything.

Grades follow from the figures in the document, never from the grades in it. Where the bounds are
those of the run, its stability and p-values stand, so that the same grades come out. Where they are
others, draws are taken again from answers and rounds; without the answers a slice that is short of
``poor`` is not judged, since nothing tells it from chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from distill_fixtures.judge.criteria import EVERY, Criterion, Thresholds, names_of
from distill_fixtures.judge.gate import Verdict, verdict
from distill_fixtures.judge.grades import (
    CriterionResult,
    Measurement,
    grade,
    grade_of_value,
    graded,
    not_applicable,
    not_judged,
    not_run,
)
from distill_fixtures.judge.grading import Grader, measurement_of
from distill_fixtures.judge.plain_results import slice_text
from distill_fixtures.judge.recorded_figures import RecordedFigures
from distill_fixtures.judge.replay import recordings_of
from distill_fixtures.judge.slices import FEWEST_QUESTIONS, grade_slice
from distill_fixtures.judge.standing_tests import standing_tests
from distill_fixtures.records import Undefined

__all__ = ["JudgedAgain", "judge_again"]

Record = Mapping[str, Any]
UNGRADED = ("not_judged", "not_applicable", "not_run")
NEEDS_ANSWERS = (
    "by its value it is short of poor, and without the run's comparison_results.json beside the "
    "file nothing tells it from chance"
)
UNKNOWN_SLICE = "the run did not judge this slice, and its comparison_results.json is not there"


@dataclass(frozen=True, slots=True)
class JudgedAgain:
    """What a run's criteria come to.

    Attributes:
        verdict: over all criteria; regression is no part of it.
        notes: what a reader should know of how it came about.
    """

    verdict: Verdict
    notes: tuple[str, ...]


def judge_again(
    document: Record, thresholds: Thresholds, comparison: Record | Undefined
) -> JudgedAgain:
    """Judge the criteria of a run again.

    Args:
        document: a valid ``distillation_metrics.json``.
        thresholds: those to judge by.
        comparison: the run's own ``comparison_results.json``; undefined where it is not there.

    Raises:
        ResultFileError: what the files hold does not fit together.
    """
    figures = RecordedFigures(document, recordings_of(document, comparison))
    criteria = thresholds.criteria_for(
        *names_of(document["student"]["reference"]), slices=figures.slices
    )
    again = _Again(figures, criteria, document["verdict"]["criteria"])
    results = [again.result(criterion) for criterion in criteria]
    found = verdict(results, thresholds.gate)
    return JudgedAgain(found, tuple(again.notes))


class _Again:
    """Judges each criterion, with what the run's own results tell."""

    def __init__(
        self, figures: RecordedFigures, criteria: Sequence[Criterion], records: Sequence[Record]
    ) -> None:
        self._figures = figures
        self._criteria = criteria
        self._grade = Grader(figures, criteria)
        self._records = {(each["metric"], each["slice"]): each for each in records}
        self._known_tests = standing_tests(criteria, self._records)
        self.notes: list[str] = []

    def result(self, criterion: Criterion) -> CriterionResult:
        record = self._record(criterion)
        if record is not None and record["grade"] in UNGRADED:
            return self._ungraded(criterion, record)
        if record is None or not self._stands(criterion, record):
            result = self._by_other_bounds(criterion, record)
            if result.reason is None and result.stability is None:
                self._note_lost_stability(criterion)
            return result
        result = self._by_the_same_bounds(criterion, record)
        if (result.grade, result.borderline) == (record["grade"], record["borderline"]):
            return replace(result, stability=record["stability"], message=record["message"])
        self.notes.append(
            f"{criterion.name}: the grade in the file, {record['grade']}, does not follow from "
            "its figures; judged anew"
        )
        return result

    def _record(self, criterion: Criterion) -> Record | None:
        """The run's own result on the same figure."""
        return self._records.get((criterion.metric, slice_text(criterion.slice)))

    def _stands(self, criterion: Criterion, record: Record) -> bool:
        """Whether the run's own stability and p-values are those of this criterion."""
        known = criterion.slice is None or criterion in self._known_tests
        return known and _same_bounds(criterion, record)

    def _by_the_same_bounds(self, criterion: Criterion, record: Record) -> CriterionResult:
        student, teacher = self._figures.models
        if criterion.slice is not None:
            measurement = _measurement(record)
            if isinstance(measurement.value, Undefined):
                reason = measurement.value.reason
                return not_judged(criterion, reason, measurement, models=(student, teacher))
            test = self._known_tests[criterion]
            return grade_slice(criterion, measurement, test, student=student, teacher=teacher)
        told = self._figures.told(criterion.metric)
        measurement = measurement_of(criterion, told, self._figures.slices)
        return grade(criterion, measurement, student=student, teacher=teacher)

    def _by_other_bounds(self, criterion: Criterion, record: Record | None) -> CriterionResult:
        part = criterion.slice
        if part is None or self._figures.knows_answers:
            return self._grade(criterion)
        if part.name == EVERY and self._figures.knows_slices(part.kind):
            return self._grade(criterion)
        models = self._figures.models
        if record is None:
            return not_judged(criterion, UNKNOWN_SLICE, models=models)
        measurement = _measurement(record)
        if isinstance(measurement.value, Undefined):
            return not_judged(criterion, measurement.value.reason, measurement, models=models)
        if criterion in self._known_tests:
            test, (student, teacher) = self._known_tests[criterion], models
            return grade_slice(criterion, measurement, test, student=student, teacher=teacher)
        by_value = grade_of_value(criterion, measurement.value)
        if by_value == "poor":
            return not_judged(criterion, NEEDS_ANSWERS, measurement, models=models)
        return graded(criterion, measurement, by_value, borderline=False, models=models)

    def _note_lost_stability(self, criterion: Criterion) -> None:
        if criterion.entry.origin == "answers" and not self._figures.knows_answers:
            self.notes.append(
                f"{criterion.name}: its bounds are not those of the run, and its stability is not "
                "told without the run's comparison_results.json beside the file"
            )

    def _ungraded(self, criterion: Criterion, record: Record) -> CriterionResult:
        """Other bounds give no grade to what the run could not judge."""
        measurement, reason = _measurement(record), record["reason"] or "the file does not say why"
        models = self._figures.models
        kind = record["grade"]
        if kind == "not_run":
            return not_run(criterion, reason)
        if kind == "not_applicable" and self._asked_by_name(criterion, reason):
            kind = "not_judged"
        if kind == "not_judged" and criterion.by_wildcard and self._is_small(criterion, record):
            kind = "not_applicable"
        result = (
            not_applicable(criterion, reason, measurement)
            if kind == "not_applicable"
            else not_judged(criterion, reason, measurement, models=models)
        )
        if kind == record["grade"] and _same_bounds(criterion, record):
            return replace(result, message=record["message"])
        return result

    def _asked_by_name(self, criterion: Criterion, reason: str) -> bool:
        """A slice that only a wildcard had named in the run is now asked for."""
        if criterion.slice is None or criterion.by_wildcard:
            return False
        told = self._figures.told(criterion.metric)
        return reason not in told.not_applicable.values()

    def _is_small(self, criterion: Criterion, record: Record) -> bool:
        """A slice that was asked for by name is now one of many, and just has few questions."""
        questions = record["samples"] or FEWEST_QUESTIONS
        if questions >= FEWEST_QUESTIONS or criterion.slice is None:
            return False
        told = self._figures.told(criterion.metric)
        return not isinstance(told.values[criterion.metric], Undefined) and not told.invalid


def _same_bounds(criterion: Criterion, record: Record) -> bool:
    return (criterion.good, criterion.poor) == (record["good"], record["poor"])


def _measurement(record: Record) -> Measurement:
    value, ci95 = record["value"], record["ci95"]
    return Measurement(
        Undefined(record["reason"] or "the file does not tell it") if value is None else value,
        samples=record["samples"],
        ci95=None if ci95 is None else (min(ci95), max(ci95)),
    )
