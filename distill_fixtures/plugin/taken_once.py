"""Results that are taken once, on first demand; a failure is remembered like a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.metrics.recordings import UNASKED
from distill_fixtures.records import Undefined

__all__ = ["Key", "TakenOnce"]

T = TypeVar("T")
Key = tuple[str | int, ...]
"""What was taken, then of which role or batch size."""


class TakenOnce:
    """What was taken, by key.

    Args:
        shared: where what is of one role alone is kept, by role, for several students to share.

    Attributes:
        seconds: that taking each of them took, without what it asked for in turn.
    """

    def __init__(self, shared: Mapping[str, TakenOnce] | None = None) -> None:
        self._shared = dict(shared or {})
        self._results: dict[Key, Any] = {}
        self._failures: dict[Key, DistillBenchError] = {}
        self.seconds: dict[Key, float] = {}
        self._inner_s: list[float] = []

    @property
    def own_kinds(self) -> frozenset[str | int]:
        """What came to a result here: the first parts of the keys."""
        return frozenset(key[0] for key in self._results)

    @property
    def kinds(self) -> frozenset[str | int]:
        """The same, with what is shared."""
        return self.own_kinds.union(*(each.own_kinds for each in self._shared.values()))

    def once(self, key: Key, take: Callable[[], T]) -> T:
        """The result under this key, taken now if it was not.

        Raises:
            DistillBenchError: what taking it raised, now or before.
        """
        place = self._place(key)
        if place is not self:
            return place.once(key, take)
        if key in self._failures:
            raise self._failures[key]
        if key not in self._results:
            try:
                with self._timed(key):
                    self._results[key] = take()
            except DistillBenchError as error:
                self._failures[key] = error
                raise
        found: T = self._results[key]
        return found

    @contextmanager
    def _timed(self, key: Key) -> Iterator[None]:
        start = time.perf_counter()
        self._inner_s.append(0.0)
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.seconds[key] = seconds - self._inner_s.pop()
            if self._inner_s:
                self._inner_s[-1] += seconds

    def known(self, key: Key) -> Any:
        """The result, or why there is none; takes nothing."""
        place = self._place(key)
        if key in place._failures:
            return Undefined(place._failures[key].what)
        return place._results.get(key, UNASKED)

    def forget(self, kind: str) -> None:
        """Let go of all results of a kind, so that they are taken again when they are asked for."""
        for key in [key for key in self._results if key[0] == kind]:
            del self._results[key]

    def failed_with(self, error: DistillBenchError) -> bool:
        """Whether taking something here raised this error."""
        return any(each is error for each in self._failures.values())

    def _place(self, key: Key) -> TakenOnce:
        role = key[1] if len(key) == 2 else None
        return self._shared.get(role, self) if isinstance(role, str) else self
