"""Scores do not depend on order, budget, company or threads; half precision stays near."""

from __future__ import annotations

import pytest

from distill_fixtures.models.protocol import Scored
from tests.models.scoring_models import model_of, wanted_of
from tests.one_by_one import assert_equal_scores, one_by_one, scored_tokens
from tests.scoring_requests import REQUESTS
from tests.tiny_architectures import ARCHITECTURES
from tests.tiny_models import make_tokenizer
from tests.torch_threads import threads

# Per scored token, where weights have half precision.
HALF_TOLERANCE_NATS = 0.05
INVARIANT = ("llama", "mistral", "gpt-2", "bloom", "mamba")


@pytest.mark.parametrize("name", INVARIANT)
def test_order_does_not_matter(name: str) -> None:
    found = model_of(ARCHITECTURES[name]()).score_many(REQUESTS[::-1])
    assert_equal_scores(found[::-1], wanted_of(name), REQUESTS)


@pytest.mark.parametrize("batch_tokens", [1, 64, 300, 100_000])
@pytest.mark.parametrize("name", INVARIANT)
def test_the_token_budget_does_not_matter(name: str, batch_tokens: int) -> None:
    found = model_of(ARCHITECTURES[name](), batch_tokens=batch_tokens).score_many(REQUESTS)
    assert_equal_scores(found, wanted_of(name), REQUESTS)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", INVARIANT)
def test_threads_do_not_matter(name: str, count: int) -> None:
    wanted = wanted_of(name)
    with threads(count):
        found = model_of(ARCHITECTURES[name]()).score_many(REQUESTS)
    assert_equal_scores(found, wanted, REQUESTS)


@pytest.mark.parametrize("name", INVARIANT)
def test_company_does_not_matter(name: str) -> None:
    model = model_of(ARCHITECTURES[name]())
    alone = [model.score_many([request])[0] for request in REQUESTS]
    assert_equal_scores(alone, wanted_of(name), REQUESTS)


@pytest.mark.parametrize("name", INVARIANT)
def test_what_is_known_does_not_matter(name: str) -> None:
    known = {0, 3, 5, len(REQUESTS) - 1}
    found: dict[int, Scored] = {}
    model = model_of(ARCHITECTURES[name](), batch_tokens=300)
    for results in model.score_in_passes(REQUESTS, known=known):
        assert not found.keys() & results.keys()
        found.update(results)
    assert found.keys() == set(range(len(REQUESTS))) - known
    places = sorted(found)
    assert_equal_scores(
        [found[place] for place in places],
        [wanted_of(name)[place] for place in places],
        [REQUESTS[place] for place in places],
    )


@pytest.mark.parametrize("name", INVARIANT)
def test_half_precision_is_near_single_rows(name: str) -> None:
    import torch

    module, tokenizer = ARCHITECTURES[name]().to(torch.bfloat16), make_tokenizer()
    wanted = one_by_one(module, REQUESTS)
    found = model_of(module).score_many(REQUESTS)
    for request, scored, others in zip(REQUESTS, found, wanted, strict=True):
        counts = scored_tokens(tokenizer, request)
        for one, other, count in zip(scored.log_likelihoods, others, counts, strict=True):
            assert abs(one - other) <= HALF_TOLERANCE_NATS * count, request.key
