"""Timing processes: with work of the tests' own, dying in several ways; and real ones, slow."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from distill_fixtures.errors import MeasurementError, ModelReferenceError, WorkerError
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.memory_layout import shift_layout
from distill_fixtures.measure.processes.slowdown import InjectedSlowdown
from distill_fixtures.measure.processes.timing_processes import TimingProcesses, fork_is_safe
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest

REQUEST = TimingProcessRequest(
    {"teacher": ModelToLoad("demo:teacher"), "student": ModelToLoad("demo:student")},
    ("one two three", "four"),
    new_tokens=3,
    rounds=2,
    threads=1,
)
BOTH_WAYS = pytest.mark.parametrize("forks", [True, False])
needs_fork = pytest.mark.skipif(not fork_is_safe("cpu"), reason="this system does not fork safely")

# Stands in for the measuring process: the real conversation, other work.
PROGRAM = """#!{python}
import os, signal, sys, time
from distill_fixtures.errors import MeasurementError
from distill_fixtures.measure.processes import zygote
from distill_fixtures.records import GenerationTrace, ProcessTiming, Round

def prepare(request):
    print("preparing", flush=True)

def rounds(request):
    traces = tuple(GenerationTrace(1, 2, (0.5, 0.75, 1.0)) for _ in request.prompts)
    of_role = tuple(Round(traces, order) for order in range(request.rounds))
    return ProcessTiming(dict.fromkeys(request.roles, of_role), 1, 0.25, os.getpid())

def work(request):
    print("working", flush=True)
{work}
    return rounds(request)

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
zygote.serve(sys.argv[-1] == "fork", sys.stdin.buffer, answers, prepare=prepare, work=work)
"""

Instead = Callable[[str], None]


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Instead:
    """Puts other work, indented by nothing, in the place of loading and timing."""

    def put(work: str) -> None:
        indented = "\n".join(f"    {line}" for line in work.splitlines())
        program = tmp_path / "program.py"
        program.write_text(PROGRAM.format(python=PYTHON, work=indented or "    pass"))
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return put


PYTHON = sys.executable


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ends(*pids: int) -> bool:
    """Whether all of them end within some seconds: what was killed may take a moment to go."""
    for _ in range(200):
        if not any(map(is_running, pids)):
            return True
        time.sleep(0.05)
    return False


@BOTH_WAYS
def test_each_take_is_another_process(instead: Instead, forks: bool) -> None:
    instead("")
    with TimingProcesses(REQUEST, forks=forks) as processes:
        taken = [processes.take() for _ in range(3)]
    assert len({timing.pid for timing in taken} | {os.getpid()}) == 4
    for timing in taken:
        assert {role: len(rounds) for role, rounds in timing.rounds.items()} == {
            "teacher": 2,
            "student": 2,
        }
        assert timing.rounds["student"][1].seconds == 2.0
        assert ends(timing.pid)


@needs_fork
def test_forked_ones_are_prepared_once(instead: Instead, tmp_path: Path) -> None:
    parents = tmp_path / "parents"
    instead(f"open({str(parents)!r}, 'a').write(f'{{os.getppid()}} ')")
    with TimingProcesses(REQUEST, forks=True) as processes:
        processes.take()
        processes.take()
        first, second = parents.read_text().split()
        assert first == second
        assert is_running(int(first))
    assert ends(int(first))


@BOTH_WAYS
def test_killed(instead: Instead, forks: bool) -> None:
    instead("os.kill(os.getpid(), signal.SIGKILL)")
    with TimingProcesses(REQUEST, forks=forks) as processes, pytest.raises(WorkerError) as caught:
        processes.take()
    assert "demo:teacher and demo:student" in caught.value.what
    assert "SIGKILL" in caught.value.got
    assert "working" in caught.value.got


@BOTH_WAYS
def test_crashed(instead: Instead, forks: bool) -> None:
    instead("raise OverflowError('the last line')")
    with TimingProcesses(REQUEST, forks=forks) as processes, pytest.raises(WorkerError) as caught:
        processes.take()
    assert "exit status 1" in caught.value.got
    assert "OverflowError: the last line" in caught.value.got


@BOTH_WAYS
def test_an_error_is_rebuilt(instead: Instead, forks: bool) -> None:
    instead("raise MeasurementError('a', got='b', wanted='c', next_step='d')")
    with (
        TimingProcesses(REQUEST, forks=forks) as processes,
        pytest.raises(MeasurementError) as caught,
    ):
        processes.take()
    assert type(caught.value) is MeasurementError
    assert (caught.value.what, caught.value.got) == ("a", "b")


@BOTH_WAYS
def test_out_of_time(instead: Instead, tmp_path: Path, forks: bool) -> None:
    pid = tmp_path / "pid"
    instead(f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    with TimingProcesses(REQUEST, forks=forks, timeout_s=5.0) as processes:
        with pytest.raises(WorkerError, match="no answer within 5 s"):
            processes.take()
        assert ends(int(pid.read_text())), "the process outlived its time"


@needs_fork
def test_the_next_take_starts_from_scratch(instead: Instead, tmp_path: Path) -> None:
    """The process that they come from is gone, and what it had forked with it."""
    mark, parent = tmp_path / "mark", tmp_path / "parent"
    instead(
        f"open({str(parent)!r}, 'w').write(str(os.getpid()))\n"
        f"if not os.path.exists({str(mark)!r}):\n"
        f"    open({str(mark)!r}, 'w').close()\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    time.sleep(600)"
    )
    with TimingProcesses(REQUEST, forks=True) as processes:
        with pytest.raises(WorkerError, match="SIGKILL"):
            processes.take()
        assert ends(int(parent.read_text()))
        assert processes.take().rounds["teacher"]


def test_nonsense_is_no_answer(instead: Instead) -> None:
    instead("request = type(request)(request.models, request.prompts, rounds=1)")
    with TimingProcesses(REQUEST, forks=False) as processes, pytest.raises(WorkerError) as caught:
        processes.take()
    assert "1 rounds of teacher, not 2 to 2" in caught.value.got


def test_what_is_no_json_is_no_answer(instead: Instead) -> None:
    instead("os.write(answers.fileno(), b'hello\\n')")
    with TimingProcesses(REQUEST, forks=False) as processes, pytest.raises(WorkerError) as caught:
        processes.take()
    assert "makes no sense" in caught.value.got


@needs_fork
def test_nobody_waits_any_longer(instead: Instead, tmp_path: Path) -> None:
    """The parent dies without a word: neither process stays."""
    import subprocess

    pids = tmp_path / "pids"
    instead(
        f"open({str(pids)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} ')\ntime.sleep(600)"
    )
    package = str(Path(__file__).resolve().parents[3])
    code = (
        f"import sys; sys.executable = {sys.executable!r}\n"
        "from tests.measure.processes.test_timing_processes import REQUEST\n"
        "from distill_fixtures.measure.processes.timing_processes import TimingProcesses\n"
        "TimingProcesses(REQUEST, forks=True).take()"
    )
    parent = subprocess.Popen([PYTHON, "-c", code], env=os.environ | {"PYTHONPATH": package})
    try:
        while not pids.is_file() or not pids.read_text().endswith(" "):
            assert parent.poll() is None
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    assert ends(*map(int, pids.read_text().split()))


def test_closing_twice() -> None:
    processes = TimingProcesses(REQUEST)
    processes.close()
    processes.close()


def test_no_fork_beside_a_device() -> None:
    assert not fork_is_safe("cuda:0")
    assert TimingProcesses(REQUEST).forks == fork_is_safe("cpu")


def test_layouts_differ_and_are_kept() -> None:
    one, other = (shift_layout(random.Random(seed)) for seed in (1, 2))
    assert len(one[0]) % os.sysconf("SC_PAGESIZE") == 0
    assert (len(one[0]), len(one)) != (len(other[0]), len(other))
    assert sum(map(len, one[1:])) < 4_000_000


@pytest.mark.slow
def test_the_built_in_models() -> None:
    slowed = InjectedSlowdown("student+900", "student", 900.0)
    request = TimingProcessRequest(
        REQUEST.models, REQUEST.prompts, new_tokens=3, rounds=2, threads=1, slowdowns=(slowed,)
    )
    with TimingProcesses(request) as processes:
        taken = [processes.take(), processes.take()]
    assert len({timing.pid for timing in taken} | {os.getpid()}) == 3
    for timing in taken:
        assert timing.threads == 1
        assert 0 < timing.load_s < 60
        orders = {role: [each.order for each in rounds] for role, rounds in timing.rounds.items()}
        assert orders == {"teacher": [0, 5], "student": [1, 4], "student+900": [2, 3]}
        for rounds in timing.rounds.values():
            assert [trace.new_tokens for each in rounds for trace in each.traces] == [3] * 4
        seconds = {role: sum(map(_seconds, rounds)) for role, rounds in timing.rounds.items()}
        assert seconds["student+900"] > 2 * seconds["student"]


@pytest.mark.slow
def test_a_slowed_model_in_the_place_of_its_own() -> None:
    slowed = InjectedSlowdown("slow", "student", 900.0, instead=True)
    request = TimingProcessRequest(
        REQUEST.models, REQUEST.prompts, new_tokens=3, rounds=2, threads=1, slowdowns=(slowed,)
    )
    with TimingProcesses(request) as processes:
        rounds = processes.take().rounds
    orders = {role: [each.order for each in of_role] for role, of_role in rounds.items()}
    assert orders == {"teacher": [0, 3], "slow": [1, 2]}


def _seconds(each: object) -> float:
    from distill_fixtures.records import Round

    assert isinstance(each, Round)
    return each.seconds


@pytest.mark.slow
def test_a_real_process_names_what_is_wrong(tmp_path: Path) -> None:
    models = {"teacher": ModelToLoad("demo:teacher"), "student": ModelToLoad(str(tmp_path))}
    request = TimingProcessRequest(models, ("x",))
    with (
        TimingProcesses(request) as processes,
        pytest.raises(ModelReferenceError, match="is no model"),
    ):
        processes.take()


@pytest.mark.slow
@needs_fork
def test_threads_work_in_a_forked_process() -> None:
    """OpenMP's threads start after the fork: a child that waited for its parent's would hang."""
    request = TimingProcessRequest(
        REQUEST.models, REQUEST.prompts, new_tokens=3, rounds=1, threads=2
    )
    with TimingProcesses(request, forks=True) as processes:
        assert processes.take().threads == 2
