"""Timing in several fresh processes, one after another.

A process keeps its memory layout for life, and the layout changes how fast a model runs. Rounds of
one process therefore agree with each other better than with the next process's, and what is to
hold for the next run too has to be seen in several.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import IO, Any

from distill_fixtures.errors import WorkerError
from distill_fixtures.measure.processes.memory_kills import count_memory_kills, kills_since
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest, timing_from_json
from distill_fixtures.measure.processes.worker_process import (
    Ending,
    worker_command,
    worker_environment,
)
from distill_fixtures.measure.processes.worker_report import error_from_json
from distill_fixtures.records import ProcessTiming, Undefined

__all__ = ["TimingProcesses", "fork_is_safe"]

TIMEOUT_S = 900.0
# A process that has closed its answers' pipe ends at once, or hangs for good.
END_WAIT_S = 10.0


def fork_is_safe(device: str) -> bool:
    """Whether processes may be forked: on Linux, where no device's driver could be awake."""
    return sys.platform == "linux" and device == "cpu"


class TimingProcesses:
    """Fresh processes that time models; owns the process that they come from.

    Args:
        request: the same for every process.
        timeout_s: for one process's rounds, imports included where they come first.
        forks: processes are forked from one that has imported everything; False: each starts
            anew. None: where that is safe.
    """

    def __init__(
        self,
        request: TimingProcessRequest,
        *,
        timeout_s: float = TIMEOUT_S,
        forks: bool | None = None,
    ) -> None:
        self._request = request
        self._timeout_s = timeout_s
        self.forks = fork_is_safe(request.device) if forks is None else forks
        self._source: _Source | None = None

    def take(self) -> ProcessTiming:
        """The rounds of one fresh process; each call has another one.

        Raises:
            ModelReferenceError, MeasurementError: what the process found wrong with a model.
            WorkerError: it crashed, was killed, took longer than ``timeout_s`` or answered
                nonsense.
        """
        deadline, kills = time.monotonic() + self._timeout_s, count_memory_kills()
        if self._source is None:
            self._source = _Source(self._request, "fork" if self.forks else "once")
        try:
            timing = self._timing(self._source, deadline, kills)
        except BaseException:
            self.close()  # the next call starts from scratch
            raise
        if not self.forks:
            self.close()
        return timing

    def close(self) -> None:
        """End every process. Closing twice is no error, and taking again afterwards none either."""
        if self._source is not None:
            source, self._source = self._source, None
            source.end()

    def __enter__(self) -> TimingProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _timing(self, source: _Source, deadline: float, kills: int | Undefined) -> ProcessTiming:
        names = " and ".join(model.reference for model in self._request.models.values())
        what = f"a process that timed {names} ended without a result"
        wanted = f"{self._request.rounds} rounds of each model"
        try:
            answer = source.ask(deadline)
            if "error" in answer:
                raise error_from_json(answer)
            if "status" not in answer:
                return timing_from_json(answer.get("timing"), self._request)
            status = None if answer["status"] is None else int(answer["status"])
        except ValueError as error:
            raise WorkerError(
                what,
                got=f"an answer that makes no sense: {error}",
                wanted=wanted,
                next_step="see whether a library in that process writes to its answers",
            ) from error
        ending = Ending(status, self._timeout_s, kills_since(kills), source.last_output())
        raise ending.error(
            what,
            wanted=wanted,
            if_slow="try smaller models, or fewer --benchmark-samples and --distill-new-tokens",
        )


class _Source:
    """The running process, and the conversation with it."""

    def __init__(self, request: TimingProcessRequest, mode: str) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        # A group of its own: a forked child is ended together with its parent.
        group: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
        self._process = subprocess.Popen(
            worker_command("distill_fixtures.measure.processes.zygote", mode),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env=worker_environment(),
            **group,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions: IO[bytes] = self._process.stdin
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # A pipe cannot be read with a time limit on every system; a queue can.
        self._reader = threading.Thread(
            target=_read_lines, args=(self._process.stdout, self._answers), daemon=True
        )
        self._reader.start()
        self._is_ready = False
        self._heard_until = 0
        self._send(json.dumps(request.to_json()))

    def ask(self, deadline: float) -> dict[str, Any]:
        """One process's answer; ``{"status": None}`` where there is none by the deadline.

        Raises:
            ValueError: the answer is no JSON object.
        """
        if self._is_ready:
            self._heard_until = os.fstat(self._output.fileno()).st_size
        else:
            answer = self._receive(deadline)
            if "ready" not in answer:
                return answer
            self._is_ready = True
        self._send("take")
        return self._receive(deadline)

    def last_output(self) -> str:
        """What was printed since the last question. Moves the place where writing goes on."""
        self._output.seek(self._heard_until)
        return self._output.read().decode("utf-8", "replace")

    def end(self) -> None:
        if os.name == "posix":
            # The group is there for as long as one of its processes is; macOS denies it where only
            # one that has ended is left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._output):
            assert pipe is not None
            with suppress(OSError):  # what it did not read can no longer be written
                pipe.close()

    def _send(self, line: str) -> None:
        # It is gone, and its exit status says why. Windows has another error for a broken pipe.
        with suppress(OSError):
            self._questions.write(line.encode() + b"\n")
            self._questions.flush()

    def _receive(self, deadline: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return {"status": None}
        if not line:
            try:
                return {"status": self._process.wait(END_WAIT_S)}
            except subprocess.TimeoutExpired:
                return {"status": None}
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError(f"an answer that is no JSON object: {line[:80]!r}")
        return answer


def _read_lines(pipe: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Every line, and an empty one at the end."""
    for line in pipe:
        lines.put(line)
    lines.put(b"")
