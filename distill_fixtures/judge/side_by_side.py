"""Several runs side by side: which of their figures compare, who is ahead, and how surely.

Every run is held against the first one, the reference: what compares with it stands in one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from distill_fixtures.catalog import metric
from distill_fixtures.judge.comparability import (
    Difference,
    conditions_of_rounds,
    differences,
    metric_differences,
)
from distill_fixtures.judge.run_figures import find_figure, find_interval, noise_of
from distill_fixtures.metrics.agreement import exact_mcnemar
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.intervals import accuracy_delta_of, paired_interval
from distill_fixtures.metrics.missing import Interval
from distill_fixtures.metrics.multiple import holm
from distill_fixtures.metrics.pairing import flags_from_text
from distill_fixtures.metrics.pareto import on_front
from distill_fixtures.records import Question, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COSTS", "Cell", "Contestant", "PairTest", "cell_of", "front", "pair_tests"]

GAIN = "accuracy"
COSTS = {"inference_time_s": "time", "disk_bytes": "size"}
"""What accuracy is held against, and what a person calls it."""


@dataclass(frozen=True)
class Contestant:
    """One run of several.

    Attributes:
        document: a valid ``distillation_metrics.json``.
        questions: of its ``comparison_results.json``, for the sources they share; None without.
    """

    document: Mapping[str, Any]
    questions: tuple[Question, ...] | None

    @property
    def conditions(self) -> dict[str, str]:
        return conditions_of_rounds(self.document)

    @property
    def correct(self) -> NDArray[np.bool_] | None:
        """Whether each of the student's answers is right; None where it answered nothing."""
        text = self.document["student"]["accuracy"]["correct_by_question"]
        return None if text is None else np.array(flags_from_text(text), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one run.

    Attributes:
        value: None where there is none, or none that compares.
        ci95: its 95 % interval, where it has one.
        why: why there is no value.
    """

    value: float | None
    ci95: Interval | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class PairTest:
    """Two students' accuracies on the same questions.

    Attributes:
        first, second: places of the runs.
        difference: accuracy of the first less that of the second.
        ci95: of the difference; allows for shared sources where ``sources_known``.
        only_first, only_second: questions that only one of the two answers rightly.
        p: exact McNemar, two-sided; takes the questions as independent.
        p_holm: the same, corrected over all pairs.
        sources_known: a ``comparison_results.json`` tells which questions share a source.
    """

    first: int
    second: int
    difference: float
    ci95: Interval | Undefined
    only_first: int
    only_second: int
    p: float
    p_holm: float
    sources_known: bool


def cell_of(run: Contestant, reference: Contestant, name: str) -> Cell:
    """A metric's figure of a run, as far as it compares with the reference's.

    Args:
        name: a metric that is one number.
    """
    path, value = find_figure(run.document, name)
    if value is None:
        return Cell(None, why=run.document["reasons"].get(path, "not measured"))
    found = metric_differences(name, reference.conditions, run.conditions)
    if found and run is not reference:
        return Cell(None, why=_differs(found))
    noise = noise_of(run.document) if metric(name).origin == "time" else None
    if noise is not None:
        return Cell(None, why=f"its machine was too noisy to judge by: {noise}")
    return Cell(float(value), find_interval(run.document, name))


def front(cells: Mapping[str, Sequence[Cell]]) -> list[tuple[str, ...]]:
    """For each run, what it is on the front of: ``time``, ``size``, both or neither.

    Args:
        cells: of accuracy and of each of ``COSTS``, one a run. A run without one of two figures
            is on no front of the two, and keeps nobody off it.
    """
    marks: list[tuple[str, ...]] = [() for _ in cells[GAIN]]
    for cost, word in COSTS.items():
        known: dict[int, tuple[float, float]] = {}
        for place, (gain, spent) in enumerate(zip(cells[GAIN], cells[cost], strict=True)):
            if gain.value is not None and spent.value is not None:
                known[place] = (gain.value, spent.value)
        ahead = on_front([each[0] for each in known.values()], [each[1] for each in known.values()])
        for place, is_ahead in zip(known, ahead, strict=True):
            marks[place] += (word,) * is_ahead
    return marks


def pair_tests(runs: Sequence[Contestant], seed: int = 0) -> list[PairTest]:
    """All pairs of students that answered the same questions, put the same way.

    Exact McNemar, corrected by Holm over these pairs, and the interval of the difference from the
    four joint cells.

    Args:
        seed: of the intervals' draws.
    """
    found = []
    for first, second in combinations(range(len(runs)), 2):
        one, other = runs[first], runs[second]
        right_1, right_2 = one.correct, other.correct
        if right_1 is None or right_2 is None or len(right_1) != len(right_2):
            continue
        if differences(one.conditions, other.conditions, ["answers"]):
            continue
        questions = one.questions if one.questions is not None else other.questions
        clusters = None if questions is None else clusters_of(questions)
        only = (int((right_1 & ~right_2).sum()), int((right_2 & ~right_1).sum()))
        found.append(
            PairTest(
                first=first,
                second=second,
                difference=float(right_1.mean() - right_2.mean()),
                ci95=_difference_ci95(right_1, right_2, clusters, seed),
                only_first=only[0],
                only_second=only[1],
                p=exact_mcnemar(*only),
                p_holm=1.0,
                sources_known=questions is not None,
            )
        )
    corrected = holm([each.p for each in found])
    return [replace(each, p_holm=p) for each, p in zip(found, corrected, strict=True)]


def _difference_ci95(
    right_1: NDArray[np.bool_],
    right_2: NDArray[np.bool_],
    clusters: NDArray[np.intp] | None,
    seed: int,
) -> Interval | Undefined:
    """Interval of the first's accuracy less the second's.

    Draws follow the order of the two. They are put into one that does not hang on which file was
    named first, so that the figure does not either.
    """
    swapped = right_2.tobytes() < right_1.tobytes()
    one, other = (right_2, right_1) if swapped else (right_1, right_2)
    found = paired_interval(one, other, accuracy_delta_of, clusters=clusters, seed=seed)
    if isinstance(found, Undefined) or not swapped:
        return found
    return -found[1], -found[0]


def _differs(found: Sequence[Difference]) -> str:
    return "; ".join(
        f"{each.what}: {each.current} here, {each.baseline} in the first file" for each in found
    )
