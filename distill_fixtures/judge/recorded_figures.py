"""The figures of a run's documents, ready to be graded again.

Values and intervals are taken as the document has them. What it does not hold, draws and figures by
slice, is computed again from answers and rounds, where these are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from distill_fixtures.catalog import metric
from distill_fixtures.errors import ResultFileError
from distill_fixtures.judge.criteria import SLICE_KINDS, Slices, slices_of
from distill_fixtures.judge.run_figures import find_figure, find_interval, noise_of
from distill_fixtures.metrics.clusters import ONE_CLUSTER
from distill_fixtures.metrics.efficiency import not_applicable_reason
from distill_fixtures.metrics.recordings import model_section, pair_section
from distill_fixtures.metrics.retention import why_not_judgeable
from distill_fixtures.metrics.section import Section, undefined_section
from distill_fixtures.metrics.sections import (
    MODEL_SECTIONS,
    PAIR_SECTIONS,
    section_of,
    why_not_gradable,
)
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.judge.criteria import Criterion
    from distill_fixtures.metrics.recordings import Recordings

__all__ = ["RecordedFigures"]

AGAINST_THE_TEACHER = (
    "knowledge_retention_pct",
    "accuracy_retention_pct",
    "chance_corrected_retention_pct",
)
"""Not to be judged where the teacher knows no more than a guesser."""

OF_QUESTIONS = ("accuracy", "retention", "control", "fidelity", "efficacy")
"""Sections whose figures rest on as many samples as there are questions."""

JUDGED = ("good", "acceptable", "poor")
RESAMPLED = ("answers", "time")
"""Origins of the figures that have draws."""


class RecordedFigures:
    """Implements ``grading.Figures`` on a valid ``distillation_metrics.json``.

    Args:
        document: the document.
        recordings: from ``replay.recordings_of``.

    Attributes:
        models: references of student and teacher.
        knows_answers: figures by slice, and draws from answers, can be computed.
    """

    def __init__(self, document: Mapping[str, Any], recordings: Recordings) -> None:
        self._document = document
        self._recordings = recordings
        self._replayed: dict[tuple[Any, ...], Section] = {}
        self.models = (document["student"]["reference"], document["teacher"]["reference"])
        self.knows_answers = bool(recordings.questions)

    @cached_property
    def slices(self) -> Slices:
        """How many questions each slice has, as far as the document tells."""
        if self.knows_answers:
            return slices_of(self._recordings.questions)
        found: dict[Any, dict[str, int]] = {}
        for kind in SLICE_KINDS:
            parts = self._document["student"]["accuracy"][f"by_{kind}"]
            counts = {name: part["total"] for name, part in (parts or {}).items()}
            found[kind] = dict(sorted((counts or self._named(kind)).items()))
        return found

    def knows_slices(self, kind: str) -> bool:
        """Whether the document tells all slices of a kind."""
        parts = self._document["student"]["accuracy"][f"by_{kind}"]
        return self.knows_answers or parts is not None

    def _named(self, kind: str) -> Mapping[str, int]:
        """Slices that the run's criteria name, where it did not ask for answers."""
        prefix = kind.replace("_", " ") + " "
        records = self._document["verdict"]["criteria"]
        slices = [each["slice"] for each in records if each["slice"] is not None]
        return Counter(each.removeprefix(prefix) for each in slices if each.startswith(prefix))

    def section(self, criterion: Criterion) -> Section:
        """The section with draws where they can be had; of a slice only where answers are there.

        Raises:
            ResultFileError: answers or rounds do not fit together.
        """
        name, part = section_of(criterion.metric), criterion.slice
        pair = metric(criterion.metric).scope == "pair"
        if part is not None:
            return self._computed(name, pair, (part.kind, part.name))
        told = self.told(criterion.metric)
        if metric(criterion.metric).origin not in RESAMPLED:
            return told
        return replace(told, draws=self._computed(name, pair, None).draws)

    def told(self, name: str) -> Section:
        """A section with one metric of all questions, as the document has it, without draws."""
        path, value = find_figure(self._document, name)
        if value is None:
            reason = self._document["reasons"].get(path, "the file does not tell it")
            return Section({name: Undefined(reason)}, samples=self._samples(name))
        invalid, idle = self._why_invalid(name), self._why_not_applicable(name)
        interval = find_interval(self._document, name)
        return Section(
            {name: float(value)},
            {} if interval is None else {name: interval},
            samples=self._samples(name),
            invalid={} if invalid is None else {name: invalid},
            not_applicable={} if idle is None else {name: idle},
        )

    def _samples(self, name: str) -> int | None:
        section = section_of(name)
        if section in OF_QUESTIONS:
            questions: int = self._document["dataset"]["questions"]
            return questions
        timing = (self._document["timing"] or {}).get("1")
        rounds: int | None = None if timing is None else timing["rounds"]
        return rounds if section == "latency" else None

    def _why_invalid(self, name: str) -> str | None:
        """Why a figure must not be judged though it is there.

        Of times the document does not tell which were taken on a machine too noisy to judge by:
        where one was, none is judged of which the run did not judge the like.
        """
        if metric(name).origin == "time":
            like = section_of(name) in self._judged_sections
            return None if like else noise_of(self._document)
        baseline = self._document["dataset"]["guess_baseline"]
        if name not in AGAINST_THE_TEACHER or baseline is None:
            return None
        interval = self._document["teacher"]["accuracy"]["intervals"].get("accuracy")
        known = ONE_CLUSTER if interval is None else (interval[0], interval[1])
        blind = why_not_judgeable(known, baseline)
        return None if blind is None else blind.reason

    @cached_property
    def _judged_sections(self) -> frozenset[str]:
        """Sections of which the run has judged a figure."""
        records = self._document["verdict"]["criteria"]
        judged = (each["metric"] for each in records if each["grade"] in JUDGED)
        return frozenset(section_of(name) for name in judged if why_not_gradable(name) is None)

    def _why_not_applicable(self, name: str) -> str | None:
        if name != "performance_efficiency":
            return None
        models = self._recordings.models
        cards = [models[role].card for role in ("teacher", "student")]
        counts = [each if isinstance(each, Undefined) else each.parameters_total for each in cards]
        return not_applicable_reason(*counts)

    def _computed(self, name: str, pair: bool, part: tuple[str, str] | None) -> Section:
        """A section computed again."""
        key = (name, pair, part)
        if key not in self._replayed:
            recorded = self._recordings if part is None else self._recordings.slice(*part)
            if part is not None and not recorded.questions:
                names = (PAIR_SECTIONS if pair else MODEL_SECTIONS)[name]
                return undefined_section(names, f"no question has the {part[0]} {part[1]!r}")
            try:
                self._replayed[key] = (
                    pair_section(recorded, name)
                    if pair
                    else model_section(recorded, "student", name)
                )
            except ValueError as fault:
                raise ResultFileError(
                    "the results do not fit together",
                    got=str(fault),
                    wanted="answers and rounds as a run wrote them",
                    next_step="give files as a run wrote them",
                ) from fault
        return self._replayed[key]
