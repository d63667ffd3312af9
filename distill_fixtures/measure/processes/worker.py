"""The measuring process: ``python -m distill_fixtures.measure.processes.worker RESULT_FILE``.

Reads a :class:`WorkerRequest` as JSON from standard input and writes what it found as JSON to the
result file, so that nothing a library prints can get mixed up with it.

Order: imports, and a rehearsal with a toy model that pulls in what libraries import on first use;
the first load, from which memory is taken and which is the cold load where the page cache can be
emptied; inference; then the warm loads. Memory comes first because a freed model leaves pages
behind in the allocator, which would hide part of the next one's growth.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.measure.processes import page_cache, process_memory
from distill_fixtures.measure.processes.bare_model import bare_model, find_model
from distill_fixtures.measure.processes.code_imports import import_code, rehearse
from distill_fixtures.measure.processes.worker_report import (
    LONG_LOAD_S,
    WorkerRequest,
    error_to_json,
    value_to_json,
)
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.decoding import synchronise
from distill_fixtures.models.in_process import run_first_token
from distill_fixtures.models.loading import load_module, load_tokenizer
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.records import Undefined

__all__ = ["main"]


@dataclass(frozen=True, slots=True)
class _FirstLoad:
    """The model as first loaded, and what that took.

    ``peak_bytes`` is None where the kernel keeps no high-water mark for us; ``pss_bytes`` and
    ``uss_bytes`` are what the proportional and the unique set have grown by.
    """

    tokenizer: Any
    module: Any
    seconds: float
    memory_bytes: int
    pss_bytes: int | Undefined
    uss_bytes: int | Undefined
    peak_bytes: int | None


class Measurement:
    """One model's loads and inference, in the order of the module's docstring."""

    def __init__(self, request: WorkerRequest, plan: ModelPlan) -> None:
        self._request = request
        self._plan = plan
        self._on_gpu = request.device.startswith("cuda")
        self._phases: list[tuple[str, float, float]] = []
        self._has_high_water_mark = process_memory.reset_high_water_mark()

    def run(self) -> dict[str, Any]:
        """All figures as JSON has them; peaks are null where the parent has to poll for them."""
        with self._phase("imports"):
            import torch

            import_code(self._plan)
        with self._phase("rehearsal"):
            _wake_libraries()
            rehearse(self._request.device)
        process_memory.release_freed_memory()
        # The libraries' million objects stay to the end; looking through them takes long each time.
        gc.freeze()
        runtime_bytes = process_memory.resident_bytes()
        obstacle = page_cache.evict(self._plan.files)
        first = self._first_load()
        peak, device_peak = self._inference(first.tokenizer, first.module)
        cold = first.seconds if obstacle is None else obstacle
        loads = 1 if first.seconds > LONG_LOAD_S else self._request.loads
        of_model = {
            "model_memory_bytes": first.memory_bytes,
            "model_pss_bytes": value_to_json(first.pss_bytes),
            "model_uss_bytes": value_to_json(first.uss_bytes),
            "load_peak_memory_bytes": first.peak_bytes,
        }
        del first  # never two copies at once
        # Memory is measured, as malloc ordinarily works; no later load shall need more than this.
        process_memory.give_large_blocks_back()
        return of_model | {
            "load_times_s": self._warm_loads(loads),
            "load_time_cold_s": value_to_json(cold),
            "runtime_memory_bytes": runtime_bytes,
            "peak_memory_bytes": peak,
            "device_peak_bytes": value_to_json(device_peak),
            "threads": torch.get_num_threads(),
            "phases": self._phases,
        }

    def _load(self) -> tuple[Any, Any, float]:
        """Tokenizer, module, and the seconds until its first token was computed."""
        start = time.perf_counter()
        tokenizer = load_tokenizer(self._plan)
        module = load_module(self._plan, device=self._request.device, dtype=self._request.dtype)
        run_first_token(module)
        synchronise(module.device)
        return tokenizer, module, time.perf_counter() - start

    def _first_load(self) -> _FirstLoad:
        before, sets_before = self._held_bytes(), process_memory.set_sizes()
        process_memory.reset_high_water_mark()
        with self._phase("load"):
            tokenizer, module, seconds = self._load()
        peak = self._peak()
        process_memory.touch_parameters(module)
        process_memory.release_freed_memory()
        pss_bytes, uss_bytes = self._set_growth(sets_before)
        return _FirstLoad(
            tokenizer,
            module,
            seconds,
            memory_bytes=max(0, self._held_bytes() - before),
            pss_bytes=pss_bytes,
            uss_bytes=uss_bytes,
            peak_bytes=peak,
        )

    def _warm_loads(self, count: int) -> list[float]:
        """Seconds of each load with the files in the page cache."""
        page_cache.warm(self._plan.files)
        times = []
        for _ in range(count):
            process_memory.release_freed_memory()
            with self._phase("warm load"):
                times.append(self._load()[2])
        return times

    def _inference(self, tokenizer: Any, module: Any) -> tuple[int | None, int | Undefined]:
        """Peak memory of the process and of the device while the longest prompts are continued."""
        import torch

        model = bare_model(module, tokenizer, self._plan.reference)
        process_memory.release_freed_memory()
        process_memory.reset_high_water_mark()
        if self._on_gpu:
            torch.cuda.reset_peak_memory_stats(module.device)
        longest_first = sorted(self._request.prompts, key=len, reverse=True)
        with self._phase("inference"):
            for size in self._request.batch_sizes:
                rows = [longest_first[index % len(longest_first)] for index in range(size)]
                model.generate_timed(rows, new_tokens=self._request.new_tokens, clock=SystemClock())
        device_peak: int | Undefined = Undefined(f"the model ran on {self._request.device}")
        if self._on_gpu:
            device_peak = int(torch.cuda.max_memory_allocated(module.device))
        return self._peak(), device_peak

    def _held_bytes(self) -> int:
        """What a model's memory is counted in: the GPU's allocator, else resident memory."""
        if self._on_gpu:
            import torch

            return int(torch.cuda.memory_allocated(self._request.device))
        return process_memory.resident_bytes()

    def _set_growth(
        self, before: process_memory.SetSizes | Undefined
    ) -> tuple[int | Undefined, int | Undefined]:
        """What the proportional and the unique set have grown by."""
        if self._on_gpu:
            reason = Undefined(f"the model lies in the memory of {self._request.device}")
            return reason, reason
        now = process_memory.set_sizes()
        if isinstance(before, Undefined):
            return before, before
        if isinstance(now, Undefined):
            return now, now
        return (
            max(0, now.proportional_bytes - before.proportional_bytes),
            max(0, now.unique_bytes - before.unique_bytes),
        )

    def _peak(self) -> int | None:
        return process_memory.high_water_mark_bytes() if self._has_high_water_mark else None

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Mark when something happened, on the clock that the parent's samples carry."""
        start = time.time()
        yield
        self._phases.append((name, start, time.time()))


def main(arguments: list[str]) -> int:
    """Measure what standard input asks for; the exit status is 0 also for a foreseen error."""
    (result_file,) = arguments
    request = WorkerRequest.from_json(json.load(sys.stdin))
    content: dict[str, Any]
    try:
        content = {"report": Measurement(request, find_model(request.model)).run()}
    except DistillBenchError as error:
        content = dict(error_to_json(error))
    Path(result_file).write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    return 0


def _wake_libraries() -> None:
    """Thread pools and math libraries set themselves up at their first use."""
    import torch

    torch.nn.functional.linear(torch.ones(256, 256), torch.ones(256, 256))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Taking the libraries apart takes seconds, and the result is written.
    os._exit(status)
