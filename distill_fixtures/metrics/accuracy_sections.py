"""The section of one model's answers against the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from distill_fixtures.metrics.accuracy import AccuracySummary, accuracy_interval, summarize_accuracy
from distill_fixtures.metrics.calibration import calibrate, expected_calibration_error_of
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.intervals import proportion_draws
from distill_fixtures.metrics.missing import Interval
from distill_fixtures.metrics.resampling import bootstrap_draws, bootstrap_interval
from distill_fixtures.metrics.section import Section, keep_draws
from distill_fixtures.metrics.weighted import mean_of
from distill_fixtures.records import Answer, Question, Scoring, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["accuracy_model"]


def accuracy_model(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    scoring: Scoring,
    seed: int,
    permutations: int = 1,
) -> Section:
    """Accuracy of one model.

    ``ci95`` is Wilson's over independent questions; the interval of ``accuracy`` allows for shared
    sources, by the design effect, as its draws do; the bootstraps draw whole sources.

    Args:
        permutations: option orders that each question was asked in.
    """
    summary = summarize_accuracy(questions, answers, scoring, permutations=permutations)
    values: dict[str, Any] = {
        each.name: getattr(summary, each.name) for each in fields(AccuracySummary)
    }
    for slices in ("by_subdomain", "by_question_type"):
        values[slices] = {name: asdict(part) for name, part in values[slices].items()}
    clusters = clusters_of(questions)
    draws = _proportions(answers, clusters, seed)
    intervals: dict[str, Interval | Undefined] = {"accuracy": accuracy_interval(answers, clusters)}
    fit = calibrate(questions, answers)
    if not isinstance(fit, Undefined):
        size = len(questions)
        intervals["expected_calibration_error"] = bootstrap_interval(
            expected_calibration_error_of(fit), size, clusters=clusters, seed=seed, centred=True
        )
        for name, each in (("brier_score", fit.brier), ("option_nll_nats", fit.reference_nats)):
            drawn = bootstrap_draws(mean_of(each), size, clusters=clusters, seed=seed)
            keep_draws(name, drawn, intervals, draws)
    return Section(values, intervals, draws, samples=len(questions))


def _proportions(
    answers: Sequence[Answer], clusters: NDArray[np.intp] | None, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Draws of what counts answers: shares, and the counts themselves."""
    flags: dict[str, list[bool | None]] = {
        "accuracy": [answer.correct for answer in answers],
        "accuracy_norm": [answer.correct_norm for answer in answers],
        "accuracy_pmi": [answer.correct_pmi for answer in answers],
        "correct": [answer.correct for answer in answers],
        "unparsed": [answer.pick is None for answer in answers],
        "truncated": [answer.truncated for answer in answers],
    }
    draws: dict[str, NDArray[np.float64]] = {}
    for name, each in flags.items():
        if None in each:
            continue
        drawn = proportion_draws(np.array(each, dtype=np.bool_), clusters=clusters, seed=seed)
        if not isinstance(drawn, Undefined):
            draws[name] = drawn if name.startswith("accuracy") else len(answers) * drawn
    return draws
