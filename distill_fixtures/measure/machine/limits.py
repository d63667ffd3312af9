"""From where on the machine's state is worth a warning, and from where on nothing is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is said, and from where on a timing is not judged.

    Attributes:
        condemning_s: shorter timings are never too noisy: at a hundred ticks a second, some ticks
            of somebody else's are no share to rely on.
        wanted_cores_taken: share of the cores that torch's threads want which others use: a tenth
            is what a time may be off by, which already matters beside bounds some points apart.
        wanted_cores_gone: the same, too noisy. With a quarter of its threads' cores left each
            layer's threads wait for the last of them for most of the time: what is timed is the
            scheduler. On two cores and two threads that is 1.5 cores' worth of others, which takes
            six busy threads of the same priority; one or two other busy processes do not reach it.
        other_cores: share of all usable cores that others use although ours are free: they share
            memory bandwidth and heat.
        own_wait: share of their time ready to run that our threads waited for a CPU.
        own_wait_cores: cores' worth of our threads that must have been ready to run for that.
        steal, steal_too_noisy: share of the cores' time that the host took. It comes in slices of
            milliseconds, as long as a token; beyond a fifth medians move with it.
        throttled, throttled_too_noisy: share of the threads' time that the control group stood
            still. The model with more threads' worth of work is stopped more: the ratio then is
            one of quotas.
        swapped_bytes: traffic during a timing, either way.
        major_faults_per_s: too noisy where pages come back from swap meanwhile: from 0.1 ms each
            on a fast disk to 10 ms on a slow one, between a hundredth and all of the time, and
            only for the model that was swapped out.
        thermal_events: how often the processor may slow down for its heat unmentioned.
        gpu_utilisation_pct: before timing; no limit makes it too noisy, because how busy others
            are during a timing cannot be told from how busy we are.
        gpu_memory_bytes: a context of our own takes about half of it.
        swap_used_share: swap in use, over what memory is available: what was swapped out long ago
            does no harm, but with little memory left it will be exchanged.
    """

    condemning_s: float = 1.0
    wanted_cores_taken: float = 0.10
    wanted_cores_gone: float = 0.75
    other_cores: float = 0.25
    own_wait: float = 0.10
    own_wait_cores: float = 0.5
    steal: float = 0.02
    steal_too_noisy: float = 0.20
    throttled: float = 0.01
    throttled_too_noisy: float = 0.20
    swapped_bytes: int = 1_000_000
    major_faults_per_s: float = 100.0
    thermal_events: int = 0
    gpu_utilisation_pct: float = 10.0
    gpu_memory_bytes: int = 1_000_000_000
    swap_used_share: float = 1.0


LIMITS: Final = Limits()
