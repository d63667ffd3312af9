"""A classifier's log-likelihoods against transformers' own logits, taken text by text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError, NotFiniteScoreError
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.classifier import Classifier
from distill_fixtures.models.in_process import run_first_token
from distill_fixtures.models.protocol import Model, ScoreRequest
from distill_fixtures.records import Undefined
from tests.fakes import FakeClock, make_card
from tests.models.test_scoring_memory import room_for
from tests.tiny_classifiers import (
    CLASSIFIERS,
    LABELS,
    WINDOW,
    make_bert,
    make_distilbert,
    make_llama_classifier,
    make_text_tokenizer,
)

TEXTS = (
    "fox",
    "the quick brown fox jumps over the lazy dog",
    "Which gate maps |0> to |1>?",
    "What is the energy of the second level? 4.5 hbar omega",
    "the lazy dog",
    "a",
    "the Pauli X gate",
)
LONG = "the quick brown fox jumps over the lazy dog 0123456789 " * 4


@cache
def tokenizer() -> Any:
    return make_text_tokenizer()


def classifier(module: Any, **options: Any) -> Classifier:
    return Classifier(module, tokenizer(), make_card("the classifier"), **options)


def requests(texts: Sequence[str], labels: tuple[str, ...] = LABELS) -> list[ScoreRequest]:
    return [ScoreRequest(f"q{place}", text, labels) for place, text in enumerate(texts)]


def by_hand(module: Any, text: str) -> list[float]:
    """As a user of transformers takes them, one text at a time."""
    import torch

    given = tokenizer()(text, return_tensors="pt", truncation=True, max_length=WINDOW)
    given.pop("token_type_ids", None)
    with torch.no_grad():
        logits = module(**given).logits[0]
    return [float(value) for value in logits.double().log_softmax(-1)]


def found(model: Model, texts: Sequence[str]) -> list[tuple[float, ...]]:
    return [each.log_likelihoods for each in model.score_many(requests(texts))]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_figures_are_the_logits_of_transformers(name: str) -> None:
    module = CLASSIFIERS[name]()
    model = classifier(module)
    assert isinstance(model, Model)
    before = model.scoring_method
    assert before == Undefined("nothing was scored")
    for text, values in zip(TEXTS, found(model, TEXTS), strict=True):
        assert values == pytest.approx(by_hand(module, text), abs=1e-4)
        assert max(values) - min(values) > 0.1, "flat scores would hide a fault"
    assert model.scoring_method == "rows"


def test_segments_are_those_of_the_tokenizer() -> None:
    from tokenizers.processors import TemplateProcessing

    second = make_text_tokenizer()
    second.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    second.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s>:1 $A:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    module = make_bert()
    model = Classifier(module, second, make_card())
    for text, values in zip(TEXTS, found(model, TEXTS), strict=True):
        given = second(text, return_tensors="pt")
        assert set(given["token_type_ids"][0].tolist()) == {1}
        wanted = module(**given).logits[0].log_softmax(-1).tolist()
        assert values == pytest.approx(wanted, abs=1e-4)
        assert values != pytest.approx(by_hand(module, text), abs=1e-2)


def test_a_classifier_with_a_decoder() -> None:
    """BART's head reads where the text ends."""
    import torch
    from transformers import BartConfig, BartForSequenceClassification

    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=300,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=WINDOW,
        init_std=0.4,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        id2label=dict(enumerate(LABELS)),
    )
    module = BartForSequenceClassification(config).eval()
    run_first_token(module)
    model = classifier(module)
    for text, values in zip(TEXTS, found(model, TEXTS), strict=True):
        assert values == pytest.approx(by_hand(module, text), abs=1e-4)
    assert model.scoring_method == "rows"


def test_half_precision_is_no_reason_to_go_alone() -> None:
    import torch

    model = classifier(make_bert().to(torch.bfloat16))
    for one, other in zip(found(model, TEXTS), found(classifier(make_bert()), TEXTS), strict=True):
        assert one == pytest.approx(other, abs=0.5)
    assert model.scoring_method == "rows"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_figures_do_not_depend_on_company(name: str) -> None:
    module = CLASSIFIERS[name]()
    alone = [found(classifier(module), [text])[0] for text in TEXTS]
    for texts in (TEXTS, TEXTS[::-1], TEXTS * 3):
        for budget in (1, 40, 4096):
            values = found(classifier(module, batch_tokens=budget), texts)
            for text, each in zip(texts, values, strict=True):
                assert each == pytest.approx(alone[TEXTS.index(text)], abs=1e-4)


def test_passes_leave_out_what_is_known() -> None:
    model = classifier(make_bert(), batch_tokens=40)
    asked = requests(TEXTS)
    everything = [dict(each) for each in model.score_in_passes(asked)]
    assert len(everything) > 1
    assert sorted(place for each in everything for place in each) == list(range(len(TEXTS)))
    known = frozenset(everything[0])
    rest = [dict(each) for each in model.score_in_passes(asked, known=known)]
    assert [set(each) for each in rest] == [set(each) for each in everything[1:]]
    assert list(model.score_in_passes(asked, known=range(len(TEXTS)))) == []
    assert list(model.score_in_passes([])) == []


def test_without_a_padding_token_each_text_goes_alone() -> None:
    module = make_llama_classifier()
    wanted = [by_hand(module, text) for text in TEXTS]
    # Llama's head then reads the last place of a row, and refuses a batch.
    module.config.pad_token_id = None
    model = classifier(module)
    for values, each in zip(found(model, TEXTS), wanted, strict=True):
        assert values == pytest.approx(each, abs=1e-4)
    assert model.scoring_method == "one by one"
    trace = model.generate_timed(TEXTS[:3], new_tokens=4, clock=SystemClock())
    assert trace.batch_size == 3


def test_an_architecture_that_mixes_its_padding_in_is_found_out() -> None:
    import torch
    from transformers import FNetConfig, FNetForSequenceClassification

    torch.manual_seed(0)
    config = FNetConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        max_position_embeddings=WINDOW,
        initializer_range=0.4,
        pad_token_id=1,
        id2label=dict(enumerate(LABELS)),
    )
    module = FNetForSequenceClassification(config).eval()
    model = classifier(module)
    for text, values in zip(TEXTS, found(model, TEXTS), strict=True):
        assert values == pytest.approx(by_hand(module, text), abs=1e-4)
    assert model.scoring_method == "one by one"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_text_that_is_too_long_is_cut_on_its_right(name: str) -> None:
    module = CLASSIFIERS[name]()
    assert len(tokenizer()(LONG)["input_ids"]) > WINDOW
    scored = classifier(module).score_many(requests([TEXTS[0], LONG, LONG[:-5]]))
    assert [each.truncated for each in scored] == [False, True, True]
    assert scored[1].log_likelihoods == pytest.approx(by_hand(module, LONG), abs=1e-4)
    # The end is what is cut off.
    assert scored[1].log_likelihoods == pytest.approx(scored[2].log_likelihoods, abs=1e-5)


def test_the_tokenizers_own_limit_counts() -> None:
    short = make_text_tokenizer()
    short.model_max_length = 10
    module = make_bert()
    model = Classifier(module, short, make_card())
    (one,) = model.score_many(requests([TEXTS[1]]))
    assert one.truncated
    ids = short(TEXTS[1], truncation=True, max_length=10, return_tensors="pt")["input_ids"]
    wanted = module(input_ids=ids).logits[0].log_softmax(-1).tolist()
    assert one.log_likelihoods == pytest.approx(wanted, abs=1e-4)


def test_labels_are_matched_by_name_and_nameless_ones_by_place() -> None:
    module = make_bert()
    wanted = by_hand(module, TEXTS[0])
    turned = LABELS[::-1]
    (values,) = classifier(module).score_many(requests(TEXTS[:1], turned))
    assert values.log_likelihoods == pytest.approx(wanted[::-1], abs=1e-4)
    nameless = make_bert(("LABEL_0", "LABEL_1", "LABEL_2"))
    (values,) = classifier(nameless).score_many(requests(TEXTS[:1]))
    assert values.log_likelihoods == pytest.approx(wanted, abs=1e-4)


def test_labels_that_it_does_not_have() -> None:
    model = classifier(make_bert())
    with pytest.raises(MeasurementError) as caught:
        model.score_many(requests(TEXTS[:1], ("good", "bad", "ugly")))
    assert "question 'q0'" in caught.value.what
    assert caught.value.wanted == "negative, neutral, positive"


def test_not_a_number_is_refused_by_name() -> None:
    import torch

    module = make_bert()
    with torch.no_grad():
        module.classifier.bias[1] = float("nan")
    model = classifier(module)
    with pytest.raises(NotFiniteScoreError, match="q0"):
        model.score_many(requests(TEXTS[:1]))
    with pytest.raises(NotFiniteScoreError, match="fox"):
        model.generate_timed(TEXTS[:1], new_tokens=1, clock=SystemClock())


@pytest.mark.parametrize("form", ["gpu", "cpu"])
def test_less_memory_gives_the_same_figures_in_smaller_passes(form: str) -> None:
    module = make_distilbert()
    wanted = found(classifier(module), TEXTS * 4)
    model = classifier(module)
    with room_for(module, 60, form) as memory:
        values = found(model, TEXTS * 4)
    assert 0 < memory.failures < 8
    for one, other in zip(values, wanted, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_a_text_that_does_not_fit_into_memory_is_named() -> None:
    module = make_distilbert()
    model = classifier(module)
    with room_for(module, 5, "cpu"), pytest.raises(MeasurementError, match="'q0'"):
        model.score_many(requests([TEXTS[1]]))


def test_a_token_that_the_model_does_not_have() -> None:
    model = classifier(make_bert(vocab_size=20))
    with pytest.raises(MeasurementError, match="tokenizer does not fit"):
        model.score_many(requests(TEXTS[:1]))


def test_it_writes_nothing() -> None:
    model = classifier(make_bert())
    with pytest.raises(MeasurementError) as caught:
        model.generate_text(["the"], max_new_tokens=3)
    assert "writes no text" in caught.value.what
    assert "--distill-scoring classify" in caught.value.next_step
    assert isinstance(model.read_texts(["the"]), Undefined)
    assert model.uses_chat_template is False


class TickingTokenizer:
    """Takes half a second a call of the clock's time."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(tokenizer(), name)

    def __call__(self, *given: Any, **options: Any) -> Any:
        self._clock.advance(0.5)
        return tokenizer()(*given, **options)


@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS])
def test_one_time_stamp_with_tokenising_inside_the_clock(texts: tuple[str, ...]) -> None:
    clock = FakeClock()
    module = make_bert()
    model = Classifier(module, TickingTokenizer(clock), make_card())
    module.register_forward_hook(lambda *_: clock.advance(0.25))
    for new_tokens in (1, 32):
        trace = model.generate_timed(texts, new_tokens=new_tokens, clock=clock)
        assert trace.token_times_s == (0.75,)
        assert not trace.writes_tokens
        assert trace.new_tokens == 0
        assert trace.batch_size == len(texts)
        assert trace.prompt_tokens == sum(len(tokenizer()(text)["input_ids"]) for text in texts)


def test_counting_and_closing() -> None:
    model = classifier(make_bert())
    assert model.count_tokens("the fox") == len(
        tokenizer()("the fox", add_special_tokens=False)["input_ids"]
    )
    assert model.tokenizer_digest == classifier(make_distilbert()).tokenizer_digest
    model.close()
    model.close()
    for use in (
        lambda: model.score_many(requests(TEXTS[:1])),
        lambda: model.generate_timed(TEXTS[:1], new_tokens=1, clock=SystemClock()),
        lambda: model.module,
    ):
        with pytest.raises(MeasurementError, match="closed"):
            use()
