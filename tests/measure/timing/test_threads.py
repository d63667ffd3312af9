"""torch's threads stay as they are found while models are timed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from distill_fixtures.errors import MeasurementError
from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
from distill_fixtures.measure.timing.threads import PinnedThreads
from distill_fixtures.models.protocol import Clock
from distill_fixtures.records import GenerationTrace, Undefined
from tests.fakes import FakeClock, FakeModel
from tests.torch_threads import threads


def test_the_number_in_force_is_fixed() -> None:
    import torch

    for count in (1, 3):
        with threads(count):
            pinned = PinnedThreads()
            assert pinned.count == torch.get_num_threads() == count
            pinned.check()


def test_a_change_is_found() -> None:
    import torch

    class Meddler(FakeModel):
        def generate_timed(
            self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
        ) -> GenerationTrace:
            torch.set_num_threads(3)
            return super().generate_timed(prompts, new_tokens=new_tokens, clock=clock)

    clock = FakeClock()
    with threads(2), pytest.raises(MeasurementError, match="number of threads") as caught:
        time_models({"T": Meddler(clock=clock)}, ["x"], TimingPlan(new_tokens=1), clock)
    assert caught.value.got == "3 threads after 2"


def test_without_torch_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    pinned = PinnedThreads()
    pinned.check()
    assert pinned.count == Undefined("the models do not run in this process")
