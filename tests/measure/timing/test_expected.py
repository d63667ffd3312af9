"""How long a timing is expected to go on, held against one that is run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.measure.timing import trial as trials
from distill_fixtures.measure.timing.expected import RoundsSeen, expected_timing
from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
from distill_fixtures.measure.timing.trial import USUAL_SPREAD, predicted_round_s, try_rounds
from tests.fakes import FakeClock, FakeModel

PROMPTS = ("a prompt", "another prompt")
PLAN = TimingPlan(new_tokens=4, max_rounds=60, max_seconds=60.0, fewest_passes=5)


def seen(*seconds: float, spread: float = 0.0, log_ratio: float = 0.0) -> RoundsSeen:
    return RoundsSeen(seconds, log_ratio, spread)


@pytest.mark.parametrize(
    ("found", "rounds"),
    [
        (seen(0.1, 0.1), 6),  # as precise as it need be
        (seen(0.1, 0.1, spread=0.1), 44),  # 1.96 * 0.1 / sqrt(n) <= 0.03, n even
        (seen(0.1, 0.1, spread=1.0), 60),
        (seen(5.0, 5.0, spread=1.0), 5),  # 20 s of warm-up, then 10 s a pass; the fewest
        (seen(100.0, 50.0), 5),
    ],
)
def test_what_ends_it(found: RoundsSeen, rounds: int) -> None:
    assert expected_timing(PLAN, found).rounds == rounds


def test_a_bound_in_doubt_prolongs_it() -> None:
    near = TimingPlan(
        new_tokens=4, max_rounds=60, max_seconds=60.0, log_ratio_bounds=(math.log(2),)
    )
    doubtful = seen(0.1, 0.1, spread=0.02, log_ratio=math.log(2))
    assert expected_timing(near, doubtful).rounds == 60
    assert expected_timing(near, seen(0.1, 0.1, spread=0.02, log_ratio=1.5)).rounds == 6


def test_seconds_are_those_of_warm_up_and_rounds() -> None:
    found = expected_timing(PLAN, seen(12.0, 1.0))
    assert found.warm_up_rounds == 1 + 2
    assert found.seconds == 12 + 2 + found.rounds * 13


@given(st.floats(1e-3, 100), st.floats(0, 1))
def test_it_always_ends(seconds: float, spread: float) -> None:
    found = expected_timing(PLAN, seen(seconds, seconds, spread=spread))
    assert PLAN.fewest_passes <= found.rounds <= PLAN.max_rounds


def test_as_a_real_timing_of_even_rounds() -> None:
    clock = FakeClock()
    models = {
        "teacher": FakeModel(clock=clock, later_token_s=0.02),
        "student": FakeModel(clock=clock, later_token_s=0.01),
    }
    real = time_models(models, PROMPTS, PLAN, clock)
    trial = try_rounds(models, PROMPTS, PLAN, clock, batch_size=1, budget_s=100.0)
    found = expected_timing(PLAN, trial)
    assert found.rounds == len(real.rounds["teacher"])
    assert found.seconds == pytest.approx(real.seconds, rel=0.05)


def test_the_scatter_of_a_few_rounds_is_drawn_towards_the_usual_one() -> None:
    """By hand: two rounds' weight of 0.03, beside two degrees of freedom of what was seen."""
    ratios = [0.0, 0.1, 0.2]
    rounds = {"teacher": [math.exp(each) for each in ratios], "student": [1.0, 1.0, 1.0]}
    found = trials._seen(rounds)
    assert found.spread == pytest.approx(math.sqrt((2 * 0.03**2 + 2 * 0.1**2) / 4))
    even = trials._seen({"teacher": [1.0] * 3, "student": [1.0] * 3})
    assert 0 < even.spread < USUAL_SPREAD


def test_long_rounds_are_not_run() -> None:
    clock = FakeClock()
    models = {
        "teacher": FakeModel(clock=clock, later_token_s=5.0),
        "student": FakeModel(clock=clock),
    }
    before = clock.now()
    plan = TimingPlan(new_tokens=100, max_rounds=60, max_seconds=60.0)
    trial = try_rounds(models, PROMPTS, plan, clock, batch_size=1, budget_s=1.0)
    assert trial.spread == pytest.approx(USUAL_SPREAD)
    whole = predicted_round_s(models["teacher"], PROMPTS, 100, clock, 1)
    assert trial.seconds[0] == pytest.approx(whole)
    assert clock.now() - before < whole / 2
