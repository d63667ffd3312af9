"""Files in and out of the kernel's page cache, for warm and cold load times."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

from distill_fixtures.records import Undefined

__all__ = ["evict", "resident_share", "warm"]

CHUNK_BYTES = 1 << 22
# A few pages that stay do not make a load warm.
MAX_RESIDENT_SHARE = 0.02


def warm(paths: Iterable[Path]) -> None:
    """Read every file once."""
    for path in paths:
        with path.open("rb") as file:
            while file.read(CHUNK_BYTES):
                pass


def evict(paths: Iterable[Path]) -> Undefined | None:
    """Drop the files' pages from the page cache; None if they are gone, else why they are not.

    Pages that another process maps, and whole file systems that live in memory, stay.
    """
    if not hasattr(os, "posix_fadvise"):
        return Undefined("this system cannot drop a file from its page cache")
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # a page that is not written yet is not dropped
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            return Undefined(f"{path.name} cannot be dropped from the page cache: {error.strerror}")
        finally:
            os.close(descriptor)
        share = resident_share(path)
        if isinstance(share, Undefined):
            return share
        if share > MAX_RESIDENT_SHARE:
            return Undefined(
                f"{100 * share:.0f} % of {path.name} stayed in the page cache: another process "
                "maps it, or its file system lives in memory"
            )
    return None


def resident_share(path: Path) -> float | Undefined:
    """The share of a file's pages that are in the page cache, 0 to 1 (mincore(2))."""
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        return 0.0
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        mincore = libc.mincore
    except (OSError, AttributeError):
        return Undefined("this system does not say what is in its page cache")
    pages = -(-size_bytes // mmap.PAGESIZE)
    states = (ctypes.c_ubyte * pages)()
    # A private writable map: ctypes wants a writable buffer, and nothing is written.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        buffer = (ctypes.c_char * size_bytes).from_buffer(mapped)
        status = mincore(
            ctypes.c_void_p(ctypes.addressof(buffer)), ctypes.c_size_t(size_bytes), states
        )
        del buffer  # the map cannot be closed while it is referred to
    if status != 0:
        return Undefined(f"the page cache cannot be asked: {os.strerror(ctypes.get_errno())}")
    return sum(state & 1 for state in states) / pages
