"""A model tells which requests it takes together, and asked for those alone it gives the very
figures that it gives them among all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.classifier import Classifier
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    InProcessModel,
    Scored,
    ScoreRequest,
)
from distill_fixtures.models.seq2seq_lm import Seq2SeqLM
from tests.fakes import make_card
from tests.scoring_requests import REQUESTS
from tests.tiny_architectures import ARCHITECTURES
from tests.tiny_classifiers import LABELS, make_bert, make_text_tokenizer
from tests.tiny_models import make_tokenizer
from tests.tiny_seq2seq import make_seq2seq, make_seq2seq_tokenizer

BUDGET = 300
TEXTS = [ScoreRequest(each.key, each.context or "fox", LABELS) for each in REQUESTS]
PROMPTS = [
    GenerateRequest(f"q{n}", f"Question: what is {'the fox ' * n}?\nAnswer:") for n in range(11)
]
SETTINGS = GenerateSettings(6)

MODELS: dict[str, Callable[[], tuple[InProcessModel, list[ScoreRequest]]]] = {
    name: lambda name=name: (  # type: ignore[misc]
        CausalLM(ARCHITECTURES[name](), make_tokenizer(), make_card(), batch_tokens=BUDGET),
        list(REQUESTS),
    )
    for name in ("llama", "gpt-2", "mamba")
}
MODELS["t5"] = lambda: (
    Seq2SeqLM(make_seq2seq("t5"), make_seq2seq_tokenizer(), make_card(), batch_tokens=BUDGET),
    list(REQUESTS),
)
MODELS["bert"] = lambda: (
    Classifier(make_bert(), make_text_tokenizer(), make_card(), batch_tokens=BUDGET),
    TEXTS,
)


@pytest.mark.parametrize("name", MODELS)
def test_scores_to_the_bit(name: str) -> None:
    model, requests = MODELS[name]()
    wanted: dict[int, Scored] = {}
    passes = []
    for results in model.score_in_passes(requests):
        wanted.update(results)
        passes.append(sorted(results))
    planned = model.plan_scores(requests)
    assert sorted(map(sorted, planned)) == sorted(passes)
    assert len(planned) > 1
    again, _ = MODELS[name]()
    for places in planned:
        found = again.score_many([requests[place] for place in places])
        assert list(found) == [wanted[place] for place in places]


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_texts(name: str) -> None:
    model, _ = MODELS[name]()
    wanted: dict[int, Generated] = {}
    for results in model.generate_in_passes(PROMPTS, SETTINGS):
        wanted.update(results)
    planned = model.plan_texts(PROMPTS, SETTINGS)
    assert sorted(place for places in planned for place in places) == list(range(len(PROMPTS)))
    for places in planned:
        some = [PROMPTS[place] for place in places]
        (found,) = model.generate_in_passes(some, SETTINGS)
        assert [found[at] for at in range(len(some))] == [wanted[place] for place in places]


def test_a_classifier_plans_no_texts() -> None:
    model, _ = MODELS["bert"]()
    with pytest.raises(MeasurementError, match="writes no text"):
        model.plan_texts(PROMPTS, SETTINGS)


@pytest.mark.parametrize("name", MODELS)
def test_a_closed_model_plans_nothing(name: str) -> None:
    model, requests = MODELS[name]()
    model.close()
    with pytest.raises(MeasurementError, match="is closed"):
        model.plan_scores(requests)
