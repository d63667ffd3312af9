"""Tokens of a run's plan, held against the model that scores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from distill_fixtures.demo import model_folder
from distill_fixtures.estimate.counting import Counter, writing_work
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.models.protocol import GenerateRequest, InProcessModel, ScoreRequest
from distill_fixtures.models.references import resolve_reference
from tests.scale.demo_requests import demo_requests

BUDGET = usual_budget("cpu")


@pytest.fixture(scope="module")
def model() -> InProcessModel:
    return load_model(resolve_reference("demo:student"))


@pytest.fixture(scope="module")
def tokenizer() -> object:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model_folder("student"), local_files_only=True)


def counter(tokenizer: object, way: str = "packed") -> Counter:
    return Counter(tokenizer, "causal", window=512, budget_tokens=BUDGET, way=way)


def test_passes_are_those_of_the_model(model: InProcessModel, tokenizer: object) -> None:
    requests = demo_requests(100)
    found = counter(tokenizer).scores(requests)
    assert found.work.passes == len(model.plan_scores(requests))
    assert found.work.tokens <= found.work.passes * BUDGET
    assert found.largest.tokens <= BUDGET
    assert found.work.scored < found.work.tokens < found.work.keys


def test_by_hand(tokenizer: object) -> None:
    """One option: every token but the last goes through, and sees itself and those before."""
    request = ScoreRequest("q", "What is it?", (" this",))
    ids = tokenizer("What is it? this")["input_ids"]  # type: ignore[operator]
    before = tokenizer("What is it?")["input_ids"]  # type: ignore[operator]
    count = len(ids) - 1
    found = counter(tokenizer).scores([request]).work
    assert (found.passes, found.tokens) == (1, count)
    assert found.scored == len(ids) - len(before)
    assert found.keys == count * (count + 1) / 2


def test_what_is_kept_is_no_work(tokenizer: object) -> None:
    requests = demo_requests(50)
    some = counter(tokenizer).scores(requests, known=range(25)).work
    rest = counter(tokenizer).scores(requests, known=range(25, 50)).work
    whole = counter(tokenizer).scores(requests).work
    assert some.tokens + rest.tokens == whole.tokens
    assert counter(tokenizer).scores(requests, known=range(50)).work.passes == 0


def test_ways_that_repeat_the_context_cost_more(tokenizer: object) -> None:
    requests = demo_requests(20)
    tokens = [
        counter(tokenizer, way).scores(requests).work.tokens
        for way in ("packed", "shared cache", "rows")
    ]
    assert tokens == sorted(tokens)
    assert tokens[0] < tokens[-1]


@pytest.mark.parametrize("task", ["causal", "classification", "seq2seq"])
def test_more_questions_never_cost_less(task: str, tokenizer: object) -> None:
    requests = demo_requests(60)
    counted: list[Sequence[float]] = []
    for count in (1, 10, 30, 60):
        one = Counter(tokenizer, task, window=512, budget_tokens=BUDGET)  # type: ignore[arg-type]
        work = one.scores(requests[:count]).work
        counted.append((work.passes, work.tokens, work.keys))
    for fewer, more in pairwise(counted):
        assert all(one <= other for one, other in zip(fewer, more, strict=True))


def test_prompts_and_what_is_written(tokenizer: object) -> None:
    prompts = [GenerateRequest("a", "one two"), GenerateRequest("b", "one two three four")]
    lengths = counter(tokenizer).prompt_tokens(prompts)
    assert lengths == [len(tokenizer(each.prompt)["input_ids"]) for each in prompts]  # type: ignore[operator]
    work = writing_work(lengths, new_tokens=10)
    assert work.passes == 10
    assert work.tokens == sum(lengths) + 2 * 9
    assert work.scored == 20
    assert writing_work([], new_tokens=10).passes == 0
