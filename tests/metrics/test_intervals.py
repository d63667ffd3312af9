from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from distill_fixtures.metrics import intervals
from distill_fixtures.records import Undefined


def pair_of_cells(cells: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Correct flags of teacher and student with these joint counts."""
    both, teacher_only, student_only, neither = cells
    return (
        np.repeat([True, True, False, False], [both, teacher_only, student_only, neither]),
        np.repeat([True, False, True, False], [both, teacher_only, student_only, neither]),
    )


@pytest.mark.parametrize(("correct", "total"), [(0, 1), (1, 1), (8, 10), (30, 769), (769, 769)])
def test_wilson_is_scipys(correct: int, total: int) -> None:
    expected = binomtest(correct, total).proportion_ci(method="wilson")
    assert intervals.wilson(correct, total) == pytest.approx((expected.low, expected.high))


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share(counts: tuple[int, int]) -> None:
    correct, total = counts
    low, high = intervals.wilson(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    mirrored = intervals.wilson(total - correct, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_wilson_divides_the_counts_by_the_design_effect() -> None:
    assert intervals.wilson(80, 100, effect=2.0) == pytest.approx(intervals.wilson(40, 50))


@pytest.mark.parametrize("counts", [(1, 0), (2, 1), (-1, 3)])
def test_wilson_bad_counts(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        intervals.wilson(*counts)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (intervals.student_accuracy_of, 0.6),
        (intervals.accuracy_delta_of, 0.2),
        (intervals.accuracy_loss_of, -0.2),
        (intervals.retention_pct_of, 75.0),
        (intervals.negative_flip_rate_of, 0.3),
        (intervals.positive_flip_rate_of, 0.1),
        (intervals.relative_negative_flip_rate_of, 0.3 / (0.8 * 0.4)),
    ],
)
def test_statistics_of_the_cells_by_hand(
    statistic: intervals.CellStatistic, expected: float
) -> None:
    assert statistic(np.array([0.5, 0.3, 0.1, 0.1])) == pytest.approx(expected)
    assert statistic(np.tile([0.5, 0.3, 0.1, 0.1], (3, 1))).shape == (3,)


def test_draws_are_dirichlet() -> None:
    """A cell of Dirichlet(counts + prior) is Beta(count + 1/2, the others + 1.05)."""
    teacher, student = pair_of_cells((50, 20, 5, 25))
    draws = intervals.paired_draws(teacher, student, intervals.negative_flip_rate_of)
    assert not isinstance(draws, Undefined)
    for q in (0.025, 0.5, 0.975):
        assert np.quantile(draws, q) == pytest.approx(beta.ppf(q, 20.5, 81.05), abs=0.004)


def test_an_accuracy_among_the_draws_is_beta() -> None:
    """Both right, 50 + 1/20, and only the student, 5 + 1/2, against 20 + 25 + 1."""
    teacher, student = pair_of_cells((50, 20, 5, 25))
    draws = intervals.paired_draws(teacher, student, intervals.student_accuracy_of)
    assert not isinstance(draws, Undefined)
    for q in (0.025, 0.5, 0.975):
        assert np.quantile(draws, q) == pytest.approx(beta.ppf(q, 55.55, 46), abs=0.004)


def test_retention_interval_is_near_katzs() -> None:
    """The paired log ratio of two proportions: variance (b + c) / (n acc_T n acc_S)."""
    teacher, student = pair_of_cells((400, 100, 50, 219))
    right_t, right_s = teacher.sum(), student.sum()
    half = 1.96 * np.sqrt((100 + 50) / (right_t * right_s))
    expected = 100 * right_s / right_t * np.exp([-half, half])
    found = intervals.paired_interval(teacher, student, intervals.retention_pct_of)
    assert found == pytest.approx(expected, abs=0.5)


def test_same_seed_same_draws() -> None:
    case = (*pair_of_cells((30, 10, 5, 15)), intervals.retention_pct_of)
    first, again = intervals.paired_draws(*case), intervals.paired_draws(*case)
    other = intervals.paired_draws(*case, seed=1)
    assert np.array_equal(first, again)  # type: ignore[arg-type]
    assert not np.array_equal(first, other)  # type: ignore[arg-type]


def test_delta_interval_is_near_the_normal_one() -> None:
    teacher, student = pair_of_cells((400, 100, 50, 219))
    difference = teacher.astype(float) - student
    half = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
    expected = difference.mean() - half, difference.mean() + half
    found = intervals.paired_interval(teacher, student, intervals.accuracy_delta_of)
    assert found == pytest.approx(expected, abs=0.003)


def test_swapping_the_models_turns_the_delta() -> None:
    teacher, student = pair_of_cells((40, 15, 5, 20))
    forward = intervals.paired_interval(teacher, student, intervals.accuracy_delta_of)
    backward = intervals.paired_interval(student, teacher, intervals.accuracy_delta_of)
    assert isinstance(forward, tuple)
    assert backward == pytest.approx((-forward[1], -forward[0]), abs=0.01)


def test_a_teacher_that_is_never_right_still_has_an_interval() -> None:
    teacher, student = pair_of_cells((0, 0, 5, 20))
    found = intervals.paired_interval(teacher, student, intervals.retention_pct_of)
    assert isinstance(found, tuple)
    assert 0 < found[0] < found[1]


def test_clusters_that_answer_alike_are_fewer_questions() -> None:
    """100 clusters of 4 equal questions are nearly 100 questions."""
    teacher, student = pair_of_cells((60, 20, 5, 15))
    alone = intervals.paired_interval(teacher, student, intervals.retention_pct_of)
    clustered = intervals.paired_interval(
        np.repeat(teacher, 4),
        np.repeat(student, 4),
        intervals.retention_pct_of,
        clusters=np.repeat(np.arange(100), 4),
    )
    assert isinstance(alone, tuple)
    assert clustered == pytest.approx(alone, abs=1.0)


def test_the_design_effect_is_the_statistics_own() -> None:
    """Clusters that shift both models alike widen accuracy, but hardly the difference."""
    generator = np.random.default_rng(0)
    clusters = np.repeat(np.arange(50), 8)
    easy = generator.random(50)[clusters]
    level = generator.random(400)
    teacher, student = level < easy, level < easy * 0.9
    widths = {}
    for statistic in (intervals.student_accuracy_of, intervals.accuracy_delta_of):
        spread = [
            np.std(intervals.paired_draws(teacher, student, statistic, clusters=each))  # type: ignore[arg-type]
            for each in (None, clusters)
        ]
        widths[statistic] = spread[1] / spread[0]
    assert widths[intervals.student_accuracy_of] > 1.3
    assert widths[intervals.accuracy_delta_of] < 1.25


def test_one_source_has_no_interval() -> None:
    teacher, student = pair_of_cells((4, 2, 2, 2))
    found = intervals.paired_interval(
        teacher, student, intervals.retention_pct_of, clusters=np.zeros(10, dtype=np.intp)
    )
    assert isinstance(found, Undefined)


def test_bad_input() -> None:
    none = np.array([], dtype=bool)
    with pytest.raises(ValueError, match="do not pair"):
        intervals.paired_draws(none, none, intervals.retention_pct_of)
    with pytest.raises(ValueError, match="do not pair"):
        intervals.paired_draws(none, np.array([True]), intervals.retention_pct_of)
    with pytest.raises(ValueError, match="finite"):
        intervals.percentile_interval(np.array([1.0, np.nan]))


@pytest.mark.slow
@pytest.mark.parametrize("questions", [18, 50])
def test_retention_covers_where_a_bootstrap_does_not(questions: int) -> None:
    """Teacher 80 %, student 70 %, 92 % retention is 87.5: at least 92 % of 400 hold it."""
    generator = np.random.default_rng(0)
    chances = np.array([0.62, 0.18, 0.08, 0.12])
    held = 0
    for seed in range(400):
        cells = tuple(generator.multinomial(questions, chances).tolist())
        found = intervals.paired_interval(
            *pair_of_cells(cells), intervals.retention_pct_of, seed=seed, draws=2000
        )
        assert isinstance(found, tuple)
        held += found[0] <= 87.5 <= found[1]
    assert 0.92 <= held / 400 <= 0.98


def test_a_teacher_at_chance_costs_the_student_nothing() -> None:
    """Cells: both, teacher only, student only, neither; chance 1/4. The second teacher guesses."""
    cells = np.array([[0.5, 0.25, 0.0, 0.25], [0.0, 0.25, 0.5, 0.25], [0.25, 0.5, 0.0, 0.25]])
    assert intervals.chance_corrected_pct_of(0.25)(cells).tolist() == [50.0, 50.0, 0.0]


def test_a_proportion_of_one_source_has_no_draws() -> None:
    flags = np.array([True, False, True])
    assert isinstance(intervals.proportion_draws(flags, clusters=np.array([0, 0, 0])), Undefined)
