"""How long the intervals take: seconds of a bootstrap, or of draws of joint cells, each on its own.

    python -m studies.interval_speed                      10,000 draws for 10,000 questions
    python -m studies.interval_speed --questions 100000

On one core and made-up answers, with and without questions that share sources. Writes
docs/studies/interval_speed.md and .json.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distill_fixtures.metrics.agreement import kappa_of
from distill_fixtures.metrics.calibration import Calibration, expected_calibration_error_of
from distill_fixtures.metrics.intervals import paired_draws, retention_pct_of
from distill_fixtures.metrics.medians import median_of
from distill_fixtures.metrics.pairing import PairedAnswers
from distill_fixtures.metrics.resampling import bootstrap_draws
from distill_fixtures.metrics.weighted import mean_of
from distill_fixtures.records import Undefined
from studies.study_page import PAGES, markdown_table, say, setting, write_page

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Clusters = NDArray[np.intp] | None
    Drawing = Callable[[Clusters], NDArray[np.float64] | Undefined]

RUNS = 5
OPTIONS = 8
QUESTIONS_PER_SOURCE = (2, 7)


def drawings(questions: int) -> dict[str, Drawing]:
    """What is timed: draws of a statistic, given which questions share a source."""
    generator = np.random.default_rng(0)
    far, top = generator.exponential(size=questions), generator.random(questions)
    teacher = generator.integers(OPTIONS, size=questions)
    other = generator.integers(OPTIONS, size=questions)
    student = np.where(generator.random(questions) < 0.6, teacher, other)
    right_t, right_s = teacher < 5, student < 5
    paired = PairedAnswers(
        teacher_correct=right_t,
        student_correct=right_s,
        same=teacher == student,
        teacher_positions=teacher,
        student_positions=student,
        free_text=False,
    )
    bootstraps = {
        "kl_nats (mean)": mean_of(far),
        "kl_nats_median": median_of(far),
        "kappa": kappa_of(paired),
        "agreement": mean_of(paired.same.astype(np.float64)),
        "expected_calibration_error": expected_calibration_error_of(
            Calibration(top, right_t, far, far)
        ),
    }
    timed: dict[str, Drawing] = {
        name: lambda clusters, each=each: bootstrap_draws(each, questions, clusters=clusters)  # type: ignore[misc]
        for name, each in bootstraps.items()
    }
    timed["accuracy_retention_pct (joint cells)"] = lambda clusters: paired_draws(
        right_t, right_s, retention_pct_of, clusters=clusters
    )
    return timed


def seconds_of(drawing: Drawing, clusters: Clusters) -> float:
    """Median seconds of five runs, the first left out: it imports SciPy."""
    taken_s = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        drawn = drawing(clusters)
        taken_s.append(time.perf_counter() - start)
        if isinstance(drawn, Undefined):
            raise SystemExit(f"no draws: {drawn.reason}")
    return statistics.median(taken_s[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    given = parser.parse_args()
    questions: int = given.questions
    sources: dict[str, Clusters] = {"each question alone": None}
    for size in QUESTIONS_PER_SOURCE:
        sources[f"{size} a source"] = np.arange(questions) // size
    taken_s: dict[str, dict[str, float]] = {}
    for name, drawing in drawings(questions).items():
        taken_s[name] = {which: seconds_of(drawing, each) for which, each in sources.items()}
        say(f"{name}: {', '.join(f'{s:.2f} s' for s in taken_s[name].values())}")
    rows = [[name, *(f"{s:.2f}" for s in each.values())] for name, each in taken_s.items()]
    lines = [
        "# How long the intervals take",
        "",
        *setting("numpy", threads=1),
        "",
        f"Seconds of 10,000 draws for {questions:,} questions, median of {RUNS} runs; made by "
        f"`python -m studies.interval_speed`.",
        "",
        *markdown_table(["statistic", *sources], rows),
        "",
        "Questions with equal figures are drawn together, the figures of the others are summed as "
        "they are picked, and medians are read off order statistics; all follow the law of "
        "counting each question (tests/metrics/test_weighted.py).",
    ]
    write_page(
        "interval_speed", lines, {"questions": questions, "seconds": taken_s}, folder=given.out
    )


if __name__ == "__main__":
    main()
