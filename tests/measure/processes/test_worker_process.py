"""What is said of a process that gave no answer."""

from __future__ import annotations

import signal

import pytest

from distill_fixtures.errors import NotFiniteScoreError, WorkerError
from distill_fixtures.measure.processes.worker_process import Ending
from distill_fixtures.measure.processes.worker_report import error_from_json, error_to_json
from distill_fixtures.records import Undefined

LINES = "\n".join(f"line {number}" for number in range(12))


def told(status: int | None, kills: int | Undefined = 0, output: str = LINES) -> WorkerError:
    ending = Ending(status, 1.5, kills, output)
    return ending.error("it died", wanted="a result", if_slow="use a smaller model")


def test_killed_for_lack_of_memory_for_certain() -> None:
    error = told(-signal.SIGKILL, kills=1)
    assert "SIGKILL: the kernel killed it for lack of memory, by its own count" in error.got
    assert "free memory" in error.next_step
    assert error.got.endswith("line 11")
    assert "line 4" in error.got
    assert "line 3" not in error.got


def test_killed_by_somebody_else() -> None:
    error = told(-signal.SIGKILL, kills=0)
    assert "lack of memory" not in error.got
    assert "counts no kill for lack of memory" in error.next_step


def test_killed_where_nobody_counts() -> None:
    error = told(-signal.SIGKILL, kills=Undefined("no such file"))
    assert "lack of memory" not in error.got
    assert "memory ran out" in error.next_step


def test_another_signal_is_no_lack_of_memory() -> None:
    error = told(-signal.SIGSEGV, kills=1)
    assert "SIGSEGV" in error.got
    assert "memory" not in error.got + error.next_step


def test_a_signal_without_a_name() -> None:
    assert "signal 200" in told(-200).got


def test_out_of_time() -> None:
    error = told(None, output="")
    assert (error.got, error.next_step) == ("no answer within 1.5 s", "use a smaller model")


def test_an_error_travels_whole() -> None:
    error = NotFiniteScoreError("a", got="b", wanted="c", next_step="d")
    found = error_from_json(dict(error_to_json(error)))
    assert type(found) is NotFiniteScoreError
    assert str(found) == str(error)


@pytest.mark.parametrize(
    "content",
    [
        {"error": "ValueError", "what": "a", "got": "b", "wanted": "c", "next_step": "d"},
        {"error": "annotations", "what": "a", "got": "b", "wanted": "c", "next_step": "d"},
        {"error": "WorkerError", "what": "a", "got": "b", "wanted": "c"},
    ],
)
def test_only_errors_of_this_package_are_rebuilt(content: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="error"):
        error_from_json(content)
