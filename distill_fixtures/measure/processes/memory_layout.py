"""Another memory layout for a forked process, as a process that is started anew has one.

Where arrays come to lie decides what collides in caches and translation buffers, and with it how
fast a model runs: by some percent, for as long as the process lives. A started process gets its
layout from the system's address space randomisation; a forked one inherits its parent's, so that
without a shift all children would share one layout and their spread would be underestimated.
Where libraries lie, and the seed of Python's hashes, stay the parent's.
"""

from __future__ import annotations

import mmap
import random
from typing import Any

__all__ = ["shift_layout"]

# 16 MiB of addresses, far beyond a huge page of 2 MiB; never written to, they take no memory.
MOST_PAGES = 4096
SMALL_BLOCKS, MOST_BYTES = 512, 4096


def shift_layout(source: random.Random | None = None) -> list[Any]:
    """Move what will be allocated from now on: large blocks by whole pages, small ones by bytes.

    Args:
        source: of chance; None: the system's.

    Returns:
        What has to be kept for as long as the layout should hold.
    """
    chance = source or random.SystemRandom()
    pages = mmap.mmap(-1, chance.randint(1, MOST_PAGES) * mmap.PAGESIZE)
    blocks = [bytearray(chance.randint(1, MOST_BYTES)) for _ in range(SMALL_BLOCKS)]
    # Holes of many sizes: what comes next lands in them, or behind the last.
    kept = chance.sample(blocks, chance.randint(1, SMALL_BLOCKS))
    return [pages, *kept]
