"""The process that timing processes come from.

``python -m distill_fixtures.measure.processes.zygote MODE``

Importing torch and transformers takes many seconds, loading a small model a fraction of one. With
``MODE`` ``fork`` this process imports once and forks one child at a time, each of which loads the
models afresh. With ``once``, for systems and devices where a fork is not safe, it times in itself
and ends, and its parent starts another one.

It talks in lines of JSON. The first line in is a :class:`TimingProcessRequest`, answered by
``{"ready": true}`` once all is imported; each line after it asks for one process's rounds. An
answer is ``{"timing": ...}``, ``{"error": ...}`` with the four parts of an error, or ``{"status":
n}`` where a child ended without either: its exit status, or minus its signal. Whatever libraries
print goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import IO, Any, NoReturn

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.measure.processes.memory_layout import shift_layout
from distill_fixtures.measure.processes.process_timing import import_for, time_in_this_process
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest, timing_to_json
from distill_fixtures.measure.processes.worker_report import error_to_json
from distill_fixtures.records import ProcessTiming

__all__ = ["main", "serve"]

Prepare = Callable[[TimingProcessRequest], None]
Work = Callable[[TimingProcessRequest], ProcessTiming]

CHUNK_BYTES = 1 << 16


def main(arguments: list[str]) -> int:
    """Serve whoever started this process, until there is no more to do."""
    (mode,) = arguments
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(mode == "fork", sys.stdin.buffer, answers)
    return 0


def serve(
    forks: bool,
    asked: IO[bytes],
    answers: IO[bytes],
    *,
    prepare: Prepare = import_for,
    work: Work = time_in_this_process,
) -> None:
    """Answer until the questions end.

    Args:
        forks: a child for each question; otherwise one question is answered here.
        asked: where the lines come from.
        answers: where they go to.
        prepare: imports.
        work: a timing process's work.
    """
    request = TimingProcessRequest.from_json(json.loads(asked.readline()))
    try:
        prepare(request)
    except DistillBenchError as error:
        _send(answers, error_to_json(error))
        return
    # A collection would write to every object, and so copy what a child shares with its parent.
    gc.collect()
    gc.freeze()
    _send(answers, {"ready": True})
    while asked.readline():
        if not forks:
            _send(answers, _answer(work, request))
            return
        answer = _from_child(work, request, asked, answers)
        if answer is None:
            return
        _send(answers, answer)


def _from_child(
    work: Work, request: TimingProcessRequest, asked: IO[bytes], answers: IO[bytes]
) -> dict[str, Any] | None:
    """One child's answer; None where whoever asked is gone, and the child is ended."""
    reader, writer = os.pipe()
    pid = _fork()
    if pid == 0:
        os.close(reader)
        answers.close()  # its end is to be seen as soon as the parent ends
        os.dup2(os.open(os.devnull, os.O_RDONLY), asked.fileno())
        _be_child(work, request, writer)
    os.close(writer)
    content = _read_to_end(reader, asked.fileno())
    os.close(reader)
    if content is None:
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if content is None:
        return None
    if status != 0 or not content:
        return {"status": status}
    answer: dict[str, Any] = json.loads(content)
    return answer


def _fork() -> int:
    sys.stderr.flush()
    with warnings.catch_warnings():
        # From Python 3.12 on a fork beside other threads is warned of. The only ones here are
        # OpenBLAS's, which it ends and starts again around a fork, and tqdm's, which a child does
        # without.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_child(work: Work, request: TimingProcessRequest, writer: int) -> NoReturn:
    status = 1
    try:
        layout = shift_layout()
        content = json.dumps(_answer(work, request), allow_nan=False)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(content.encode())
        del layout
        status = 0
    except BaseException:  # nothing may return into the parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _answer(work: Work, request: TimingProcessRequest) -> dict[str, Any]:
    try:
        return {"timing": timing_to_json(work(request))}
    except DistillBenchError as error:
        return dict(error_to_json(error))


def _read_to_end(reader: int, asked: int) -> bytes | None:
    """All that a child writes until it ends. None: nobody waits for it any longer."""
    content = b""
    while True:
        ready, _, _ = select.select([reader, asked], [], [])
        if reader in ready:
            chunk = os.read(reader, CHUNK_BYTES)
            if not chunk:
                return content
            content += chunk
        elif asked in ready:  # no line comes before the last one is answered, so it is the end
            return None


def _send(answers: IO[bytes], content: dict[str, Any]) -> None:
    answers.write(json.dumps(content, allow_nan=False).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    # Taking the libraries apart takes seconds, and nothing is left to do.
    os._exit(status)
