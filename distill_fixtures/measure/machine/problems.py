"""From what a machine did to what must be said of it, and to figures that must not be judged.

Models are timed in interleaved rounds and compared by medians of paired ratios, so a load that
lasts slows both alike and widens the interval: that is worth a warning, and the interval speaks for
itself. ``too_noisy`` is kept for states in which the figures would be those of something else than
the models; it makes the gate fail. The limits, each with its reason, are in ``limits``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from distill_fixtures.measure.machine.check import MachineCheck
from distill_fixtures.measure.machine.limits import LIMITS
from distill_fixtures.measure.machine.load import MachineLoad
from distill_fixtures.records import Undefined

__all__ = ["Problem", "load_problems", "problems", "why_too_noisy"]

Severity = Literal["warning", "too_noisy"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the machine.

    Attributes:
        key: short and fixed, such as ``other_load``.
        severity: ``too_noisy``: what was timed meanwhile must not be judged.
        sentence: what, with the figure; without a full stop.
        next_step: what the reader can do.
        when: ``before timing``, or the timing.
    """

    key: str
    severity: Severity
    sentence: str
    next_step: str
    when: str = "before timing"

    def __str__(self) -> str:
        return f"{self.when}, {self.sentence}: {self.next_step}"


def problems(check: MachineCheck) -> tuple[Problem, ...]:
    """What is wrong before timing; only warnings, for a moment says nothing of what follows."""
    of_load = () if isinstance(check.load, Undefined) else load_problems(check, check.load)
    found = [replace(each, severity="warning") for each in of_load]
    return (*_lasting_problems(check), *found)


def load_problems(
    check: MachineCheck, load: MachineLoad, when: str = "before timing"
) -> tuple[Problem, ...]:
    """What was wrong over a stretch of time.

    Args:
        check: the machine's limits and threads.
        load: the stretch.
        when: what the stretch was.
    """
    found = (
        problem
        for look in (_other_load, _own_wait, _steal, _throttled, _swap_traffic, _heat)
        for problem in look(check, load)
    )
    if load.window_s < LIMITS.condemning_s:
        found = (replace(each, severity="warning") for each in found)
    return tuple(replace(each, when=when) for each in found)


def why_too_noisy(before: MachineCheck, during: MachineLoad) -> str | None:
    """Why what was timed must not be judged; None where it may be."""
    found = [each for each in load_problems(before, during) if each.severity == "too_noisy"]
    if not found:
        return None
    said = "; ".join(each.sentence for each in found)
    steps = "; ".join(dict.fromkeys(each.next_step for each in found))
    return f"the machine was too noisy to time anything on it: {said} ({steps})"


def _wanted_cores(check: MachineCheck, load: MachineLoad) -> float | Undefined:
    """Cores that torch's threads keep busy where nothing is in their way."""
    if isinstance(load.counted_cores, Undefined):
        return load.counted_cores
    wanted = float(load.counted_cores)
    for limit in (check.threads, check.limits.quota_cores):
        if not isinstance(limit, Undefined):
            wanted = min(wanted, limit)
    return wanted


def _severity(value: float, too_noisy: float) -> Severity:
    return "too_noisy" if value > too_noisy else "warning"


def _other_load(check: MachineCheck, load: MachineLoad) -> Iterator[Problem]:
    wanted, cores, others = _wanted_cores(check, load), load.counted_cores, load.others_cores
    if isinstance(wanted, Undefined) or isinstance(cores, Undefined):
        return
    if isinstance(others, Undefined):
        return
    taken = (others - (cores - wanted)) / wanted
    if taken <= LIMITS.wanted_cores_taken and others <= LIMITS.other_cores * cores:
        return
    names = ""
    if not isinstance(load.busiest, Undefined) and load.busiest:
        listed = ", ".join(f"{each.name} {each.cores:.1f}" for each in load.busiest)
        names = f" ({listed})"
    yield Problem(
        "other_load",
        _severity(taken, LIMITS.wanted_cores_gone),
        f"other processes used {others:.1f} of {cores} cores{names}, and torch's threads want "
        f"{wanted:g}",
        "stop them, or run when the machine is idle",
    )


def _own_wait(check: MachineCheck, load: MachineLoad) -> Iterator[Problem]:
    share, own = load.own_wait_share, load.own_cores
    if isinstance(share, Undefined) or isinstance(own, Undefined):
        return
    # Who sleeps and wakes for a moment says nothing about waiting: own / (1 - share) cores' worth
    # of threads were ready to run.
    if share > LIMITS.own_wait and own > LIMITS.own_wait_cores * (1 - share):
        yield Problem(
            "waiting_for_cpu",
            "warning",
            f"this process's threads waited for a core for {share:.0%} of the time",
            "give torch fewer threads (OMP_NUM_THREADS), or stop what else runs",
        )


def _steal(check: MachineCheck, load: MachineLoad) -> Iterator[Problem]:
    share = load.steal_share
    if not isinstance(share, Undefined) and share > LIMITS.steal:
        yield Problem(
            "steal",
            _severity(share, LIMITS.steal_too_noisy),
            f"the virtual machine's host took {share:.0%} of its cores' time",
            "run on a machine whose cores are not shared, or at another hour",
        )


def _throttled(check: MachineCheck, load: MachineLoad) -> Iterator[Problem]:
    stood_s, cores = load.throttled_s, load.counted_cores
    if isinstance(stood_s, Undefined) or isinstance(cores, Undefined):
        return
    threads = cores if isinstance(check.threads, Undefined) else min(cores, check.threads)
    share = min(1.0, stood_s / (load.window_s * threads))
    if share > LIMITS.throttled:
        quota = check.limits.quota_cores
        of = "" if isinstance(quota, Undefined) else f" of {quota:g} cores"
        yield Problem(
            "throttled",
            _severity(share, LIMITS.throttled_too_noisy),
            f"the control group's CPU quota{of} stopped {threads} threads for {share:.0%} of the "
            "time",
            "set OMP_NUM_THREADS to no more than the quota, or raise the quota",
        )


def _swap_traffic(check: MachineCheck, load: MachineLoad) -> Iterator[Problem]:
    came, went, faults = load.swapped_in_bytes, load.swapped_out_bytes, load.own_major_faults
    if isinstance(came, Undefined) or isinstance(went, Undefined):
        return
    if came + went > LIMITS.swapped_bytes:
        per_s = 0.0 if isinstance(faults, Undefined) or not came else faults / load.window_s
        ours = f", and this run waited for {per_s:.0f} pages a second" if per_s else ""
        yield Problem(
            "swapping",
            _severity(per_s, LIMITS.major_faults_per_s),
            f"{came / 1e6:.0f} MB came from swap and {went / 1e6:.0f} MB went there{ours}",
            "free memory, or take smaller models",
        )


def _heat(check: MachineCheck, load: MachineLoad) -> Iterator[Problem]:
    events = load.thermal_events
    if not isinstance(events, Undefined) and events > LIMITS.thermal_events:
        yield Problem(
            "heat",
            "warning",
            f"the processor slowed down for its heat {events} times",
            "let it cool down, and look after its cooling",
        )


def _lasting_problems(check: MachineCheck) -> Iterator[Problem]:
    """What a moment is enough to tell."""
    yield from _too_many_threads(check)
    yield from _slow_clock(check)
    yield from _little_memory(check)
    yield from _gpu(check)


def _too_many_threads(check: MachineCheck) -> Iterator[Problem]:
    threads, quota, allowed = check.threads, check.limits.quota_cores, check.limits.allowed_cores
    usable = check.limits.usable_cores
    if isinstance(threads, Undefined) or isinstance(usable, Undefined):
        return
    # A quota need not be whole: two threads under 1.5 cores are the nearest that uses it all.
    whole = max(1, int(-(-usable // 1)))
    if threads > whole:
        tighter = isinstance(allowed, Undefined) or usable < allowed
        what = "the CPU quota is" if tighter and not isinstance(quota, Undefined) else "it may use"
        yield Problem(
            "threads_over_quota",
            "warning",
            f"torch uses {threads} threads where {what} {usable:g} cores",
            f"set OMP_NUM_THREADS={max(1, int(usable))}",
        )


def _slow_clock(check: MachineCheck) -> Iterator[Problem]:
    governor, driver = check.speed.governor, check.speed.driver
    if isinstance(governor, Undefined) or "powersave" not in governor:
        return
    # Under these drivers powersave rises with the load, and is the usual setting.
    if isinstance(driver, str) and driver.startswith(("intel_pstate", "amd-pstate")):
        return
    yield Problem(
        "slow_clock",
        "warning",
        f"the frequency governor is {governor}, which keeps the clock at its lowest",
        "cpupower frequency-set -g performance, or another power profile",
    )


def _little_memory(check: MachineCheck) -> Iterator[Problem]:
    used, available = check.memory.swap_used_bytes, check.memory.memory_available_bytes
    if isinstance(used, Undefined) or isinstance(available, Undefined):
        return
    if used > LIMITS.swap_used_share * available:
        yield Problem(
            "little_memory",
            "warning",
            f"{used / 1e9:.1f} GB lie in swap and only {available / 1e9:.1f} GB of memory are "
            "available",
            "free memory before models are timed",
        )


def _gpu(check: MachineCheck) -> Iterator[Problem]:
    busy_pct, elsewhere = check.gpu.utilisation_pct, check.gpu.memory_elsewhere_bytes
    said = []
    if not isinstance(busy_pct, Undefined) and busy_pct > LIMITS.gpu_utilisation_pct:
        said.append(f"something else kept the GPU busy for {busy_pct:.0f} % of the time")
    if not isinstance(elsewhere, Undefined) and elsewhere > LIMITS.gpu_memory_bytes:
        said.append(f"{elsewhere / 1e9:.1f} GB of the GPU's memory are used by others")
    if said:
        yield Problem(
            "gpu_in_use",
            "warning",
            " and ".join(said),
            "stop the other process (nvidia-smi lists it), or choose another GPU",
        )
