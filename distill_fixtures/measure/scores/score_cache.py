"""Scores and texts that models have already given, kept between runs."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.measure.scores.score_keys import request_key
from distill_fixtures.models.cache_file import CacheFile, Warn, warn_directly
from distill_fixtures.models.protocol import Generated, GenerateRequest, Scored, ScoreRequest

__all__ = ["SCORES_FILE", "ScoreCache"]

SCORES_FILE = "scores.sqlite"
VERSION = 1
KEY = "PRIMARY KEY (model_key, request_key)) WITHOUT ROWID"
TABLES = {
    "likelihoods": "(model_key BLOB NOT NULL, request_key BLOB NOT NULL, "
    f"nats BLOB NOT NULL, truncated INTEGER NOT NULL, {KEY}",
    "texts": "(model_key BLOB NOT NULL, request_key BLOB NOT NULL, "
    f"text TEXT NOT NULL, truncated INTEGER NOT NULL, {KEY}",
}
# SQLite takes no more than 999 values in a query where it is old.
LOOKUP_ROWS = 500


class ScoreCache:
    """A file of scores by model and request.

    Several processes may use it at once: what is there already is never written again. Whatever
    is read is checked, as the file may hold anything.

    Args:
        folder: where the file lies or is made.
        warn: told once, when the file takes no more values.

    Raises:
        CacheError: the file is no cache of scores.
    """

    def __init__(self, folder: Path, *, warn: Warn = warn_directly) -> None:
        self._file = CacheFile(folder / SCORES_FILE, TABLES, version=VERSION, warn=warn)

    def likelihoods(self, model_key: bytes, requests: Sequence[ScoreRequest]) -> dict[int, Scored]:
        """What is kept of these requests, by place.

        Raises:
            CacheError: the file is damaged, or a value in it cannot be right.
        """
        return {
            place: Scored(self._floats(nats, len(requests[place].continuations)), cut)
            for place, nats, cut in self._found("likelihoods", "nats", model_key, requests)
        }

    def keep_likelihoods(
        self, model_key: bytes, results: Iterable[tuple[ScoreRequest, Scored]]
    ) -> None:
        """Keep a pass's scores, in one transaction."""
        self._file.write(
            "INSERT OR IGNORE INTO likelihoods VALUES (?, ?, ?, ?)",
            [
                (
                    model_key,
                    request_key(request),
                    struct.pack(f"<{len(scored.log_likelihoods)}d", *scored.log_likelihoods),
                    int(scored.truncated),
                )
                for request, scored in results
            ],
        )

    def texts(self, model_key: bytes, requests: Sequence[GenerateRequest]) -> dict[int, Generated]:
        """What is kept of these prompts' answers, by place.

        Raises:
            CacheError: the file is damaged, or a value in it cannot be right.
        """
        found = {}
        for place, text, cut in self._found("texts", "text", model_key, requests):
            if not isinstance(text, str):
                raise self._file.unusable(f"an answer that is no text: {text!r}"[:200])
            found[place] = Generated(text, cut)
        return found

    def keep_texts(
        self, model_key: bytes, results: Iterable[tuple[GenerateRequest, Generated]]
    ) -> None:
        """Keep a pass's texts, in one transaction."""
        self._file.write(
            "INSERT OR IGNORE INTO texts VALUES (?, ?, ?, ?)",
            [
                (model_key, request_key(request), written.text, int(written.truncated))
                for request, written in results
            ],
        )

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        self._file.close()

    def _found(
        self,
        table: str,
        column: str,
        model_key: bytes,
        requests: Sequence[ScoreRequest | GenerateRequest],
    ) -> Iterator[tuple[int, Any, bool]]:
        """Place, value and mark of each request that the table has."""
        places: dict[bytes, list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault(request_key(request), []).append(place)
        keys = list(places)
        for start in range(0, len(keys), LOOKUP_ROWS):
            some = keys[start : start + LOOKUP_ROWS]
            marks = ", ".join("?" * len(some))
            rows = self._file.rows(
                f"SELECT request_key, {column}, truncated FROM {table} "
                f"WHERE model_key = ? AND request_key IN ({marks})",
                (model_key, *some),
            )
            for key, value, truncated in rows:
                if truncated not in (0, 1):
                    raise self._file.unusable(f"a mark that is neither 0 nor 1: {truncated!r}")
                for place in places[key]:
                    yield place, value, bool(truncated)

    def _floats(self, content: Any, count: int) -> tuple[float, ...]:
        """Little-endian float64, one a continuation."""
        if not isinstance(content, bytes) or len(content) != 8 * count:
            raise self._file.unusable(f"scores that are not {count} numbers: {content!r}"[:200])
        values = struct.unpack(f"<{count}d", content)
        if not all(map(math.isfinite, values)):
            raise self._file.unusable(f"scores that are not finite: {values}")
        return values
