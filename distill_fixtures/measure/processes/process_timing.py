"""A timing process's own work: load the models afresh, and time them in interleaved rounds."""

from __future__ import annotations

import math
import os
import sys

from distill_fixtures.measure.processes.bare_model import find_model, load_bare_model
from distill_fixtures.measure.processes.code_imports import import_code, rehearse
from distill_fixtures.measure.processes.slowdown import slow_down
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
from distill_fixtures.models.protocol import Model
from distill_fixtures.records import ProcessTiming

if sys.platform != "win32":
    import resource

__all__ = ["import_for", "time_in_this_process"]


def import_for(request: TimingProcessRequest) -> None:
    """Import all that timing these models needs; nothing here starts a thread of torch's.

    A process can be forked afterwards: OpenMP's threads would not come along, and a child would
    wait for them for ever. The device is not touched either.

    Raises:
        ModelReferenceError: there is no usable model.
    """
    plans = [find_model(model) for model in request.models.values()]
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for plan in plans:
        import_code(plan)
    rehearse("cpu")
    torch.set_num_threads(threads)


def time_in_this_process(request: TimingProcessRequest) -> ProcessTiming:
    """Load all models, warm up, and run the rounds: T S, S T, T S and so on.

    Raises:
        ModelReferenceError, MeasurementError: a model cannot be loaded, or not run.
    """
    import torch

    # Also where the number stays: in a forked child torch makes its pool of threads anew when the
    # number is next set, and of several threads that load weights and set it at once, one finds no
    # pool and fails.
    threads = torch.get_num_threads() if request.threads is None else request.threads
    torch.set_num_threads(threads)
    clock = SystemClock()
    start = clock.now()
    models: dict[str, Model] = {
        role: load_bare_model(find_model(model), device=request.device, dtype=request.dtype)
        for role, model in request.models.items()
    }
    load_s = clock.now() - start
    for slowdown in request.slowdowns:
        models[slowdown.role] = slow_down(models[slowdown.of], slowdown.percent)
    models = {role: models[role] for role in request.roles}
    plan = TimingPlan(
        new_tokens=request.new_tokens,
        min_rounds=request.usual_rounds,
        max_rounds=request.rounds,
        max_seconds=math.inf if request.max_seconds is None else request.max_seconds,
        fewest_passes=request.least_rounds,
    )
    faults = _major_faults()
    timing = time_models(models, request.prompts, plan, clock, batch_size=request.batch_size)
    return ProcessTiming(
        rounds=timing.rounds,
        threads=torch.get_num_threads(),
        load_s=load_s,
        pid=os.getpid(),
        major_faults=_grown(faults, _major_faults()),
    )


def _grown(first: int | None, last: int | None) -> int | None:
    return None if first is None or last is None else last - first


def _major_faults() -> int | None:
    """Of this process so far; None on a system without getrusage."""
    if sys.platform == "win32":
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt
