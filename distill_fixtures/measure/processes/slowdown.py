"""Slowing a model down on purpose: how it is tested that a gate sees a slower model.

No measurement uses this by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from distill_fixtures.models.protocol import Clock, Model
from distill_fixtures.records import GenerationTrace

__all__ = ["InjectedSlowdown", "slow_down"]


@dataclass(frozen=True, slots=True)
class InjectedSlowdown:
    """A role whose model is another role's, the very same in memory, made slower.

    Attributes:
        role: the new role's name, such as ``student+10``.
        of: the role whose model it is.
        percent: after every token, so much of the time that this token took is waited, busily and
            under the clock. 10 makes the model take 1.1 times as long.
        instead: only the slowed role is timed. Beside it, the other would keep their weights in
            the processor's caches, and the model that they are compared with has no such help.
    """

    role: str
    of: str
    percent: float
    instead: bool = False


def slow_down(model: Model, percent: float) -> Model:
    """The same model, slower under the clock; all but timed generation is the model's own."""
    if percent < 0:
        raise ValueError(f"a model cannot be made faster: {percent} %")
    return cast(Model, _Slowed(model, percent))


class _Slowed:
    def __init__(self, model: Model, percent: float) -> None:
        self._model = model
        self._percent = percent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate_timed(
        self, prompts: Sequence[str], *, new_tokens: int, clock: Clock
    ) -> GenerationTrace:
        slowed = _SlowedClock(clock, self._percent)
        return self._model.generate_timed(prompts, new_tokens=new_tokens, clock=slowed)


class _SlowedClock:
    """Waits before each look at the time, for a share of what has gone by since the last one.

    A model on the CPU looks once at the start and then after each token.
    """

    def __init__(self, clock: Clock, percent: float) -> None:
        self._clock = clock
        self._share = percent / 100
        self._last: float | None = None

    def now(self) -> float:
        now = self._clock.now()
        if self._last is not None:
            end = now + self._share * (now - self._last)
            while now < end:
                now = self._clock.now()
        self._last = now
        return now
