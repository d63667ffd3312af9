"""Measuring a model in a fresh process of its own: memory and load time.

Beside another model, or after one, neither would mean anything.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from distill_fixtures.errors import WorkerError
from distill_fixtures.measure.processes.memory_kills import count_memory_kills, kills_since
from distill_fixtures.measure.processes.worker_process import (
    Ending,
    worker_command,
    worker_environment,
)
from distill_fixtures.measure.processes.worker_report import (
    WorkerRequest,
    error_from_json,
    value_from_json,
)
from distill_fixtures.records import IsolatedReport, Phase, Undefined

__all__ = ["measure_isolated"]

POLL_INTERVAL_S = 0.05
TIMEOUT_S = 900.0
BYTES_PER_MIB = 1 << 20

Curve = list[tuple[float, int]]


def measure_isolated(request: WorkerRequest, *, timeout_s: float = TIMEOUT_S) -> IsolatedReport:
    """Start the process, watch its memory, and read its answer.

    Raises:
        ModelReferenceError, MeasurementError: what the process found wrong with the model.
        WorkerError: it crashed, was killed or took longer than ``timeout_s``.
    """
    with tempfile.TemporaryDirectory(prefix="distill-worker-") as name:
        folder = Path(name)
        result = folder / "result.json"
        with (folder / "output.txt").open("w+b") as output:
            start, kills = time.monotonic(), count_memory_kills()
            process = _start(request, result, output)
            try:
                curve = _watch(process, timeout_s)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
            if process.returncode != 0 or not result.is_file():
                late = time.monotonic() - start >= timeout_s
                output.seek(0)
                ending = Ending(
                    status=None if late else process.returncode,
                    timeout_s=timeout_s,
                    memory_kills=kills_since(kills),
                    output=output.read().decode("utf-8", "replace"),
                )
                raise _died(request, ending)
        content = json.loads(result.read_text(encoding="utf-8"))
    if "error" in content:
        raise error_from_json(content)
    return _report(content["report"], curve)


def _start(request: WorkerRequest, result: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        worker_command("distill_fixtures.measure.processes.worker", str(result)),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=worker_environment(),
    )
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(request.to_json()).encode())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it died at once; its exit status says why
    return process


def _watch(process: subprocess.Popen[bytes], timeout_s: float) -> Curve:
    """Poll resident memory until the process ends or its time is up."""
    import psutil
    from memory_profiler import memory_usage

    deadline = time.monotonic() + timeout_s
    curve: Curve = []
    while process.poll() is None and time.monotonic() < deadline:
        try:
            # One sample a call; the call sleeps for the interval.
            samples = memory_usage(
                process.pid, interval=POLL_INTERVAL_S, timeout=POLL_INTERVAL_S, timestamps=True
            )
        except psutil.Error:
            break  # it ended between two looks
        curve += [(moment, int(mebibytes * BYTES_PER_MIB)) for mebibytes, moment in samples]
    # Out of time here too: the caller ends the process and says so.
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    return curve


def _died(request: WorkerRequest, ending: Ending) -> WorkerError:
    return ending.error(
        f"the process that measured {request.model.reference} alone ended without a result",
        wanted="a result file with load time and memory",
        if_slow="try a smaller model, or fewer --benchmark-samples and --distill-new-tokens",
    )


def _report(found: dict[str, Any], curve: Curve) -> IsolatedReport:
    phases = {name: (begin, end) for name, begin, end in found["phases"]}
    start = phases["load"][0]
    polled = found["peak_memory_bytes"] is None
    peaks = {
        key: _polled_peak(curve, *phases[phase]) if polled else found[key]
        for key, phase in (("load_peak_memory_bytes", "load"), ("peak_memory_bytes", "inference"))
    }
    return IsolatedReport(
        load_times_s=tuple(found["load_times_s"]),
        load_time_cold_s=value_from_json(found["load_time_cold_s"]),
        runtime_memory_bytes=found["runtime_memory_bytes"],
        model_memory_bytes=found["model_memory_bytes"],
        load_peak_memory_bytes=peaks["load_peak_memory_bytes"],
        peak_memory_bytes=peaks["peak_memory_bytes"],
        device_peak_bytes=value_from_json(found["device_peak_bytes"]),
        model_pss_bytes=value_from_json(found["model_pss_bytes"]),
        model_uss_bytes=value_from_json(found["model_uss_bytes"]),
        peak_method="polled" if polled else "high-water mark",
        threads=found["threads"],
        phases=tuple(
            Phase(name, begin - start, end - start) for name, begin, end in found["phases"]
        ),
        curve=tuple((moment - start, size) for moment, size in curve),
    )


def _polled_peak(curve: Curve, begin: float, end: float) -> int | Undefined:
    sizes = [size for moment, size in curve if begin <= moment <= end]
    if not sizes:
        return Undefined("the phase was shorter than the interval of polling")
    return max(sizes)
