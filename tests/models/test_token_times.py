"""Time stamps of tokens: the computer's, and a GPU's on fakes of its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.token_times import CudaEventTimes, HostTimes, token_times
from tests.fakes import FakeClock, make_card
from tests.tiny_models import make_llama, make_tokenizer


def test_the_host_waits_for_the_device_before_each_look() -> None:
    clock, waits = FakeClock(), []  # type: FakeClock, list[float]

    def wait() -> None:
        waits.append(clock.now())
        clock.advance(0.5)

    times = HostTimes(clock, wait)
    for _ in range(3):
        clock.advance(1.0)
        times.stamp()
    assert times.seconds() == (1.5, 3.0, 4.5)
    # Once before the start, which is therefore at 100.5, and once a token.
    assert waits == [100.0, 101.5, 103.0, 104.5]


def test_a_host_that_is_the_device_only_reads_its_clock() -> None:
    clock = FakeClock()
    times = HostTimes(clock)
    assert times.seconds() == ()
    clock.advance(0.25)
    times.stamp()
    assert times.seconds() == (0.25,)


@dataclass
class FakeGpu:
    """Works off its queue behind the computer's back.

    Attributes:
        clock: the computer's.
        speed: seconds of the GPU's clock in one of the computer's.
        log: what was asked of it.
        free_at: when its queue will be empty, by the computer's clock.
    """

    clock: FakeClock
    speed: float = 1.0
    log: list[str] = field(default_factory=list)
    free_at: float = 0.0

    def work(self, seconds: float) -> None:
        """Queue work; the computer goes on at once."""
        self.free_at = max(self.free_at, self.clock.now()) + seconds

    def synchronize(self) -> None:
        self.log.append("synchronise")
        self.clock.advance(max(0.0, self.free_at - self.clock.now()))

    def event(self) -> FakeEvent:
        return FakeEvent()


class FakeEvent:
    """torch's event: its time is when the queue gets to it."""

    at_s: float
    speed: float

    def record(self, stream: FakeGpu) -> None:
        stream.log.append("mark")
        self.at_s, self.speed = max(stream.free_at, stream.clock.now()), stream.speed

    def elapsed_time(self, later: FakeEvent) -> float:
        return (later.at_s - self.at_s) * 1000 * self.speed


def gpu_times(gpu: FakeGpu, steps_s: list[float], host_step_s: float = 0.001) -> CudaEventTimes:
    times = CudaEventTimes(gpu.clock, gpu, gpu.event)
    for step_s in steps_s:
        gpu.clock.advance(host_step_s)
        gpu.work(step_s)
        times.stamp()
    return times


def test_a_gpu_is_waited_for_only_at_the_end() -> None:
    gpu = FakeGpu(FakeClock())
    times = gpu_times(gpu, [0.5, 0.25, 0.125])
    assert gpu.log == ["synchronise", "mark", "mark", "mark", "mark"]
    # The computer was done asking after 3 ms, the GPU 1 ms after the first kernel plus its work.
    assert times.seconds() == pytest.approx((0.501, 0.751, 0.876))
    assert gpu.log[-1] == "synchronise"


def test_a_gpu_that_waits_for_the_computer_has_the_computers_pace() -> None:
    times = gpu_times(FakeGpu(FakeClock()), [0.001, 0.001], host_step_s=0.5)
    assert times.seconds() == pytest.approx((0.501, 1.001))


def test_the_end_is_the_computers_and_the_rest_is_not_beyond_it() -> None:
    """A GPU's clock that runs ahead by less than a fault."""
    times = gpu_times(FakeGpu(FakeClock(), speed=1.005), [1.0, 0.004], host_step_s=0.0)
    first, last = times.seconds()
    assert last == pytest.approx(1.004)
    assert first == last  # 1.005 by the GPU, which cannot be before the end


def test_one_token_has_the_computers_time() -> None:
    assert gpu_times(FakeGpu(FakeClock()), [0.5]).seconds() == pytest.approx((0.501,))
    assert gpu_times(FakeGpu(FakeClock()), []).seconds() == ()


def test_work_queued_before_is_no_part() -> None:
    gpu = FakeGpu(FakeClock())
    gpu.work(5.0)
    assert gpu_times(gpu, [0.5]).seconds() == pytest.approx((0.501,))


def test_clocks_that_do_not_agree_are_refused() -> None:
    with pytest.raises(MeasurementError, match="do not agree") as caught:
        gpu_times(FakeGpu(FakeClock(), speed=1.5), [1.0, 1.0]).seconds()
    assert caught.value.got == "3.001500 s on the GPU in 2.001000 s of the computer"


@dataclass
class Device:
    type: str


def test_the_device_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    gpu = FakeGpu(FakeClock())
    made: list[bool] = []

    def event(*, enable_timing: bool) -> FakeEvent:
        made.append(enable_timing)
        return FakeEvent()

    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: gpu)
    monkeypatch.setattr(torch.cuda, "Event", event)
    monkeypatch.setattr(torch.mps, "synchronize", gpu.synchronize)
    assert isinstance(token_times(Device("cuda"), gpu.clock), CudaEventTimes)
    assert (made, gpu.log) == ([True], ["synchronise", "mark"])
    gpu.log.clear()
    on_mps = token_times(Device("mps"), gpu.clock)
    on_mps.stamp()
    assert gpu.log == ["synchronise", "synchronise"]
    gpu.log.clear()
    token_times(Device("cpu"), gpu.clock).stamp()
    assert gpu.log == []


def test_a_model_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The very decoding loop, with a module that does its work on the fake GPU."""
    gpu = FakeGpu(FakeClock())

    def begin(device: Any, clock: Any) -> CudaEventTimes:
        return CudaEventTimes(clock, gpu, gpu.event)

    monkeypatch.setattr("distill_fixtures.models.writing_model.token_times", begin)
    module = make_llama()
    module.register_forward_pre_hook(lambda *_: gpu.work(0.5))
    model = CausalLM(module, make_tokenizer(), make_card())
    trace = model.generate_timed(["the dog", "a fox"], new_tokens=4, clock=gpu.clock)
    assert trace.token_times_s == (0.5, 1.0, 1.5, 2.0)
    assert gpu.log == ["synchronise", *["mark"] * 5, "synchronise"]
