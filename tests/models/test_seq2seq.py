"""Scores of encoder-decoders, against plain single rows and lm-evaluation-harness."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError, ModelReferenceError, NotFiniteScoreError
from distill_fixtures.models.protocol import Model, Scored, ScoreRequest
from distill_fixtures.models.seq2seq_lm import Seq2SeqLM
from distill_fixtures.records import Undefined
from tests.fakes import make_card
from tests.one_by_one import assert_equal_scores
from tests.scoring_requests import REQUESTS as USUAL_REQUESTS
from tests.tiny_models import WINDOW, make_tokenizer, without_warnings
from tests.tiny_seq2seq import SEQ2SEQ, make_bart, make_seq2seq_tokenizer, make_t5

PACKED = "encoder once, options packed"
ROWS = "encoder once, option rows"
ONE_QUESTION = "encoder once, option rows, a question at a time"

REQUESTS = (
    *USUAL_REQUESTS,
    ScoreRequest("begins with <s>", "<s>Question:", (" fox", " dog")),
    ScoreRequest("nothing but space", "  ", ("fox", " dog")),
    ScoreRequest("brings its context along", "", ("<s>fox", " dog")),
)
INVARIANT = ("t5 1.1", "bart")
# Per scored token, where weights have half precision.
HALF_TOLERANCE_NATS = 0.05


def lora() -> Any:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    settings = LoraConfig(
        r=4, target_modules=["q", "v"], task_type="SEQ_2_SEQ_LM", init_lora_weights=False
    )
    with without_warnings():
        return get_peft_model(make_t5(), settings).eval()


KINDS: dict[str, Callable[[], Any]] = {**SEQ2SEQ, "lora": lora}


def model_of(module: Any, **settings: Any) -> Seq2SeqLM:
    return Seq2SeqLM(module, make_seq2seq_tokenizer(), make_card(), **settings)


def context_ids(request: ScoreRequest) -> list[int]:
    """What an encoder reads, uncut: with the end of text that the tokenizer adds."""
    tokenizer, context = make_seq2seq_tokenizer(), request.context.rstrip()
    if request.context == "":
        return [0]
    ids: list[int] = tokenizer.encode(context, add_special_tokens=not context.startswith("<s>"))
    return ids


def plainly(module: Any, request: ScoreRequest) -> tuple[float, ...]:
    """Each option alone, the whole softmax in float64."""
    import torch

    moved = request.context[len(request.context.rstrip()) :]
    start = module.config.decoder_start_token_id
    found = []
    for text in request.continuations:
        option = make_tokenizer().encode(moved + text)
        if request.context == "" and option[0] == 0:
            option = option[1:]
        with torch.no_grad():
            logits = module(
                input_ids=torch.tensor([context_ids(request)[-WINDOW:]]),
                decoder_input_ids=torch.tensor([[start, *option[:-1]]]),
            ).logits[0]
        log_p = torch.log_softmax(logits.double(), -1)
        found.append(sum(float(log_p[place, token]) for place, token in enumerate(option)))
    return tuple(found)


@cache
def wanted_of(name: str) -> tuple[tuple[float, ...], ...]:
    return tuple(plainly(KINDS[name](), request) for request in REQUESTS)


@pytest.mark.parametrize("name", KINDS)
def test_scores_are_those_of_single_rows(name: str) -> None:
    model: Model = model_of(KINDS[name]())
    before = model.scoring_method
    assert isinstance(before, Undefined)
    scored = model.score_many(REQUESTS)
    assert_equal_scores(scored, wanted_of(name), REQUESTS)
    cut = [len(context_ids(request)) > WINDOW for request in REQUESTS]
    assert [each.truncated for each in scored] == cut
    assert sum(cut) == 1
    learned_or_computed = ("bart", "pegasus", "marian")
    assert model.scoring_method == (ROWS if name in learned_or_computed else PACKED)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the harness's libraries have warnings of their own
@pytest.mark.parametrize("name", ["t5", "t5 1.1", "bart", "pegasus"])
def test_equal_to_lm_evaluation_harness(name: str) -> None:
    from lm_eval.api.instance import Instance

    from studies.lm_eval_task import make_harness_model

    module = SEQ2SEQ[name]()
    peer = make_harness_model(module, make_seq2seq_tokenizer(), batch_size=4)
    assert peer.backend == "seq2seq"
    pairs = [(r.context, text) for r in REQUESTS for text in r.continuations]
    asked = [Instance("loglikelihood", {}, pair, index) for index, pair in enumerate(pairs)]
    wanted = [value for value, _ in peer.loglikelihood(asked)]
    scored = model_of(module).score_many(REQUESTS)
    found = [value for each in scored for value in each.log_likelihoods]
    assert found == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("name", INVARIANT)
def test_order_does_not_matter(name: str) -> None:
    found = model_of(SEQ2SEQ[name]()).score_many(REQUESTS[::-1])
    assert_equal_scores(found[::-1], wanted_of(name), REQUESTS)


@pytest.mark.parametrize("batch_tokens", [1, 64, 300, 100_000])
@pytest.mark.parametrize("name", INVARIANT)
def test_the_token_budget_does_not_matter(name: str, batch_tokens: int) -> None:
    found = model_of(SEQ2SEQ[name](), batch_tokens=batch_tokens).score_many(REQUESTS)
    assert_equal_scores(found, wanted_of(name), REQUESTS)


@pytest.mark.parametrize("name", INVARIANT)
def test_company_does_not_matter(name: str) -> None:
    model = model_of(SEQ2SEQ[name]())
    alone = [model.score_many([request])[0] for request in REQUESTS]
    assert_equal_scores(alone, wanted_of(name), REQUESTS)


@pytest.mark.parametrize("name", INVARIANT)
def test_what_is_known_is_left_out(name: str) -> None:
    known = {0, 3, 5, len(REQUESTS) - 1}
    found: dict[int, Scored] = {}
    for results in model_of(SEQ2SEQ[name](), batch_tokens=300).score_in_passes(
        REQUESTS, known=known
    ):
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

    module = SEQ2SEQ[name]().to(torch.bfloat16)
    found = model_of(module).score_many(REQUESTS)
    for request, scored in zip(REQUESTS, found, strict=True):
        wanted = plainly(module, request)
        moved = request.context[len(request.context.rstrip()) :]
        counts = [len(make_tokenizer().encode(moved + text)) for text in request.continuations]
        for one, other, count in zip(scored.log_likelihoods, wanted, counts, strict=True):
            assert abs(one - other) <= HALF_TOLERANCE_NATS * count, request.key


def test_the_encoder_reads_a_context_once() -> None:
    module, read = make_t5(), []
    module.encoder.register_forward_hook(lambda _, __, output: read.append(len(output[0])))
    model = model_of(module, batch_tokens=10_000)
    model.score_many(REQUESTS)
    read.clear()
    model.score_many(REQUESTS)
    assert read == [len(REQUESTS)]


# Ways that are not right for a module.


def blind_to_padding(module: Any) -> Any:
    """An encoder whose every token sees padding as if it were text."""
    forward = module.encoder.forward
    module.encoder.forward = lambda input_ids, **_: forward(input_ids=input_ids)
    return module


def without_masks(module: Any) -> Any:
    """A decoder that makes its mask itself."""
    forward = module.decoder.forward

    def refuse(attention_mask: Any = None, **given: Any) -> Any:
        if attention_mask is not None:
            raise ValueError("no mask of yours")
        return forward(**given)

    module.decoder.forward = refuse
    return module


@pytest.mark.parametrize(
    ("spoil", "method"), [(blind_to_padding, ONE_QUESTION), (without_masks, ROWS)]
)
def test_a_way_that_differs_is_not_taken(spoil: Callable[[Any], Any], method: str) -> None:
    model = model_of(spoil(make_t5()))
    assert_equal_scores(model.score_many(REQUESTS), wanted_of("t5 1.1"), REQUESTS)
    assert model.scoring_method == method


def test_packing_is_looked_at_once_there_are_several_options() -> None:
    """With one option it is right even where positions are counted from the row's begin."""
    module = make_bart()
    module.config.relative_attention_num_buckets = 8
    model = model_of(module)
    single = [ScoreRequest("single", "Question:", (" fox",))]
    assert model.score_many(single)[0].log_likelihoods == pytest.approx(
        plainly(module, single[0]), abs=1e-4
    )
    assert model.scoring_method == PACKED
    assert_equal_scores(model.score_many(REQUESTS), wanted_of("bart"), REQUESTS)
    assert model.scoring_method == ROWS


# Memory.


def room_for(module: Any, tokens: int) -> list[int]:
    """From now on more tokens in one half run out of memory. Says of how many it was."""
    import torch

    failures: list[int] = []

    def look(_: Any, args: tuple[Any, ...]) -> None:
        if args[0].numel() > tokens:
            failures.append(args[0].numel())
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    for half in (module.get_encoder(), module.get_decoder()):
        half.get_input_embeddings().register_forward_pre_hook(look)
    return failures


@pytest.mark.parametrize(
    "tokens", [pytest.param(300, id="fewer questions"), pytest.param(130, id="fewer options")]
)
@pytest.mark.parametrize("name", INVARIANT)
def test_smaller_passes_give_the_same_scores(name: str, tokens: int) -> None:
    module = SEQ2SEQ[name]()
    model = model_of(module, batch_tokens=4096)
    many = ScoreRequest("many", "Question:", tuple(f" the {n} gate of {n}" for n in range(40)))
    wanted = plainly(module, many)
    failures = room_for(module, tokens)
    found = model.score_many((*REQUESTS, many))
    assert_equal_scores(found, (*wanted_of(name), wanted), (*REQUESTS, many))
    assert failures
    failures.clear()
    model.score_many(REQUESTS[:3])
    assert not failures, "the smaller size was not kept"


def test_what_does_not_fit_at_all_is_said() -> None:
    module = make_t5()
    room_for(module, 3)
    with pytest.raises(MeasurementError, match="memory") as caught:
        model_of(module).score_many(REQUESTS)
    assert "too long" in caught.value.what


# What is refused.


def test_nan_is_no_score() -> None:
    import torch

    module = make_t5()
    with torch.no_grad():
        module.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(NotFiniteScoreError, match="'one option'"):
        model_of(module).score_many(REQUESTS[1:2])


@pytest.mark.parametrize("option", ["", " dog" * 200])
def test_an_option_that_cannot_be_scored(option: str) -> None:
    request = ScoreRequest("q7", "Question:", (" fox", option))
    with pytest.raises(MeasurementError, match="'q7'") as caught:
        model_of(make_t5()).score_many([request])
    assert str(WINDOW) in caught.value.wanted


def test_a_tokenizer_of_another_model() -> None:
    module = make_t5(vocab_size=200)
    with pytest.raises(MeasurementError, match="does not fit the model"):
        model_of(module).score_many(REQUESTS)


@pytest.mark.parametrize("kind", ["PromptTuning", "PrefixTuning"])
def test_a_learned_prompt_is_refused(kind: str) -> None:
    import peft

    settings = getattr(peft, f"{kind}Config")(task_type="SEQ_2_SEQ_LM", num_virtual_tokens=3)
    with without_warnings():
        module = peft.get_peft_model(make_t5(), settings)
    with pytest.raises(ModelReferenceError, match="LoRA") as caught:
        model_of(module)
    assert "learned prompt" in caught.value.got


def test_a_decoder_with_nothing_to_start_from() -> None:
    module = make_t5(decoder_start_token_id=None)
    with pytest.raises(MeasurementError, match="decoder_start_token_id"):
        model_of(module)


def test_no_text_is_continued() -> None:
    readings = model_of(make_t5()).read_texts(["the quick brown fox"])
    assert isinstance(readings, Undefined)
    assert "encoder-decoder" in readings.reason


def test_a_closed_model() -> None:
    model = model_of(make_t5())
    model.close()
    model.close()
    assert isinstance(model.scoring_method, Undefined)
    with pytest.raises(MeasurementError, match="closed"):
        model.score_many(REQUESTS)
