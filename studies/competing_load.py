"""Work on one core beside a measurement, in bursts like a compiler's.

python -m studies.competing_load          until it is killed
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["competing_load"]

BURST_S = (0.1, 2.0)
PAUSE_S = (0.0, 0.5)
BLOCK_BYTES = 1 << 20


@contextmanager
def competing_load(core: int | None = None, *, seed: int = 0) -> Iterator[int]:
    """Run the load in a process of its own.

    Args:
        core: where; None: the last one that this process may use.
        seed: of the lengths of bursts and pauses.

    Yields:
        The core.
    """
    where = max(os.sched_getaffinity(0)) if core is None else core
    process = subprocess.Popen([sys.executable, "-m", __spec__.name, str(where), str(seed)])
    try:
        yield where
    finally:
        process.kill()
        process.wait()


def _work_for_ever(core: int, seed: int) -> None:
    os.sched_setaffinity(0, {core})
    chance = random.Random(seed)
    block = chance.randbytes(BLOCK_BYTES)
    while True:
        end = time.monotonic() + chance.uniform(*BURST_S)
        while time.monotonic() < end:
            zlib.compress(block, 6)
        time.sleep(chance.uniform(*PAUSE_S))


if __name__ == "__main__":
    _work_for_ever(int(sys.argv[1]), int(sys.argv[2]))
