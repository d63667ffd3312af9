"""Whether a process still runs."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from distill_fixtures.training.process import Process, is_own_line


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_process_that_runs_and_ends() -> None:
    child = sleeper()
    process = Process(child.pid)
    assert process.how_gone() is None
    child.kill()
    # Not asked for its exit code: a zombie, as below a parent that does not care.
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert process.how_gone() == f"process {child.pid} has ended"
    child.communicate()
    assert process.how_gone() == f"process {child.pid} has ended"


def test_a_number_that_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(os.getpid())
    started_s = psutil.Process().create_time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: started_s + 100)
    gone = process.how_gone()
    assert gone is not None
    assert "belongs to another one now" in gone


def test_a_process_that_was_gone_before() -> None:
    child = sleeper()
    child.communicate(b"\n")
    gone = Process(child.pid).how_gone()
    assert gone is not None
    assert "when waiting began" in gone


def test_a_process_that_may_not_be_looked_at_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(os.getpid())

    def refuse(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert process.how_gone() is None


def test_the_own_line() -> None:
    child = sleeper()
    try:
        assert is_own_line(os.getpid())
        assert is_own_line(os.getppid())
        assert not is_own_line(child.pid)
    finally:
        child.communicate(b"\n")
