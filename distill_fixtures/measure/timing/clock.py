"""The real clock, and what a look at a clock costs.

Its fake is in the tests: nothing under test ever sleeps.
"""

from __future__ import annotations

import time
from statistics import median

from distill_fixtures.models.protocol import Clock
from distill_fixtures.models.token_times import HostTimes

__all__ = ["Clock", "SystemClock", "time_stamp_cost_s"]

# So many stamps take far longer than the clock's finest step, and no longer than a millisecond.
STAMPS, BLOCKS = 1000, 11


class SystemClock:
    """The machine's finest monotonic clock.

    Waiting for a device that works asynchronously is the model's job:
    :mod:`~distill_fixtures.models.token_times`.
    """

    def now(self) -> float:
        return time.perf_counter()


def time_stamp_cost_s(clock: Clock) -> float:
    """Seconds that noting one token's time takes: the clock is read and the reading kept.

    The median of 11 blocks of 1,000 stamps. A model that runs on the CPU pays it once a token.
    """

    def block_s() -> float:
        stamps = HostTimes(clock)
        start = clock.now()
        for _ in range(STAMPS):
            stamps.stamp()
        return (clock.now() - start) / STAMPS

    return median(block_s() for _ in range(BLOCKS))
