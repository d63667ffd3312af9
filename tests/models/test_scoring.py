"""Scores of the in-process model, against plain one-by-one arithmetic and lm-evaluation-harness."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError, NotFiniteScoreError
from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.packing import batches_by_length
from distill_fixtures.models.protocol import Model, ScoreRequest
from distill_fixtures.records import Undefined
from tests.fakes import make_card
from tests.one_by_one import log_likelihood
from tests.tiny_models import (
    VOCABULARY,
    WINDOW,
    make_gpt2,
    make_llama,
    make_tokenizer,
    save,
    without_warnings,
)

REQUESTS = (
    ScoreRequest("short", "Q", (" a", " b")),
    ScoreRequest("one option", "Question: What?\nAnswer:", (" 4.5 hbar",)),
    ScoreRequest(
        "shared beginnings",
        "Question: What is the energy of the second level?\nAnswer:",
        (" 4.5 hbar omega", " 4.5 hbar", " 4", " the Pauli X gate", " 4.5 hbar omega"),
    ),
    ScoreRequest("trailing space", "Question: Which gate? Answer: ", ("X", "the Y", "ω ≈ 2π")),
    ScoreRequest("joins tokens", "Answer: the quick bro", ("wn fox", "th", "ken")),
    ScoreRequest("no context", "", (" fox", " the lazy dog")),
    ScoreRequest("begins with <s>", "<s>Question:", (" fox", " dog")),
    ScoreRequest("too long", "the lazy dog 0123456789 " * 20, (" X", " jumps over the lazy dog")),
)


def lora() -> Any:
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False)
    with without_warnings():
        return get_peft_model(make_llama(), settings).eval()


def prompt_tuned() -> Any:
    from peft import PromptTuningConfig, get_peft_model

    settings = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    with without_warnings():
        return get_peft_model(make_llama(), settings).eval()


def sliding() -> Any:
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2}
    config = MistralConfig(
        vocab_size=VOCABULARY, max_position_embeddings=WINDOW, sliding_window=8, **sizes, **heads
    )
    return MistralForCausalLM(config).eval()


def model_of(module: Any, *, batch_tokens: int = 1024, begin_of_text: bool = False) -> CausalLM:
    tokenizer = make_tokenizer(begin_of_text=begin_of_text)
    return CausalLM(module, tokenizer, make_card(), batch_tokens=batch_tokens)


@pytest.mark.parametrize("make", [make_llama, make_gpt2, lora, prompt_tuned, sliding])
def test_scores_are_those_of_single_rows(make: Callable[[], Any]) -> None:
    module = make()
    # Virtual tokens take places of GPT-2-like tables that the window does not know of.
    requests = REQUESTS[:-1] if make is prompt_tuned else REQUESTS
    scored = model_of(module).score_many(requests)
    for request, found in zip(requests, scored, strict=True):
        wanted = [
            log_likelihood(module, make_tokenizer(), request.context, text)
            for text in request.continuations
        ]
        assert found.log_likelihoods == pytest.approx(wanted, abs=1e-4), request.key
        assert found.truncated == (request.key == "too long")


@pytest.mark.parametrize(
    ("make", "method"),
    [
        (make_llama, "packed"),
        (make_gpt2, "packed"),
        (lora, "packed"),
        (prompt_tuned, "rows"),
        (sliding, "packed"),
    ],
)
def test_work_is_shared_where_it_can_be(make: Callable[[], Any], method: str) -> None:
    model = model_of(make())
    before = model.scoring_method
    assert isinstance(before, Undefined)
    model.score_many(REQUESTS[:2])
    assert model.scoring_method == method


@pytest.mark.parametrize("batch_tokens", [1, 40, 200, 100_000])
def test_batches_do_not_matter(batch_tokens: int) -> None:
    module = make_llama()
    wanted = model_of(module).score_many(REQUESTS)
    found = model_of(module, batch_tokens=batch_tokens).score_many(REQUESTS)
    for one, other in zip(wanted, found, strict=True):
        assert other.log_likelihoods == pytest.approx(one.log_likelihoods, abs=1e-4)
        assert other.truncated == one.truncated


def test_order_of_the_requests_does_not_matter() -> None:
    model = model_of(make_llama())
    forwards, backwards = model.score_many(REQUESTS), model.score_many(REQUESTS[::-1])
    for one, other in zip(forwards, backwards[::-1], strict=True):
        assert other.log_likelihoods == pytest.approx(one.log_likelihoods, abs=1e-4)


def test_begin_of_text_is_added_by_the_tokenizer_alone() -> None:
    module = make_llama()
    request = ScoreRequest("x", "Question:", (" fox", " dog"))
    spelled = ScoreRequest("x", "<s>Question:", (" fox", " dog"))
    added = model_of(module, begin_of_text=True).score_many([request, spelled])
    plain = model_of(module).score_many([spelled])
    assert added[0].log_likelihoods == pytest.approx(plain[0].log_likelihoods, abs=1e-5)
    assert added[1].log_likelihoods == pytest.approx(plain[0].log_likelihoods, abs=1e-5)


def test_passes_hold_every_request_once() -> None:
    told = [
        len(results)
        for results in model_of(make_llama(), batch_tokens=64).score_in_passes(REQUESTS)
    ]
    assert sum(told) == len(REQUESTS)
    assert len(told) > 1


def test_nothing_asked_is_nothing_answered() -> None:
    assert model_of(make_llama()).score_many([]) == ()


def test_nan_names_the_question() -> None:
    import torch

    module = make_llama()
    with torch.no_grad():
        module.lm_head.weight[7] = math.nan
    with pytest.raises(NotFiniteScoreError, match="'too long'"):
        model_of(module).score_many(REQUESTS)


@pytest.mark.parametrize("text", ["", " the lazy dog 0123456789" * 30])
def test_an_option_that_cannot_be_scored(text: str) -> None:
    with pytest.raises(MeasurementError, match="an option of question 'bad'"):
        model_of(make_llama()).score_many([ScoreRequest("bad", "Q:", (" a", text))])


def test_a_tokenizer_of_another_model() -> None:
    module = make_llama()
    module.resize_token_embeddings(100)
    with pytest.raises(MeasurementError, match="tokenizer does not fit"):
        model_of(module).score_many(REQUESTS[:1])


def test_it_is_a_model() -> None:
    model = model_of(make_llama())
    assert isinstance(model, Model)
    assert model.tokenizer_digest == model_of(make_gpt2()).tokenizer_digest
    assert model.tokenizer_digest != model_of(make_gpt2(), begin_of_text=True).tokenizer_digest
    assert model.count_tokens("the quick brown fox") == len(
        make_tokenizer().encode("the quick brown fox")
    )


def test_a_closed_model_says_so() -> None:
    model = model_of(make_llama())
    model.close()
    model.close()
    with pytest.raises(MeasurementError, match="is closed"):
        model.score_many(REQUESTS)


def test_batches_hold_every_index_once() -> None:
    lengths = [5, 1, 9, 9, 3, 40]
    batches = list(batches_by_length(lengths, 20))
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    assert batches[0] == [5]
    assert all(
        len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= 20
        for batch in batches
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("begin_of_text", [False, True])
def test_equal_to_lm_evaluation_harness(tmp_path: Path, begin_of_text: bool) -> None:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    module, tokenizer = make_llama(), make_tokenizer(begin_of_text=begin_of_text)
    folder = save(module, tmp_path / "m", tokenizer)
    peer = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=4)
    pairs = [(r.context, text) for r in REQUESTS for text in r.continuations]
    asked = [Instance("loglikelihood", {}, pair, index) for index, pair in enumerate(pairs)]
    wanted = [value for value, _ in peer.loglikelihood(asked, disable_tqdm=True)]
    scored = CausalLM(module, tokenizer, make_card()).score_many(REQUESTS)
    found = [value for each in scored for value in each.log_likelihoods]
    assert found == pytest.approx(wanted, abs=1e-4)
