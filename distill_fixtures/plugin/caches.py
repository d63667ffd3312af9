"""What earlier runs left behind: scores and file digests, opened once a session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.models.cache_file import Warn, warn_directly
from distill_fixtures.models.file_digests import IN_PROCESS, FileDigests

__all__ = ["Caches"]


@dataclass(frozen=True)
class Caches:
    """The caches of a session; by default none that outlives it.

    Attributes:
        scores: None keeps no scores.
        digests: of the models' files.
    """

    scores: ScoreCache | None = None
    digests: FileDigests = IN_PROCESS

    @classmethod
    def open(cls, folder: Path | None, *, rehash: bool, warn: Warn = warn_directly) -> Caches:
        """Open the files of a folder, or make them.

        Args:
            folder: None: nothing is kept, and every file is read again.
            rehash: read every file of a model again.
            warn: told when a file takes no more values.

        Raises:
            CacheError: a file is there that is no cache.
        """
        if folder is None:
            return cls(digests=FileDigests())
        digests = FileDigests(folder, rehash=rehash, warn=warn)
        try:
            return cls(ScoreCache(folder, warn=warn), digests)
        except BaseException:
            digests.close()
            raise

    def close(self) -> None:
        """Close the files; closing twice is no error."""
        if self.scores is not None:
            self.scores.close()
        self.digests.close()
