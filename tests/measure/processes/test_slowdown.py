"""A model made slower on purpose, on a clock that ticks at each look."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill_fixtures.measure.processes.slowdown import slow_down
from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
from tests.fakes import FakeClock, FakeModel

TICK_S = 1e-6


class Ticking(FakeClock):
    """Moves a little whenever somebody looks, as a real one does."""

    def now(self) -> float:
        self.advance(TICK_S)
        return super().now()


@pytest.mark.parametrize("percent", [0.0, 3.0, 50.0])
def test_every_token_takes_longer_by_the_share(percent: float) -> None:
    clock = Ticking()
    model = FakeModel(clock=clock, first_token_s=0.5, later_token_s=0.25)
    slowed = slow_down(model, percent)
    trace = slowed.generate_timed(["a b"], new_tokens=3, clock=clock)
    factor = 1 + percent / 100
    wanted = [0.5 * factor, 0.75 * factor, 1.0 * factor]
    assert trace.token_times_s == pytest.approx(wanted, abs=20 * TICK_S)
    assert trace.prompt_tokens == 2


@settings(max_examples=20)
@given(percent=st.floats(0, 200), token_s=st.floats(1e-4, 1e-3))
def test_the_ratio_is_the_share(percent: float, token_s: float) -> None:
    clock = Ticking()
    model = FakeModel(clock=clock, first_token_s=token_s, later_token_s=token_s)
    plan = TimingPlan(new_tokens=5, max_rounds=1, warm_up_rounds=0)
    models = {"student": model, "slowed": slow_down(model, percent)}
    rounds = time_models(models, ["x"], plan, clock).rounds
    ratio = rounds["slowed"][0].seconds / rounds["student"][0].seconds
    assert ratio == pytest.approx(1 + percent / 100, rel=0.05)


def test_all_else_is_the_models_own() -> None:
    model = FakeModel()
    slowed = slow_down(model, 10.0)
    assert slowed.card is model.card
    assert slowed.count_tokens("one two") == 2
    slowed.close()
    assert model.closed


def test_faster_cannot_be() -> None:
    with pytest.raises(ValueError, match="faster"):
        slow_down(FakeModel(), -1.0)
