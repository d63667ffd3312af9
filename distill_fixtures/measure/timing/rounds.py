"""One round: all requests once, for one model, under the clock."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from distill_fixtures.models.protocol import Clock, Model
from distill_fixtures.records import Round

__all__ = ["full_batches", "run_round", "select_prompts"]


def select_prompts(prompts: Sequence[str], samples: int) -> tuple[str, ...]:
    """``samples`` prompts spread evenly over all, the same in every run.

    Where there are fewer prompts than samples, all of them once.

    >>> select_prompts(["a", "b", "c", "d", "e", "f"], 3)
    ('a', 'c', 'e')
    """
    if not prompts or samples < 1:
        raise ValueError(f"{samples} samples of {len(prompts)} prompts")
    count = min(samples, len(prompts))
    return tuple(prompts[index * len(prompts) // count] for index in range(count))


def full_batches(prompts: Sequence[str], batch_size: int) -> list[list[str]]:
    """Prompts in batches; the first ones are repeated until the last batch is full.

    >>> full_batches(["a", "b", "c"], 2)
    [['a', 'b'], ['c', 'a']]
    """
    if batch_size < 1:
        raise ValueError(f"a batch has at least one row, not {batch_size}")
    count = math.ceil(len(prompts) / batch_size)
    filled = [prompts[index % len(prompts)] for index in range(count * batch_size)]
    return [filled[begin : begin + batch_size] for begin in range(0, len(filled), batch_size)]


def run_round(
    model: Model, requests: Sequence[Sequence[str]], *, new_tokens: int, clock: Clock, order: int
) -> Round:
    """All requests once; Python's garbage collector rests meanwhile."""
    with _without_garbage_collection():
        traces = tuple(
            model.generate_timed(request, new_tokens=new_tokens, clock=clock)
            for request in requests
        )
    return Round(traces, order)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collect before, not during: a collection in one model's round is no cost of that model.

    Only the young generations here: a full collection takes longer than a small model's round.
    """
    was_enabled = gc.isenabled()
    gc.collect(1)
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
