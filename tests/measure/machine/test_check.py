"""The machine before timing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.measure.machine.check import (
    WINDOW_S,
    MachineCheck,
    MemoryState,
    check_machine,
    glance_at_machine,
)
from distill_fixtures.measure.machine.cpu_speed import read_cpu_speed
from distill_fixtures.measure.machine.gpu_use import read_gpu_use
from distill_fixtures.measure.machine.load import MachineLoad
from distill_fixtures.records import Undefined
from tests.measure.machine.made_up_machine import MadeUpMachine

CPUS = "sys/devices/system/cpu"


def check(machine: MadeUpMachine, **passing: Any) -> MachineCheck:
    """The check, while some load runs."""

    def sleep(seconds: float) -> None:
        machine.pass_time(seconds, **passing)

    return check_machine("cpu", root=machine.write(), sleep=sleep, now=machine.now)


def told(record: Any, path: str = "") -> dict[str, Any]:
    """All fields that are not undefined, by dotted path."""
    found: dict[str, Any] = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if is_dataclass(value) and not isinstance(value, Undefined):
            found |= told(value, f"{path}{each.name}.")
        elif not isinstance(value, Undefined):
            found[path + each.name] = value
    return found


def test_a_made_up_machine(tmp_path: Path) -> None:
    found = check(MadeUpMachine(tmp_path), busy=(0.8, 0.0))
    assert (found.load_average_1_min, found.load_average_15_min) == (0.5, 0.125)
    assert found.memory == MemoryState(4_096_000, 102_400, 0, 0)
    assert found.limits.usable_cores == 2
    assert isinstance(found.load, MachineLoad)
    assert found.load.window_s == WINDOW_S
    assert found.load.others_cores == pytest.approx(0.8)
    assert found.gpu.utilisation_pct == Undefined("the models run on the CPU")


def test_threads_are_those_of_torch(tmp_path: Path) -> None:
    import torch

    assert check(MadeUpMachine(tmp_path)).threads == torch.get_num_threads()


def test_threads_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert isinstance(check(MadeUpMachine(tmp_path)).threads, Undefined)


def test_another_system_is_told_apart_and_not_waited_for(tmp_path: Path) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError("nothing can be seen, so there is nothing to wait for")

    found = check_machine("cpu", root=tmp_path, sleep=sleep)
    assert set(told(found)) <= {"threads"}
    assert found.load == Undefined("/proc/stat cannot be read: No such file or directory")


def test_a_glance_waits_for_nothing(tmp_path: Path) -> None:
    found = glance_at_machine(MadeUpMachine(tmp_path).write())
    assert found.load == found.gpu.utilisation_pct == Undefined("nothing was timed")
    assert found.load_average_5_min == 0.25


@pytest.mark.parametrize("text", ["", "a b c", "0.5 0.5", "nan 1 1", "inf 1 1"])
def test_odd_load_averages(tmp_path: Path, text: str) -> None:
    machine = MadeUpMachine(tmp_path)
    machine.write()
    machine.file("proc/loadavg", text)
    assert isinstance(glance_at_machine(tmp_path).load_average_1_min, Undefined)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MemTotal: 5 kB\n", "has no SwapTotal"),
        ("SwapTotal: 5 kB\n", "has no SwapFree"),
        ("SwapTotal: 5 kB\nSwapFree: 6 kB\n", "6 kB of swap are free, of 5"),
        ("SwapTotal: much\nSwapFree: 6 kB\n", "'much' is no whole number"),
    ],
)
def test_odd_memory(tmp_path: Path, text: str, reason: str) -> None:
    machine = MadeUpMachine(tmp_path)
    machine.write()
    machine.file("proc/meminfo", text)
    memory = glance_at_machine(tmp_path).memory
    assert isinstance(memory.swap_used_bytes, Undefined)
    assert reason in memory.swap_used_bytes.reason
    assert isinstance(memory.memory_available_bytes, Undefined)


def test_the_clock_rate(tmp_path: Path) -> None:
    machine = MadeUpMachine(tmp_path)
    for core, governor in enumerate(("powersave", "performance", "powersave")):
        machine.file(f"{CPUS}/cpu{core}/cpufreq/scaling_governor", f"{governor}\n")
        machine.file(f"{CPUS}/cpu{core}/cpufreq/scaling_driver", "acpi-cpufreq\n")
    machine.file(f"{CPUS}/cpufreq/boost", "0\n")
    found = read_cpu_speed(tmp_path)
    assert (found.governor, found.driver, found.turbo) == (
        "performance, powersave",
        "acpi-cpufreq",
        False,
    )
    machine.file(f"{CPUS}/intel_pstate/no_turbo", "0\n")
    assert read_cpu_speed(tmp_path).turbo is True


def test_a_clock_rate_that_is_not_shown(tmp_path: Path) -> None:
    MadeUpMachine(tmp_path).file(f"{CPUS}/cpu0/online", "1")
    found = read_cpu_speed(tmp_path)
    assert isinstance(found.governor, Undefined)
    assert "scaling_governor" in found.governor.reason
    assert isinstance(found.turbo, Undefined)


class FakeCuda:
    """As much of torch.cuda as is asked."""

    def __init__(self, *, initialised: bool = True, fails: bool = False) -> None:
        self._initialised = initialised
        self._fails = fails

    def is_initialized(self) -> bool:
        return self._initialised

    def synchronize(self, device: str) -> None:
        if self._fails:
            raise RuntimeError("CUDA error: no device")

    def mem_get_info(self, device: str) -> tuple[int, int]:
        return 5_000, 16_000

    def memory_reserved(self, device: str) -> int:
        return 4_000

    def get_device_properties(self, device: str) -> Any:
        return type("Properties", (), {"uuid": "12-34"})()


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    torch = type("FakeTorch", (), {})()
    torch.cuda = FakeCuda()
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


def answer(code: int, out: str, err: str = "") -> Any:
    def run(words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        assert words[0] == "nvidia-smi"
        assert "--id=GPU-12-34" in words
        return subprocess.CompletedProcess(words, code, out, err)

    return run


def test_a_gpu(fake_torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", answer(0, "37\n"))
    found = read_gpu_use("cuda:0")
    assert (found.utilisation_pct, found.memory_elsewhere_bytes) == (37.0, 7_000)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (answer(0, "[N/A]\n"), "'[N/A]'"),
        (answer(6, "", "No devices were found\n"), "No devices were found"),
    ],
)
def test_a_driver_that_does_not_tell(
    fake_torch: Any, monkeypatch: pytest.MonkeyPatch, run: Any, reason: str
) -> None:
    monkeypatch.setattr(subprocess, "run", run)
    found = read_gpu_use("cuda:0")
    assert isinstance(found.utilisation_pct, Undefined)
    assert reason in found.utilisation_pct.reason
    assert found.memory_elsewhere_bytes == 7_000


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory"), "cannot be started: No such file"),
        (subprocess.TimeoutExpired("nvidia-smi", 10), "no answer within 10 s"),
    ],
)
def test_no_nvidia_smi(
    fake_torch: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    found = read_gpu_use("cuda")
    assert isinstance(found.utilisation_pct, Undefined)
    assert reason in found.utilisation_pct.reason


@pytest.mark.parametrize(
    ("cuda", "device", "reason"),
    [
        (FakeCuda(), "mps", "a device of the kind mps"),
        (FakeCuda(initialised=False), "cuda", "has not used the GPU yet"),
        (FakeCuda(fails=True), "cuda", "does not tell: CUDA error: no device"),
    ],
)
def test_a_gpu_that_cannot_be_asked(
    fake_torch: Any, cuda: FakeCuda, device: str, reason: str
) -> None:
    fake_torch.cuda = cuda
    found = read_gpu_use(device)
    for value in (found.utilisation_pct, found.memory_elsewhere_bytes):
        assert isinstance(value, Undefined)
        assert reason in value.reason


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="Linux alone has it")
def test_this_machine() -> None:
    """Nothing is undefined that every Linux tells, and all of it is possible."""
    found = told(check_machine("cpu", window_s=0.05))
    assert found["load.window_s"] >= 0.05
    assert found["load.own_cores"] >= 0
    assert found["load.others_cores"] >= 0
    assert 0 <= found["load.steal_share"] <= 1
    assert found["memory.memory_available_bytes"] > 0
    assert found["limits.allowed_cores"] == found["load.counted_cores"]
    assert found["load_average_1_min"] >= 0
