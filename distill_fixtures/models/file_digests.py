"""Digests of files, kept by the files' identity: a second start reads no weight to know a model.

A file's identity is its path, size, times of change (content and inode), inode and device. Clocks
of file systems are coarse, so a file may change twice within one time stamp: a digest is kept only
when the file had been left alone for two seconds before it was read.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from distill_fixtures.models.cache_file import CacheFile, Warn, warn_directly

__all__ = ["DIGESTS_FILE", "IN_PROCESS", "FileDigests"]

DIGESTS_FILE = "file-digests.sqlite"
VERSION = 1
TABLES = {
    "digests": "(path BLOB PRIMARY KEY, identity TEXT NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID"
}
QUIET_NS = 2_000_000_000
CHUNK_BYTES = 1 << 22
_SHA256 = re.compile("[0-9a-f]{64}")


class FileDigests:
    """sha256 of files, each read once for as long as it stays the same.

    Args:
        folder: where digests are kept for later processes; None: for this process alone.
        rehash: read every file again, once in this process, and keep what comes out.
        warn: told when the file takes no more digests.
        now_ns: time since the epoch, for tests.

    Raises:
        CacheError: the file in the folder is no cache of digests.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        rehash: bool = False,
        warn: Warn = warn_directly,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._file = (
            None
            if folder is None
            else CacheFile(folder / DIGESTS_FILE, TABLES, version=VERSION, warn=warn)
        )
        self._rehash = rehash
        self._now_ns = now_ns
        self._known: dict[tuple[bytes, str], str] = {}

    def of(self, path: Path) -> str:
        """sha256 over a file's content, as 64 hexadecimal digits.

        Raises:
            OSError: the file cannot be read.
            CacheError: the kept digest is none.
        """
        name = os.fsencode(path.absolute())
        before = path.stat()
        identity = _identity(before)
        found = self._known.get((name, identity)) or self._kept(name, identity)
        if found is None:
            begin_ns = self._now_ns()
            found = _read_digest(path)
            changed_ns = max(before.st_mtime_ns, before.st_ctime_ns)
            if begin_ns - changed_ns < QUIET_NS or _identity(path.stat()) != identity:
                return found
            if self._file is not None:
                self._file.write(
                    "INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", [(name, identity, found)]
                )
        self._known[name, identity] = found
        return found

    def close(self) -> None:
        """Close the file; what this process knows stays known."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _kept(self, name: bytes, identity: str) -> str | None:
        if self._file is None or self._rehash:
            return None
        rows = self._file.rows(
            "SELECT sha256 FROM digests WHERE path = ? AND identity = ?", (name, identity)
        )
        if not rows:
            return None
        ((digest,),) = rows
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise self._file.unusable(f"no sha256 for {os.fsdecode(name)}: {digest!r}")
        return digest


IN_PROCESS = FileDigests()
"""Keeps nothing beyond this process: for whoever has no folder to keep digests in."""


def _identity(status: os.stat_result) -> str:
    """A text: SQLite's integers are too small for the inodes of some file systems."""
    parts = (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    )
    return " ".join(map(str, parts))


def _read_digest(path: Path) -> str:
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            content.update(chunk)
    return content.hexdigest()
