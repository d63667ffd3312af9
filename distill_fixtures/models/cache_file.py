"""A cache in one SQLite file, shared by processes that may be killed at any moment.

SQLite keeps the file whole: readers and one writer work side by side (WAL), and what a killed
process had not committed is gone at the next opening.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.errors import CacheError

__all__ = ["CacheFile", "CacheWarning", "Warn", "warn_directly"]

Warn = Callable[[str], None]
"""Takes a sentence for the user."""

WAIT_S = 60.0
"""How long one process waits for another's transaction."""

APPLICATION_ID = 0x64626368
"""In the file's header: a database of this package."""

TAKES_NO_MORE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PERM,
)
"""What a file says that is sound and cannot be written now; anything else is damage."""

OFF_SWITCH = "--distill-no-score-cache"


class CacheWarning(UserWarning):
    """The cache cannot take what was measured; the run goes on without it."""


def warn_directly(sentence: str) -> None:
    """Warn by Python's own means."""
    warnings.warn(CacheWarning(sentence), stacklevel=2)


class CacheFile:
    """Tables in one file, made where they are missing.

    Args:
        path: the file; its folder is made.
        tables: columns by table, in SQL, the options after the bracket included.
        version: of the tables; a file of another version is refused.
        warn: told once, when the file takes no more values.

    Raises:
        CacheError: the file cannot be opened or is something else.
    """

    def __init__(
        self,
        path: Path,
        tables: dict[str, str],
        *,
        version: int,
        warn: Warn = warn_directly,
    ) -> None:
        self.path = path
        self._warn = warn
        self._takes_more = True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit: every transaction is begun and ended in sight.
            self._connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self.unusable(f"{type(error).__name__}: {error}") from error
        try:
            self._open(tables, version)
        except sqlite3.Error as error:
            self._connection.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise self.unusable(f"{type(error).__name__}: {error}") from error
            # There is no room for an empty file even: tables in memory stand in, and stay empty.
            self._connection = sqlite3.connect(":memory:", isolation_level=None)
            self._open(tables, version)
            self._take_no_more(error)
        except CacheError:
            self._connection.close()
            raise

    def rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a query finds.

        Raises:
            CacheError: the file is damaged.
        """
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self.unusable(f"{type(error).__name__}: {error}") from error

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a statement for every row, all in one transaction.

        A full disk, or a file that may only be read, is warned of once; from then on nothing is
        written. What was measured is worth more than that it is kept.

        Raises:
            CacheError: the file is damaged.
        """
        if not self._takes_more:
            return
        try:
            self._in_transaction(lambda: self._connection.executemany(statement, rows))
        except sqlite3.Error as error:
            # Extended codes hold the plain one in their low byte.
            if error.sqlite_errorcode & 0xFF not in TAKES_NO_MORE:
                raise self.unusable(f"{type(error).__name__}: {error}") from error
            self._take_no_more(error)

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        self._connection.close()

    def unusable(self, got: str) -> CacheError:
        """The error to raise for content that this package did not write."""
        return CacheError(
            f"the cache {self.path} cannot be used",
            got=got[:500],
            wanted="a cache that this version of distill-bench wrote",
            next_step=f"delete the file (what it holds is computed again), or give {OFF_SWITCH}",
        )

    def _take_no_more(self, error: sqlite3.Error) -> None:
        self._takes_more = False
        self._warn(
            f"the cache {self.path} takes no more values ({error}): the run goes on and does "
            "not keep them. Make room, mend the permissions, end what holds the file, or give "
            f"{OFF_SWITCH}"
        )

    def _open(self, tables: dict[str, str], version: int) -> None:
        self._use_log()
        # A killed process loses nothing that was committed; a power cut may lose the last commits,
        # never the file.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if self._is_empty():
            self._in_transaction(lambda: self._create(tables, version))
        found = self._pragma("application_id"), self._pragma("user_version")
        if found != (APPLICATION_ID, version):
            raise self.unusable(f"a database of another kind or version: {found}")
        for name in tables:
            self._connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchall()

    def _use_log(self) -> None:
        """Switch to write-ahead logging.

        SQLite does not wait for another process's lock here, as when two make the file at once.
        """
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _is_empty(self) -> bool:
        count = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return count == 0 and self._pragma("user_version") == 0

    def _create(self, tables: dict[str, str], version: int) -> None:
        if not self._is_empty():  # another process was faster
            return
        for name, columns in tables.items():
            self._connection.execute(f"CREATE TABLE {name} {columns}")
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {version}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _in_transaction(self, work: Callable[[], object]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            work()
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite may have ended the transaction itself, as on a full disk.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
