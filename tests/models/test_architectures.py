"""Scores of every kind of architecture, against plain one-by-one arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from distill_fixtures.models.protocol import ScoreRequest
from tests.models.scoring_models import METHODS, model_of, wanted_of
from tests.one_by_one import assert_equal_scores, log_likelihoods, window_of
from tests.scoring_requests import REQUESTS
from tests.tiny_architectures import ARCHITECTURES
from tests.tiny_models import make_tokenizer

PACKED = (
    "cohere",
    "deepseek v3",
    "gemma",
    "gemma 2",
    "gemma 3",
    "gpt-2",
    "gpt-neox",
    "granite",
    "llama",
    "llama dynamic rope",
    "llama grouped and tied",
    "mistral",
    "mixtral",
    "olmo2",
    "opt",
    "opt projected",
    "phi",
    "phi-3",
    "phi-3 longrope",
    "qwen2",
    "qwen2 sliding",
    "qwen3",
    "qwen3 moe",
    "stablelm",
    "starcoder2",
)
SHARED_CACHE = (
    "bloom",
    "falcon",
    "falcon alibi",
    "falcon new decoder",
    "gpt-j",
    "gpt-neo",
    "gpt-oss",
    "mpt",
)
# Their caches cannot be repeated for several options, or their layers take chunks.
ROWS = (
    "jamba",
    "lfm2",
    "llama 4",
    "mamba",
    "mamba 2",
    "qwen3 next",
    "recurrent gemma",
    "rwkv",
    "zamba 2",
)
EXPECTED_METHOD: Mapping[str, str] = {
    **dict.fromkeys(PACKED, "packed"),
    **dict.fromkeys(SHARED_CACHE, "shared cache"),
    **dict.fromkeys(ROWS, "rows"),
}


def test_every_architecture_has_an_expected_method() -> None:
    assert set(EXPECTED_METHOD) == set(ARCHITECTURES)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_tiny_models_would_show_a_mistake(name: str) -> None:
    module, tokenizer = ARCHITECTURES[name](), make_tokenizer()
    many = next(request for request in REQUESTS if request.key == "many options")
    right = wanted_of(name)[REQUESTS.index(many)]
    other = ScoreRequest("x", many.context.replace("Answer", "An wer"), many.continuations)
    wrong = log_likelihoods(module, tokenizer, other)
    assert max(right) - min(right) > 1
    assert max(abs(one - two) for one, two in zip(right, wrong, strict=True)) > 0.1


def test_one_request_changes_the_last_tokens_of_its_context() -> None:
    tokenizer = make_tokenizer()
    request = next(each for each in REQUESTS if each.key == "joins tokens")
    context = tokenizer.encode(request.context)
    joint = [tokenizer.encode(request.context + text) for text in request.continuations]
    assert any(ids[: len(context)] != context for ids in joint)
    assert any(ids[: len(context)] == context for ids in joint)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_are_those_of_single_rows(name: str) -> None:
    wanted = wanted_of(name)
    module, tokenizer = ARCHITECTURES[name](), make_tokenizer()
    model = model_of(module)
    found = model.score_many(REQUESTS)
    assert_equal_scores(found, wanted, REQUESTS)
    assert model.scoring_method in METHODS
    whole = [
        max(len(tokenizer.encode(each.context + text)) for text in each.continuations)
        for each in REQUESTS
    ]
    assert [each.truncated for each in found] == [
        length > window_of(module) + 1 for length in whole
    ]


@pytest.mark.parametrize(("name", "method"), EXPECTED_METHOD.items())
def test_ways_of_scoring(name: str, method: str) -> None:
    model = model_of(ARCHITECTURES[name]())
    model.score_many(REQUESTS)
    assert model.scoring_method == method


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scoring_leaves_the_module_as_it_was(name: str) -> None:
    module, tokenizer = ARCHITECTURES[name](), make_tokenizer()
    attention = module.config._attn_implementation
    request = REQUESTS[2]
    before = log_likelihoods(module, tokenizer, request)
    model_of(module).score_many(REQUESTS[:5])
    after = log_likelihoods(module, tokenizer, request)
    assert module.config._attn_implementation == attention
    assert not module.training
    assert after == pytest.approx(before, abs=1e-6)
