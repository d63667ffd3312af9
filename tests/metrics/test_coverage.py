"""How often 95 % intervals hold the truth, simulated: 93 to 97 % wanted.

In each trial a truth is drawn near the retention named (0 to 0.1, 0.45 to 0.55, 0.9 to 1), with the
teacher's accuracy between 0.5 and 0.9 and errors that go together more or less; then answers to the
questions. Truths are drawn because the number right is discrete: at one fixed truth the coverage
with 18 questions may be 90 % and beside it 99 %, for any method, and means nothing by itself.

With sources, four questions share one on average, and each source has chances of its own, drawn
around the truth with an intraclass correlation of 0.2.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from distill_fixtures.metrics.clusters import design_effect
from distill_fixtures.metrics.intervals import (
    accuracy_delta_of,
    chance_corrected_interval,
    negative_flip_rate_of,
    paired_interval,
    positive_flip_rate_of,
    retention_pct_of,
    wilson,
)
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Clusters = NDArray[np.intp] | None

TRIALS = 2000
DRAWS = 1000
CHANCE = 0.125
CORRELATION = 0.2
NEAR = {0.0: (0.0, 0.1), 0.5: (0.45, 0.55), 1.0: (0.9, 1.0)}
WANTED = (0.93, 0.97)

CELLS = {
    "retention": retention_pct_of,
    "delta": accuracy_delta_of,
    "negative flips": negative_flip_rate_of,
    "positive flips": positive_flip_rate_of,
}

ERROR = 0.005
"""Standard error of the simulation: so far a cell within 93 to 97 % may seem outside."""

RARE = "less than one such answer is expected: an interval that begins at 0 misses on one side only"
FEW_SOURCES = "4 sources tell their own variance badly: t on 3 degrees of freedom makes them safe"
PRIOR = "half an observation in each cell weighs more than the few flips; less undercovers near 0"

# (questions, retention, with sources): interval -> what is covered, and why. All lie on the safe
# side. Held to two standard errors, so that a better method is noticed as well as a worse one.
OUTSIDE: dict[tuple[int, float, bool], dict[str, tuple[float, str]]] = {
    (18, 0.0, False): {"chance-corrected": (0.975, PRIOR)},
    (18, 0.5, False): {"positive flips": (0.973, RARE)},
    (18, 1.0, False): {"positive flips": (0.972, RARE), "chance-corrected": (0.990, PRIOR)},
    (50, 1.0, False): {"chance-corrected": (0.979, PRIOR)},
    (18, 0.0, True): {
        "accuracy": (0.983, FEW_SOURCES),
        "retention": (0.985, FEW_SOURCES),
        "positive flips": (0.974, RARE),
        "chance-corrected": (0.990, FEW_SOURCES),
    },
    (18, 0.5, True): {"positive flips": (0.997, RARE)},
    (18, 1.0, True): {
        "retention": (0.989, FEW_SOURCES),
        "delta": (0.992, FEW_SOURCES),
        "negative flips": (0.991, FEW_SOURCES),
        "positive flips": (0.995, FEW_SOURCES),
        "chance-corrected": (0.993, FEW_SOURCES),
    },
    (50, 0.0, True): {"retention": (0.975, RARE)},
    (50, 0.5, True): {"positive flips": (0.980, RARE)},
    (50, 1.0, True): {"positive flips": (0.984, RARE), "chance-corrected": (0.973, PRIOR)},
}


def joint_cells(teacher: float, student: float, alike: float) -> Floats:
    """Shares of both right, only the teacher, only the student, neither.

    Args:
        alike: 0 for independent errors, 1 where the better model knows all that the other does.
    """
    both = min(teacher, student) * alike + teacher * student * (1 - alike)
    return np.array([both, teacher - both, student - both, 1 - teacher - student + both])


def sources_of(generator: np.random.Generator, questions: int) -> NDArray[np.intp]:
    """One question for each source, and the rest anywhere."""
    sources = questions // 4
    rest = generator.integers(sources, size=questions - sources)
    return np.concatenate([np.arange(sources), rest])


def answers(
    generator: np.random.Generator, cells: Floats, questions: int, clusters: Clusters
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is right on each question."""
    shares = cells[None]
    if clusters is not None:
        spread = np.maximum(cells * (1 / CORRELATION - 1), 1e-6)
        shares = generator.dirichlet(spread, size=clusters.max() + 1)[clusters]
    drawn = generator.random((questions, 1)) > np.cumsum(shares, axis=1)[:, :3]
    cell = drawn.sum(axis=1)
    return cell < 2, cell % 2 == 0


def accuracy_interval(right: NDArray[np.bool_], clusters: Clusters) -> tuple[float, float]:
    effect = design_effect(right - right.mean(), clusters)
    assert not isinstance(effect, Undefined)
    return wilson(int(right.sum()), len(right), effect=effect)


@cache
def coverage(questions: int, retention: float, with_sources: bool) -> dict[str, float]:
    """Share of trials whose interval holds the truth; of chance-corrected retention among those
    with an interval."""
    generator = np.random.default_rng(questions)
    held: dict[str, list[bool]] = {name: [] for name in ("accuracy", *CELLS, "chance-corrected")}
    for seed in range(TRIALS):
        kept = generator.uniform(*NEAR[retention])
        teacher, alike = generator.uniform(0.5, 0.9), generator.uniform(0.5, 0.95)
        clusters = sources_of(generator, questions) if with_sources else None
        cells = joint_cells(teacher, kept * teacher, alike)
        right_t, right_s = answers(generator, cells, questions, clusters)
        low, high = accuracy_interval(right_s, clusters)
        held["accuracy"].append(low <= kept * teacher <= high)
        for name, statistic in CELLS.items():
            found = paired_interval(
                right_t, right_s, statistic, clusters=clusters, seed=seed, draws=DRAWS
            )
            assert not isinstance(found, Undefined)
            held[name].append(found[0] <= float(statistic(cells)) <= found[1])
        cells = joint_cells(teacher, CHANCE + kept * (teacher - CHANCE), alike)
        right_t, right_s = answers(generator, cells, questions, clusters)
        corrected = chance_corrected_interval(right_t, right_s, CHANCE, clusters=clusters)
        if not isinstance(corrected, Undefined):
            held["chance-corrected"].append(corrected[0] <= 100 * kept <= corrected[1])
    return {name: float(np.mean(each)) for name, each in held.items()}


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["accuracy", *CELLS, "chance-corrected"])
@pytest.mark.parametrize("with_sources", [False, True])
@pytest.mark.parametrize("retention", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("questions", [18, 50, 200, 769])
def test_intervals_cover(
    questions: int, retention: float, with_sources: bool, interval: str
) -> None:
    covered = coverage(questions, retention, with_sources)[interval]
    outside = OUTSIDE.get((questions, retention, with_sources), {})
    if interval in outside:
        expected, reason = outside[interval]
        assert covered == pytest.approx(expected, abs=2 * ERROR), reason
    else:
        assert WANTED[0] - ERROR <= covered <= WANTED[1] + ERROR
