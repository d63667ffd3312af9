"""Rounds on a fake clock: every time is exact and nothing sleeps."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest

from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.interleaved import (
    Timing,
    TimingPlan,
    select_prompts,
    time_models,
)
from distill_fixtures.measure.timing.warm_up import WarmUp
from distill_fixtures.models.protocol import Clock
from distill_fixtures.records import GenerationTrace, Undefined
from tests.fakes import FakeClock, FakeModel, make_card

PROMPTS = ("one two", "three", "four five six")


class Logged(FakeModel):
    """Writes its name into a common log at each request."""

    log: list[str]

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        assert not gc.isenabled()
        self.log.append(self.card.reference)
        return super().generate_timed(prompts, new_tokens=new_tokens, clock=clock)


def pair(clock: FakeClock) -> dict[str, FakeModel]:
    teacher = FakeModel(clock=clock, first_token_s=0.5, later_token_s=0.25)
    student = FakeModel(clock=clock, first_token_s=0.25, later_token_s=0.125)
    return {"teacher": teacher, "student": student}


def run(plan: TimingPlan, batch_size: int = 1) -> Timing:
    clock = FakeClock()
    return time_models(pair(clock), PROMPTS, plan, clock, batch_size=batch_size)


def test_times_are_exact() -> None:
    timing = run(TimingPlan(new_tokens=3, max_rounds=2))
    for of_round in timing.rounds["teacher"]:
        assert [trace.token_times_s for trace in of_round.traces] == [(0.5, 0.75, 1.0)] * 3
        assert [trace.prompt_tokens for trace in of_round.traces] == [2, 1, 3]
        assert of_round.traces[0].ttft_s == 0.5
        assert of_round.seconds == 3.0
    assert timing.rounds["student"][0].seconds == 1.5
    assert timing.half_width == 0.0
    assert timing.time_stamp_cost_s == 0.0
    # Two rounds of warm-up each, as long as the two that count.
    assert timing.seconds == 4 * (3.0 + 1.5)
    assert timing.warm_up == WarmUp(
        {"teacher": 2, "student": 2}, {"teacher": True, "student": True}
    )
    assert timing.same_prompt_tokens


def test_rounds_are_interleaved_t_s_s_t() -> None:
    clock, log = FakeClock(), []  # type: FakeClock, list[str]
    models = {}
    for name in ("T", "S", "C"):
        models[name] = Logged(card=make_card(name), clock=clock)
        models[name].log = log
    timing = time_models(models, ["x"], TimingPlan(new_tokens=1, max_rounds=4), clock)
    assert "".join(log) == 2 * "TSC" + "TSC" + "CST" + "TSC" + "CST"
    orders = {role: [each.order for each in rounds] for role, rounds in timing.rounds.items()}
    assert orders == {"T": [0, 5, 6, 11], "S": [1, 4, 7, 10], "C": [2, 3, 8, 9]}


def test_steady_times_end_at_the_least_number_of_rounds() -> None:
    timing = run(TimingPlan(new_tokens=2, min_rounds=5, max_rounds=60))
    # An even number of passes: each model came first as often as the other.
    assert (timing.stopped_by, len(timing.rounds["teacher"])) == ("precision", 6)


class Unsteady(FakeModel):
    """Takes 1 s and 3 s in turn."""

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        self.first_token_s = 3.0 if len(self.calls) % 2 else 1.0
        return super().generate_timed(prompts, new_tokens=new_tokens, clock=clock)


def time_unsteady(plan: TimingPlan) -> Timing:
    clock = FakeClock()
    models = {"teacher": FakeModel(clock=clock), "student": Unsteady(clock=clock)}
    return time_models(models, ["x"], plan, clock)


def test_unsteady_times_go_on_to_the_bound_on_rounds() -> None:
    timing = time_unsteady(TimingPlan(new_tokens=1, max_rounds=20, max_seconds=1e9))
    assert (timing.stopped_by, len(timing.rounds["student"])) == ("rounds", 20)
    assert isinstance(timing.half_width, float)
    assert timing.half_width == pytest.approx(1.96 * 0.5636 / 20**0.5, rel=1e-3)


def test_time_is_bounded_but_two_passes_are_run() -> None:
    timing = time_unsteady(TimingPlan(new_tokens=1, max_seconds=12.0))
    # Two rounds of warm-up take 0.5 + 4 s, then passes 1.25 and 3.25 s in turn.
    assert timing.stopped_by == "seconds"
    assert len(timing.rounds["student"]) == 4
    assert timing.seconds == 13.5
    short = run(TimingPlan(new_tokens=2, max_seconds=0.0))
    assert (short.stopped_by, len(short.rounds["teacher"])) == ("seconds", 2)


def test_one_round_has_no_spread() -> None:
    timing = run(TimingPlan(new_tokens=2, max_rounds=1))
    assert isinstance(timing.half_width, Undefined)


def test_warm_up_is_thrown_away() -> None:
    clock = FakeClock()
    models = pair(clock)
    told: list[int] = []
    plan = TimingPlan(new_tokens=1, warm_up_rounds=2, max_rounds=1)
    timing = time_models(models, ["x"], plan, clock, progress=told.append)
    assert len(timing.rounds["teacher"]) == 1
    assert len(models["teacher"].calls) == 3
    assert told == [1] * 6


class Colder(FakeModel):
    """Starts at 8 s and halves its time at each request, down to 1 s."""

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        self.first_token_s = max(1.0, 8.0 / 2 ** len(self.calls))
        return super().generate_timed(prompts, new_tokens=new_tokens, clock=clock)


def test_a_model_is_warm_before_it_counts() -> None:
    clock = FakeClock()
    models = {"teacher": FakeModel(clock=clock), "student": Colder(clock=clock)}
    plan = TimingPlan(new_tokens=1, max_rounds=3, warm_up_seconds=100.0)
    timing = time_models(models, ["x"], plan, clock)
    assert timing.warm_up.rounds == {"teacher": 2, "student": 5}
    assert timing.warm_up.steady == {"teacher": True, "student": True}
    assert [each.seconds for each in timing.rounds["student"]] == [1.0, 1.0, 1.0]
    # 8 + 4 s are long enough, steady or not.
    short = TimingPlan(new_tokens=1, max_rounds=3, warm_up_seconds=10.0)
    models["student"] = Colder(clock=clock)
    timing = time_models(models, ["x"], short, clock)
    assert (timing.warm_up.rounds["student"], timing.warm_up.steady["student"]) == (2, False)


def test_prompts_that_are_read_otherwise_are_noted() -> None:
    class Characters(FakeModel):
        def count_tokens(self, text: str) -> int:
            return len(text)

    clock = FakeClock()
    models = {"teacher": FakeModel(clock=clock), "student": Characters(clock=clock)}
    assert not time_models(models, PROMPTS, TimingPlan(1, max_rounds=1), clock).same_prompt_tokens


def test_every_row_of_a_batch_does_the_same_work_in_both_models() -> None:
    """As many rows, as many tokens, the same prompts together, in every request of every round."""
    timing = run(TimingPlan(new_tokens=5, max_rounds=2), batch_size=2)
    work = {
        tuple((t.batch_size, t.new_tokens, t.prompt_tokens) for t in of_round.traces)
        for rounds in timing.rounds.values()
        for of_round in rounds
    }
    assert work == {((2, 5, 3), (2, 5, 5))}


def test_batches_are_full() -> None:
    timing = run(TimingPlan(new_tokens=2, max_rounds=1), batch_size=2)
    (of_round,) = timing.rounds["student"]
    assert [trace.batch_size for trace in of_round.traces] == [2, 2]
    # The first prompt stands in again for the fourth.
    assert [trace.prompt_tokens for trace in of_round.traces] == [3, 5]
    assert of_round.samples == 4


def test_the_collector_runs_again_even_after_a_failure() -> None:
    class Broken(FakeModel):
        def generate_timed(
            self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
        ) -> GenerationTrace:
            raise RuntimeError("device lost")

    with pytest.raises(RuntimeError, match="device lost"):
        time_models({"teacher": Broken()}, ["x"], TimingPlan(new_tokens=1), FakeClock())
    assert gc.isenabled()


def test_prompts_are_spread_evenly() -> None:
    prompts = [str(number) for number in range(100)]
    assert select_prompts(prompts, 4) == ("0", "25", "50", "75")
    assert select_prompts(prompts[:2], 10) == ("0", "1")
    for bad in ((prompts, 0), ([], 3)):
        with pytest.raises(ValueError):
            select_prompts(*bad)


@pytest.mark.parametrize("plan", [{"new_tokens": 0}, {"new_tokens": 1, "max_rounds": 0}])
def test_impossible_plans(plan: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        TimingPlan(**plan)  # type: ignore[arg-type]


def test_the_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    looks = [clock.now() for _ in range(100)]
    assert looks == sorted(looks)


def test_the_fewest_passes_are_run_however_long_they_take() -> None:
    clock = FakeClock()
    models = {role: FakeModel(clock=clock, first_token_s=10.0) for role in ("teacher", "student")}
    plan = TimingPlan(new_tokens=1, max_seconds=1.0, fewest_passes=5)
    timing = time_models(models, ["one"], plan, clock)
    assert timing.stopped_by == "seconds"
    assert {role: len(rounds) for role, rounds in timing.rounds.items()} == {
        "teacher": 5,
        "student": 5,
    }
