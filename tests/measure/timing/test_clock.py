"""What a time stamp costs."""

from __future__ import annotations

import time

from distill_fixtures.measure.timing.clock import BLOCKS, STAMPS, SystemClock, time_stamp_cost_s
from tests.fakes import FakeClock


class CostlyClock(FakeClock):
    """Each look takes 2 s; in the first block 50 s."""

    looks = 0

    def now(self) -> float:
        self.looks += 1
        self.advance(50.0 if self.looks <= STAMPS else 2.0)
        return super().now()


def test_it_is_the_median_of_blocks() -> None:
    clock = CostlyClock()
    # A thousand stamps and the look that ends the block; the slow block is outvoted.
    assert time_stamp_cost_s(clock) == 2.0 * (STAMPS + 1) / STAMPS
    assert clock.looks == BLOCKS * (STAMPS + 3)


def test_a_clock_that_costs_nothing() -> None:
    assert time_stamp_cost_s(FakeClock()) == 0.0


def test_the_real_one() -> None:
    start = time.perf_counter()
    cost_s = time_stamp_cost_s(SystemClock())
    took_s = time.perf_counter() - start
    # More than half of the blocks took at least the median each.
    assert 0 < cost_s * STAMPS * BLOCKS / 2 < took_s
