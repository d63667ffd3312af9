"""Sections that come from two models' answers: retention, fidelity, the control's comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.agreement import (
    agreement,
    agreement_teacher_wrong,
    kappa,
    kappa_of,
    mcnemar_p,
    negative_flip_rate,
    positive_flip_rate,
    relative_negative_flip_rate,
)
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.divergence import divergences
from distill_fixtures.metrics.guessing import chance_accuracy, guess_baseline
from distill_fixtures.metrics.intervals import (
    accuracy_delta_of,
    accuracy_loss_of,
    chance_corrected_interval,
    chance_corrected_pct_of,
    gain_interval,
    negative_flip_rate_of,
    paired_draws,
    positive_flip_rate_of,
    relative_negative_flip_rate_of,
    retention_pct_of,
)
from distill_fixtures.metrics.medians import median_of
from distill_fixtures.metrics.missing import Interval, Measured
from distill_fixtures.metrics.pairing import correct_flags, pair_answers
from distill_fixtures.metrics.resampling import bootstrap_draws
from distill_fixtures.metrics.retention import (
    accuracy_delta,
    accuracy_loss,
    chance_corrected_retention_pct,
    control_difference,
    distillation_efficacy,
    distillation_efficacy_of,
    distillation_gain,
    retention_pct,
    teacher_interval,
    why_not_judgeable,
)
from distill_fixtures.metrics.section import Section, keep_draws
from distill_fixtures.metrics.unit_counts import WeightStatistic
from distill_fixtures.metrics.weighted import mean_of
from distill_fixtures.records import Answer, Question, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["control_pair", "efficacy_pair", "fidelity_pair", "retention_pair"]

Answers = Sequence[Answer]


def retention_pair(
    questions: Sequence[Question], teacher: Answers, student: Answers, seed: int
) -> Section:
    """Accuracy kept, against the labels. Intervals from the four joint cells, by design effect."""
    right_t, right_s = correct_flags(teacher), correct_flags(student)
    accuracy_t, accuracy_s = float(right_t.mean()), float(right_s.mean())
    clusters = clusters_of(questions)
    draws: dict[str, Floats] = {}
    intervals: dict[str, Interval | Undefined] = {}
    for name, statistic in (
        ("accuracy_delta", accuracy_delta_of),
        ("accuracy_loss", accuracy_loss_of),
        ("knowledge_retention_pct", retention_pct_of),
        ("accuracy_retention_pct", retention_pct_of),
    ):
        drawn = paired_draws(right_t, right_s, statistic, clusters=clusters, seed=seed)
        keep_draws(name, drawn, intervals, draws)
    kept = retention_pct(accuracy_t, accuracy_s)
    if isinstance(kept, Undefined):
        # The cells' draws are smoothed, and would give a ratio that does not exist an interval.
        for name in ("knowledge_retention_pct", "accuracy_retention_pct"):
            intervals[name] = kept
            draws.pop(name, None)
    corrected, intervals["chance_corrected_retention_pct"] = _above_chance(
        questions, right_t, right_s
    )
    if not isinstance(corrected, Undefined):
        chance = chance_accuracy(questions)
        assert not isinstance(chance, Undefined)
        drawn = paired_draws(
            right_t, right_s, chance_corrected_pct_of(chance), clusters=clusters, seed=seed
        )
        if not isinstance(drawn, Undefined):
            draws["chance_corrected_retention_pct"] = drawn
    blind = why_not_judgeable(
        teacher_interval(right_t, clusters), guess_baseline(questions).accuracy
    )
    judged = ("knowledge_retention_pct", "accuracy_retention_pct", "chance_corrected_retention_pct")
    return Section(
        {
            "accuracy_delta": accuracy_delta(accuracy_t, accuracy_s),
            "accuracy_loss": accuracy_loss(accuracy_t, accuracy_s),
            "accuracy_retention_pct": kept,
            "knowledge_retention_pct": kept,
            "chance_corrected_retention_pct": corrected,
        },
        intervals,
        draws,
        samples=len(questions),
        invalid={} if blind is None else dict.fromkeys(judged, blind.reason),
    )


def control_pair(
    questions: Sequence[Question],
    teacher: Answers,
    student: Answers,
    control: Answers,
    seed: int,
) -> Section:
    """What the teacher added to training alone."""
    right_t, right_s, right_c = (correct_flags(each) for each in (teacher, student, control))
    clusters = clusters_of(questions)
    draws: dict[str, Floats] = {}
    intervals: dict[str, Interval | Undefined] = {}
    gain = distillation_gain(right_t, right_s, right_c, clusters=clusters, seed=seed)
    intervals["distillation_gain"] = (
        gain
        if isinstance(gain, Undefined)
        else gain_interval(right_t, right_s, right_c, clusters=clusters)
    )
    drawn = paired_draws(right_s, right_c, accuracy_delta_of, clusters=clusters, seed=seed)
    keep_draws("control_difference", drawn, intervals, draws)
    return Section(
        {
            "distillation_gain": gain,
            "control_difference": control_difference(float(right_s.mean()), float(right_c.mean())),
        },
        intervals,
        draws,
        samples=len(questions),
    )


def fidelity_pair(
    questions: Sequence[Question], teacher: Answers, student: Answers, seed: int
) -> Section:
    """How like the teacher the student answers. Bootstraps draw whole sources."""
    paired = pair_answers(questions, teacher, student)
    clusters = clusters_of(questions)
    size = len(questions)
    draws: dict[str, Floats] = {}
    intervals: dict[str, Interval | Undefined] = {}
    kappa_value = kappa(paired)
    far = divergences(questions, teacher, student)
    resampled: dict[str, WeightStatistic] = {"agreement": mean_of(paired.same.astype(np.float64))}
    if not isinstance(kappa_value, Undefined):
        resampled["kappa"] = kappa_of(paired)
    if not isinstance(far, Undefined):
        resampled |= {"kl_nats": mean_of(far.kl), "js_nats": mean_of(far.js)}
        resampled["kl_nats_median"] = median_of(far.kl)
    for name, statistic in resampled.items():
        drawn = bootstrap_draws(statistic, size, clusters=clusters, seed=seed)
        keep_draws(name, drawn, intervals, draws)
    for name, cells in (
        ("negative_flip_rate", negative_flip_rate_of),
        ("positive_flip_rate", positive_flip_rate_of),
        ("relative_negative_flip_rate", relative_negative_flip_rate_of),
    ):
        drawn = paired_draws(
            paired.teacher_correct, paired.student_correct, cells, clusters=clusters, seed=seed
        )
        keep_draws(name, drawn, intervals, draws)
    return Section(
        {
            "agreement": agreement(paired),
            "agreement_teacher_wrong": agreement_teacher_wrong(paired),
            "kappa": kappa_value,
            "kl_nats": far if isinstance(far, Undefined) else far.kl_nats,
            "kl_nats_median": far if isinstance(far, Undefined) else far.kl_nats_median,
            "js_nats": far if isinstance(far, Undefined) else far.js_nats,
            "negative_flip_rate": negative_flip_rate(paired),
            "positive_flip_rate": positive_flip_rate(paired),
            "relative_negative_flip_rate": relative_negative_flip_rate(paired),
            "mcnemar_p": mcnemar_p(paired),
        },
        intervals,
        draws,
        samples=size,
    )


def efficacy_pair(
    questions: Sequence[Question], teacher: Answers, student: Answers, seed: int
) -> Section:
    """The suite's own index: chance-corrected retention and kappa in one."""
    paired = pair_answers(questions, teacher, student)
    chance = chance_accuracy(questions)
    corrected, _ = _above_chance(questions, paired.teacher_correct, paired.student_correct)
    value = distillation_efficacy(corrected, kappa(paired))
    if isinstance(value, Undefined):
        return Section({"distillation_efficacy": value}, samples=len(questions))
    draws: dict[str, Floats] = {}
    intervals: dict[str, Interval | Undefined] = {}
    if not isinstance(chance, Undefined):
        drawn = bootstrap_draws(
            distillation_efficacy_of(paired, chance),
            len(questions),
            clusters=clusters_of(questions),
            seed=seed,
        )
        keep_draws("distillation_efficacy", drawn, intervals, draws)
    return Section({"distillation_efficacy": value}, intervals, draws, samples=len(questions))


def _above_chance(
    questions: Sequence[Question], right_t: Flags, right_s: Flags
) -> tuple[Measured, Interval | Undefined]:
    """Chance-corrected retention and its interval: both are there, or neither."""
    clusters = clusters_of(questions)
    chance = chance_accuracy(questions)
    value = chance_corrected_retention_pct(
        float(right_t.mean()), float(right_s.mean()), chance, teacher_interval(right_t, clusters)
    )
    if isinstance(chance, Undefined):
        return chance, chance
    if isinstance(value, Undefined):
        return value, value
    interval = chance_corrected_interval(right_t, right_s, chance, clusters=clusters)
    return (interval if isinstance(interval, Undefined) else value), interval
