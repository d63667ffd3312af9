"""Results that are taken once, on first demand; a failure is remembered like a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.metrics.recordings import UNASKED
from distill_fixtures.records import Undefined

__all__ = ["Key", "TakenOnce"]

T = TypeVar("T")
Key = tuple[str | int, ...]
"""What was taken, then of which role or batch size."""


class TakenOnce:
    """What was taken, by key."""

    def __init__(self) -> None:
        self._results: dict[Key, Any] = {}
        self._failures: dict[Key, DistillBenchError] = {}

    @property
    def kinds(self) -> frozenset[str | int]:
        """What came to a result: the first parts of the keys."""
        return frozenset(key[0] for key in self._results)

    def once(self, key: Key, take: Callable[[], T]) -> T:
        """The result under this key, taken now if it was not.

        Raises:
            DistillBenchError: what taking it raised, now or before.
        """
        if key in self._failures:
            raise self._failures[key]
        if key not in self._results:
            try:
                self._results[key] = take()
            except DistillBenchError as error:
                self._failures[key] = error
                raise
        found: T = self._results[key]
        return found

    def known(self, key: Key) -> Any:
        """The result, or why there is none; takes nothing."""
        if key in self._failures:
            return Undefined(self._failures[key].what)
        return self._results.get(key, UNASKED)
