"""Grades at, just above and just below the bounds, for values and for intervals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.judge.criteria import Criterion, Grade, Slice
from distill_fixtures.judge.grades import (
    CriterionResult,
    Measurement,
    grade,
    grade_of_value,
    not_applicable,
    not_judged,
    not_run,
)
from distill_fixtures.judge.messages import samples_needed
from distill_fixtures.records import Undefined

RETENTION = Criterion("knowledge_retention_pct", good=85.0, poor=70.0)
DIVERGENCE = Criterion("kl_nats", good=0.1, poor=0.5)
SPEED = Criterion("speed_improvement_pct", good=30.0, poor=0.0)
SECONDS = Criterion("inference_time_s", good=0.1, poor=0.5)
RANK: dict[Grade, int] = {"poor": 0, "acceptable": 1, "good": 2}
FINITE = st.floats(-1000, 1000)


def graded(criterion: Criterion, measurement: Measurement) -> CriterionResult:
    return grade(criterion, measurement, student="demo:student", teacher="demo:teacher")


def timed(criterion: Criterion, low: float, high: float) -> CriterionResult:
    return graded(criterion, Measurement((low + high) / 2, samples=12, ci95=(low, high)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (100.0, "good"),
        (math.nextafter(85.0, 100), "good"),
        (85.0, "acceptable"),
        (math.nextafter(85.0, 0), "acceptable"),
        (math.nextafter(70.0, 100), "acceptable"),
        (70.0, "acceptable"),
        (math.nextafter(70.0, 0), "poor"),
        (0.0, "poor"),
    ],
)
def test_value_where_higher_is_better(value: float, expected: Grade) -> None:
    result = graded(RETENTION, Measurement(value, samples=600, ci95=(0.0, 100.0)))
    assert result.grade == expected
    assert not result.borderline


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "good"),
        (math.nextafter(0.1, 0), "good"),
        (0.1, "acceptable"),
        (math.nextafter(0.1, 1), "acceptable"),
        (math.nextafter(0.5, 0), "acceptable"),
        (0.5, "acceptable"),
        (math.nextafter(0.5, 1), "poor"),
        (9.0, "poor"),
    ],
)
def test_value_where_lower_is_better(value: float, expected: Grade) -> None:
    assert graded(DIVERGENCE, Measurement(value)).grade == expected


@pytest.mark.parametrize(
    ("low", "high", "expected", "borderline"),
    [
        (30.1, 50.0, "good", False),
        (30.0, 50.0, "acceptable", True),
        (20.0, 50.0, "acceptable", True),
        (10.0, 30.0, "acceptable", True),
        (10.0, 29.9, "acceptable", False),
        (0.1, 29.9, "acceptable", False),
        (0.0, 29.9, "acceptable", True),
        (-5.0, 10.0, "acceptable", True),
        (-5.0, 40.0, "acceptable", True),
        (-5.0, 0.0, "acceptable", True),
        (-5.0, -0.1, "poor", False),
    ],
)
def test_time_where_higher_is_better(
    low: float, high: float, expected: Grade, borderline: bool
) -> None:
    result = timed(SPEED, low, high)
    assert (result.grade, result.borderline) == (expected, borderline)


@pytest.mark.parametrize(
    ("low", "high", "expected", "borderline"),
    [
        (0.05, 0.09, "good", False),
        (0.05, 0.1, "acceptable", True),
        (0.05, 0.2, "acceptable", True),
        (0.11, 0.49, "acceptable", False),
        (0.2, 0.5, "acceptable", True),
        (0.5, 0.6, "acceptable", True),
        (0.51, 0.6, "poor", False),
    ],
)
def test_time_where_lower_is_better(
    low: float, high: float, expected: Grade, borderline: bool
) -> None:
    result = timed(SECONDS, low, high)
    assert (result.grade, result.borderline) == (expected, borderline)


@pytest.mark.parametrize(
    ("low", "high", "may_be_poor"),
    [(-5.0, 10.0, True), (0.0, 10.0, True), (20.0, 40.0, False), (-9.0, -5.0, False)],
)
def test_only_an_interval_at_the_poor_bound_may_be_poor(
    low: float, high: float, may_be_poor: bool
) -> None:
    assert timed(SPEED, low, high).may_be_poor is may_be_poor


@given(FINITE, FINITE)
def test_a_better_value_never_gets_a_worse_grade(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert RANK[grade_of_value(RETENTION, low)] <= RANK[grade_of_value(RETENTION, high)]
    assert RANK[grade_of_value(DIVERGENCE, high)] <= RANK[grade_of_value(DIVERGENCE, low)]


@given(st.tuples(FINITE, FINITE), st.floats(0, 100), st.floats(0, 100))
def test_a_better_interval_never_gets_a_worse_grade(
    ends: tuple[float, float], low_gain: float, high_gain: float
) -> None:
    low, high = sorted(ends)
    better = sorted((low + low_gain, high + high_gain))
    assert RANK[timed(SPEED, low, high).grade] <= RANK[timed(SPEED, *better).grade]
    mirrored = [timed(SECONDS, -high, -low), timed(SECONDS, -better[1], -better[0])]
    assert RANK[mirrored[0].grade] <= RANK[mirrored[1].grade]


@given(FINITE)
def test_an_interval_of_one_point_grades_as_its_value(value: float) -> None:
    assert timed(SPEED, value, value).grade == grade_of_value(SPEED, value)


@given(st.tuples(FINITE, FINITE))
def test_borderline_exactly_where_the_interval_holds_a_bound(ends: tuple[float, float]) -> None:
    low, high = sorted(ends)
    holds = low <= 30.0 <= high or low <= 0.0 <= high
    result = timed(SPEED, low, high)
    assert result.borderline is holds
    assert not (holds and result.grade != "acceptable")


@pytest.mark.parametrize("interval", [None, Undefined("2 rounds are too few")])
def test_a_time_without_interval_is_not_judged(interval: Undefined | None) -> None:
    result = graded(SPEED, Measurement(40.0, samples=2, ci95=interval))
    assert result.grade == "not_judged"
    assert result.value == 40.0
    assert result.reason is not None
    assert "95 % interval" in result.reason
    assert ("too few" in result.reason) is isinstance(interval, Undefined)


def test_a_size_needs_no_interval() -> None:
    size = Criterion("size_reduction_pct", good=50.0, poor=30.0)
    assert graded(size, Measurement(75.0)).grade == "good"


def test_memory_is_graded_by_its_value() -> None:
    memory = Criterion("memory_reduction_pct", good=50.0, poor=30.0)
    assert graded(memory, Measurement(29.0, ci95=(20.0, 40.0))).grade == "poor"


def test_an_undefined_value_is_not_judged() -> None:
    result = graded(RETENTION, Measurement(Undefined("the teacher answered nothing right")))
    assert (result.grade, result.value) == ("not_judged", None)
    assert result.reason == "the teacher answered nothing right"
    assert "the teacher answered nothing right" in result.message


def test_an_invalid_value_is_shown_but_not_judged() -> None:
    reason = "the teacher is no better than guessing"
    result = graded(RETENTION, Measurement(98.0, samples=50, ci95=(80.0, 120.0), invalid=reason))
    assert (result.grade, result.value, result.reason) == ("not_judged", 98.0, reason)
    assert result.ci95 == (80.0, 120.0)
    assert "98.0 %" in result.message


def test_results_without_a_measurement() -> None:
    results = [
        not_judged(RETENTION, "the model died"),
        not_applicable(RETENTION, "equal parameter counts"),
        not_run(RETENTION),
    ]
    assert [result.grade for result in results] == ["not_judged", "not_applicable", "not_run"]
    assert [result.reason for result in results] == [
        "the model died",
        "equal parameter counts",
        "deselected",
    ]
    for result in results:
        assert result.value is None
        assert not result.may_be_poor
        assert result.reason is not None
        assert result.reason in result.message


def test_not_applicable_may_show_its_figure() -> None:
    result = not_applicable(RETENTION, "equal parameter counts", Measurement(99.0))
    assert result.value == 99.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_must_be_undefined(value: float) -> None:
    with pytest.raises(ValueError, match="must be Undefined"):
        Measurement(value)
    with pytest.raises(ValueError, match="must be Undefined"):
        Measurement(1.0, ci95=(0.0, value))


def test_an_interval_upside_down_is_refused() -> None:
    with pytest.raises(ValueError, match="down to"):
        Measurement(1.0, ci95=(2.0, 0.0))


def test_stability_is_the_share_of_draws_with_the_grade() -> None:
    draws = [90.0, 86.0, 85.0, 71.0, 60.0]
    assert graded(RETENTION, Measurement(88.0, draws=draws)).stability == 0.4
    assert graded(RETENTION, Measurement(80.0, draws=draws)).stability == 0.4
    assert graded(RETENTION, Measurement(60.0, draws=draws)).stability == 0.2
    assert graded(RETENTION, Measurement(60.0)).stability is None


def test_the_message_of_a_failure_shows_everything() -> None:
    measurement = Measurement(58.31, samples=612, ci95=(52.1, 64.0))
    result = grade(RETENTION, measurement, student="demo:poor", teacher="demo:teacher")
    assert result.message.splitlines() == [
        "knowledge_retention_pct is poor: 58.3 %",
        "  bounds:   good above 85.0 %, poor below 70.0 % (higher is better)",
        "  interval: 52.1 % to 64.0 % (95 %)",
        "  samples:  612 questions",
        "  models:   student demo:poor, teacher demo:teacher",
        "  next:     compare the two models' figures in the report; where the bound does not fit "
        "your use, change [criteria.knowledge_retention_pct] in the thresholds",
    ]


def test_the_message_of_a_time_says_rounds_and_advises() -> None:
    message = timed(SPEED, -2.0, 6.0).message
    assert message.startswith("speed_improvement_pct is acceptable (borderline): 2.0 %")
    assert "12 rounds" in message
    assert "-2.0 % to 6.0 %" in message
    assert "about 34 rounds would tell" in message
    # The clock may have ended it before the rounds did: both limits are named.
    assert "--distill-max-rounds be at least that" in message
    assert "--distill-max-seconds about 2.8 times what these 12 took" in message
    assert "quieter machine" in message


def test_a_figure_on_the_bound_gets_no_number_of_rounds() -> None:
    assert "lies on the bound" in timed(SPEED, -2.0, 2.0).message
    unknown = graded(SPEED, Measurement(1.0, ci95=(-2.0, 4.0)))
    assert "raise --distill-max-rounds and --distill-max-seconds" in unknown.message


def test_the_message_where_lower_is_better() -> None:
    message = graded(DIVERGENCE, Measurement(0.8)).message
    assert "good below" in message
    assert "poor above" in message
    assert "lower is better" in message


def test_a_value_that_rounds_to_the_bound_is_shown_exactly() -> None:
    message = graded(RETENTION, Measurement(69.996)).message
    assert message.startswith("knowledge_retention_pct is poor: 70.0 % (exactly 69.996)")
    assert "exactly" not in graded(RETENTION, Measurement(70.0)).message


def test_the_message_names_the_slice() -> None:
    sliced = Criterion("knowledge_retention_pct", 85.0, 70.0, Slice("subdomain", "Optics"))
    message = graded(sliced, Measurement(10.0, samples=40)).message
    assert message.startswith("knowledge_retention_pct[subdomain Optics] is poor")
    assert '[criteria.knowledge_retention_pct.subdomain."Optics"]' in message


def test_samples_needed_by_hand() -> None:
    # SE = 4 / 1.96, distance 2, so 10 (1.645 (4 / 1.96) / 2)^2 = 28.2.
    assert samples_needed(SPEED, (-2.0, 6.0), 10) == 29
    assert samples_needed(SPEED, (5.0, 20.0), 10) is None
    assert samples_needed(SPEED, (-2.0, 2.0), 10) is None
