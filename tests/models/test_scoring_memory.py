"""Scoring when memory runs out: passes get smaller, scores stay, and the lesson is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.protocol import ScoreRequest
from tests.models.scoring_models import model_of
from tests.one_by_one import assert_equal_scores
from tests.tiny_architectures import ARCHITECTURES

# A budget of 4096 tokens is halved so often until it is below the smallest limit here.
MOST_FAILURES = 8
CPU_MESSAGE = (
    "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4398046511104 bytes. Error code 12 (Cannot allocate memory)"
)
REQUESTS = tuple(
    ScoreRequest(
        f"q{number}",
        "Question: Which gate maps |0> to |1>? " * (1 + number % 3) + "Answer:",
        tuple(f" the {name} gate of {number}" for name in "XYZHSTABCDEF"),
    )
    for number in range(24)
)


def out_of_memory(form: str) -> Exception:
    import torch

    if form == "gpu":
        return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    return RuntimeError(CPU_MESSAGE)


@dataclass
class Memory:
    """How often memory ran out.

    Attributes:
        failures: passes that did not fit.
        passes: all passes, those included.
    """

    failures: int = 0
    passes: int = 0


@contextmanager
def room_for(module: Any, tokens: int, form: str) -> Iterator[Memory]:
    """While this is open, a pass of more input tokens than ``tokens`` runs out of memory."""
    memory = Memory()

    def look(_: Any, args: tuple[Any, ...]) -> None:
        memory.passes += 1
        if args[0].numel() > tokens:
            memory.failures += 1
            raise out_of_memory(form)

    # Whichever way a module is entered, its tokens are looked up first.
    handle = module.get_input_embeddings().register_forward_pre_hook(look)
    try:
        yield memory
    finally:
        handle.remove()


def wanted_of(name: str) -> list[tuple[float, ...]]:
    """Log-likelihoods where memory is plentiful."""
    scored = model_of(ARCHITECTURES[name]()).score_many(REQUESTS)
    return [each.log_likelihoods for each in scored]


@pytest.mark.parametrize("form", ["gpu", "cpu"])
@pytest.mark.parametrize(
    "tokens",
    [
        pytest.param(500, id="fewer requests a pass"),
        # A row has at most 100 tokens, all options of a question together have more.
        pytest.param(110, id="fewer options a pass"),
    ],
)
@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_smaller_passes_give_the_same_scores(name: str, tokens: int, form: str) -> None:
    wanted = wanted_of(name)
    module = ARCHITECTURES[name]()
    model = model_of(module)
    with room_for(module, tokens, form) as memory:
        assert_equal_scores(model.score_many(REQUESTS), wanted, REQUESTS)
        assert 1 <= memory.failures <= MOST_FAILURES
    # What was learnt is kept.
    with room_for(module, tokens, form) as later:
        assert_equal_scores(model.score_many(REQUESTS), wanted, REQUESTS)
        # Other passes come close to the limit that is known by then.
        assert later.failures <= 1
        assert later.passes > 0


def test_a_lack_of_memory_is_no_disagreement() -> None:
    module = ARCHITECTURES["llama"]()
    model = model_of(module)
    with room_for(module, 500, "gpu") as memory:
        model.score_many(REQUESTS)
    assert memory.failures
    assert model.scoring_method == "packed"


def test_every_request_is_answered_once() -> None:
    module = ARCHITECTURES["llama"]()
    told: list[int] = []
    with room_for(module, 300, "cpu"):
        for results in model_of(module).score_in_passes(REQUESTS):
            told += results
    assert sorted(told) == list(range(len(REQUESTS)))


@pytest.mark.parametrize("form", ["gpu", "cpu"])
@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_what_does_not_fit_at_all_is_said(name: str, form: str) -> None:
    module = ARCHITECTURES[name]()
    with room_for(module, 10, form), pytest.raises(MeasurementError) as caught:
        model_of(module).score_many(REQUESTS)
    error = caught.value
    assert all([error.what, error.got, error.wanted, error.next_step])
    assert "memory" in error.what
    assert "'q" in str(error)


@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_other_failures_come_out_as_they_are(name: str) -> None:
    module = ARCHITECTURES[name]()

    def fail(*_: Any) -> None:
        raise RuntimeError("expected scalar type Float but found Half")

    module.get_input_embeddings().register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="expected scalar type"):
        model_of(module).score_many(REQUESTS)
