"""How much of the teacher's accuracy the student keeps, and what the teacher was good for.

Accuracies and chance are fractions; ``_pct`` values run 0 to 100 and above where the student wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.agreement import kappa_of
from distill_fixtures.metrics.clusters import design_effect
from distill_fixtures.metrics.intervals import accuracy_delta_of, paired_interval, wilson
from distill_fixtures.metrics.missing import Interval, Measured, combine
from distill_fixtures.metrics.pairing import PairedAnswers
from distill_fixtures.metrics.weighted import SumStatistic
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = [
    "accuracy_delta",
    "accuracy_loss",
    "chance_corrected_retention_pct",
    "control_difference",
    "distillation_efficacy",
    "distillation_efficacy_of",
    "distillation_gain",
    "retention_pct",
    "teacher_interval",
    "why_not_judgeable",
]


def accuracy_delta(teacher_accuracy: float, student_accuracy: float) -> float:
    """acc_T - acc_S: above 0 where the student is worse.

    >>> accuracy_delta(0.75, 0.5)
    0.25
    """
    return teacher_accuracy - student_accuracy


def accuracy_loss(teacher_accuracy: float, student_accuracy: float) -> float:
    """acc_S - acc_T: below 0 where the student is worse.

    >>> accuracy_loss(0.75, 0.5)
    -0.25
    """
    return student_accuracy - teacher_accuracy


def retention_pct(teacher_accuracy: float, student_accuracy: float) -> Measured:
    """100 acc_S / acc_T: knowledge_retention_pct and accuracy_retention_pct.

    >>> retention_pct(0.5, 0.25)
    50.0
    """
    if teacher_accuracy <= 0:
        return Undefined("the teacher answers nothing rightly, so there is nothing to retain")
    # The quotient first, so that equal accuracies give exactly 100.
    return 100 * (student_accuracy / teacher_accuracy)


def teacher_interval(
    teacher_correct: Flags, clusters: NDArray[np.intp] | None = None
) -> Interval | Undefined:
    """Wilson's interval of the teacher's accuracy, counts divided by the design effect.

    Args:
        teacher_correct: ``[questions]``.
        clusters: from ``clusters_of``; None takes the questions as independent.
    """
    effect = design_effect(teacher_correct.astype(np.float64), clusters)
    if isinstance(effect, Undefined):
        return effect
    return wilson(int(teacher_correct.sum()), len(teacher_correct), effect=effect)


def why_not_judgeable(
    teacher_ci95: Interval | Undefined, guess_baseline: float
) -> Undefined | None:
    """Why retention cannot be judged, or None where it can.

    A student cannot retain what the teacher does not show: the teacher's lower Wilson bound,
    by ``teacher_interval``, must be above the best guess without knowledge.

    >>> why_not_judgeable((0.10, 0.30), 0.177).reason
    "the teacher's lower bound 10.0 % is not above the best blind guess, 17.7 %"
    >>> why_not_judgeable((0.20, 0.40), 0.177) is None
    True
    """
    if isinstance(teacher_ci95, Undefined):
        return teacher_ci95
    if teacher_ci95[0] > guess_baseline:
        return None
    return Undefined(
        f"the teacher's lower bound {100 * teacher_ci95[0]:.1f} % is not above the best blind "
        f"guess, {100 * guess_baseline:.1f} %"
    )


def chance_corrected_retention_pct(
    teacher_accuracy: float,
    student_accuracy: float,
    chance: Measured,
    teacher_ci95: Interval | Undefined,
) -> Measured:
    """100 (acc_S - chance) / (acc_T - chance); below 0 for a student worse than chance.

    Undefined where the teacher's interval holds chance, so that the denominator may be 0.

    >>> round(chance_corrected_retention_pct(0.30, 0.25, 0.125, (0.2, 0.4)), 1)
    71.4
    >>> chance_corrected_retention_pct(0.30, 0.25, 0.125, (0.1, 0.6)).reason
    "the teacher's accuracy cannot be told from chance"
    """
    if isinstance(teacher_ci95, Undefined):
        return teacher_ci95
    low, high = teacher_ci95

    def formula(level: float) -> Measured:
        if low <= level <= high:
            return Undefined("the teacher's accuracy cannot be told from chance")
        return 100 * ((student_accuracy - level) / (teacher_accuracy - level))

    return combine(formula, chance)


def control_difference(student_accuracy: float, control_accuracy: float) -> float:
    """acc_S - acc_C: what distilling brought over training on the labels alone.

    >>> control_difference(0.75, 0.5)
    0.25
    """
    return student_accuracy - control_accuracy


def distillation_gain(
    teacher_correct: Flags,
    student_correct: Flags,
    control_correct: Flags,
    *,
    clusters: NDArray[np.intp] | None = None,
    seed: int = 0,
) -> Measured:
    """(acc_S - acc_C) / (acc_T - acc_C): the share of the gap that the teacher closed.

    Undefined unless the paired lower bound of acc_T - acc_C is above 0. Another training seed would
    give another figure.

    Args:
        teacher_correct, student_correct, control_correct: ``[questions]``.
        clusters: from ``clusters_of``.
        seed: of the draws that tell the lower bound.

    >>> right, half = np.ones(40, dtype=bool), np.arange(40) % 2 == 0
    >>> distillation_gain(right, np.arange(40) % 4 != 1, half)
    0.5
    """
    gap = paired_interval(
        teacher_correct, control_correct, accuracy_delta_of, clusters=clusters, seed=seed
    )
    if isinstance(gap, Undefined):
        return gap
    if gap[0] <= 0:
        return Undefined("the teacher is not surely better than the control: no gap to close")
    control = control_correct.mean()
    return float((student_correct.mean() - control) / (teacher_correct.mean() - control))


def distillation_efficacy(chance_corrected_pct: Measured, kappa: Measured) -> Measured:
    """Overall success of the transfer, 0 to 1; this suite's own index, never gated by default.

    Harmonic mean of chance-corrected retention / 100 and kappa, each clipped to [0, 1].

    >>> distillation_efficacy(100.0, 0.5)
    0.6666666666666666
    >>> distillation_efficacy(-5.0, 0.0)
    0.0
    """

    def formula(retained_pct: float, fidelity: float) -> float:
        retained, alike = min(1.0, max(0.0, retained_pct / 100)), min(1.0, max(0.0, fidelity))
        return 2 * retained * alike / (retained + alike) if retained + alike else 0.0

    return combine(formula, chance_corrected_pct, kappa)


def distillation_efficacy_of(paired: PairedAnswers, chance: float) -> SumStatistic:
    """Efficacy as a statistic of resampling weights; NaN where a part of it is undefined."""
    kappa_statistic = kappa_of(paired)
    right = np.column_stack([paired.teacher_correct, paired.student_correct])

    def of_sums(sums: Floats) -> Floats:
        # The first column of kappa's sums is the number of questions drawn.
        teacher, student = (sums[:, -2:] / sums[:, :1] - chance).T
        retained = np.clip(student / np.where(teacher > 0, teacher, np.nan), 0, 1)
        alike = np.clip(kappa_statistic.of_sums(sums[:, :-2]), 0, 1)
        either = retained + alike
        mean: Floats = 2 * retained * alike / np.where(either == 0, 1.0, either)
        return mean

    return SumStatistic(np.column_stack([kappa_statistic.columns, right]), of_sums)
