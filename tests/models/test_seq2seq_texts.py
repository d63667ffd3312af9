"""What encoder-decoders write and how they are timed, against transformers' own ``generate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError, NotFiniteScoreError
from distill_fixtures.models.decoding import decode_greedily
from distill_fixtures.models.prompt_room import TwoWindows
from distill_fixtures.models.protocol import Generated, GenerateRequest, GenerateSettings
from distill_fixtures.models.seq2seq_lm import Seq2SeqLM
from distill_fixtures.models.text_batches import plan_batches
from tests.fakes import FakeClock, TickingClock, make_card
from tests.tiny_models import WINDOW, make_tokenizer
from tests.tiny_seq2seq import SEQ2SEQ, make_seq2seq_tokenizer, with_own_head

PROMPTS = (
    "Question: What is the energy?",
    "the",
    "the quick brown fox jumps over",
    "the lazy dog",
    "Which gate maps |0> to |1>?",
    "0123456789",
)
NEW_TOKENS = 12
END = 1


def make(name: str) -> Any:
    module = SEQ2SEQ[name]()
    return module if name in ("pegasus", "marian") else with_own_head(module)


def make_t5() -> Any:
    return make("t5 1.1")


def make_bart() -> Any:
    return make("bart")


def model_of(module: Any) -> Seq2SeqLM:
    return Seq2SeqLM(module, make_seq2seq_tokenizer(), make_card())


def by_generate(module: Any, prompt: str, count: int) -> Generated:
    """transformers' own greedy text of one prompt."""
    import torch

    ids = torch.tensor([make_seq2seq_tokenizer().encode(prompt)[-WINDOW:]])
    (found,) = module.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=count,
        do_sample=False,
        num_beams=1,
    ).tolist()
    written = found[1:]
    ended = END in written[: count - 1] or (END in written and not forces_end(module))
    text = make_tokenizer().decode(
        written[: written.index(END)] if END in written else written, skip_special_tokens=True
    )
    return Generated(text, truncated=not ended)


def forces_end(module: Any) -> bool:
    return module.generation_config.forced_eos_token_id is not None


def likes_to_end(module: Any) -> Any:
    """The end of a text is rather likely everywhere."""
    import torch

    with torch.no_grad():
        module.final_logits_bias[0, END] = 14.0
    return module


def begins_as_told() -> Any:
    """A first token is forced, and what else would be written often is ruled out."""
    module = make_bart()
    module.generation_config.forced_bos_token_id = 40
    often = {row[0] for row in greedy(module, [ids_of(prompt) for prompt in PROMPTS])}
    module.generation_config.bad_words_ids = [[token] for token in sorted(often)]
    return module


def suppressing() -> Any:
    module = make_t5()
    often = {row[0] for row in greedy(module, [ids_of(prompt) for prompt in PROMPTS])}
    module.generation_config.suppress_tokens = sorted(often)
    return module


def ids_of(prompt: str) -> list[int]:
    ids: list[int] = make_seq2seq_tokenizer().encode(prompt)
    return ids


KINDS: dict[str, Callable[[], Any]] = {
    # transformers 5.23 makes a cache as deep as the encoder, whatever the decoder.
    **{name: partial(make, name) for name in SEQ2SEQ if name != "t5 uneven"},
    "bart that ends": lambda: likes_to_end(make_bart()),
    "bart that begins as told": begins_as_told,
    "t5 that suppresses": suppressing,
}


@pytest.mark.parametrize("name", KINDS)
def test_texts_are_those_of_generate(name: str) -> None:
    module = KINDS[name]()
    wanted = [by_generate(module, prompt, NEW_TOKENS) for prompt in PROMPTS]
    found = model_of(module).generate_text(PROMPTS, max_new_tokens=NEW_TOKENS)
    assert list(found) == wanted
    assert len({each.text for each in found}) > 3, "texts are too alike"


def test_some_of_them_end_by_themselves() -> None:
    """Else the tests above would not see where a text ends."""
    texts = model_of(likes_to_end(make_bart())).generate_text(PROMPTS, max_new_tokens=NEW_TOKENS)
    assert {each.truncated for each in texts} == {True, False}


def test_what_settings_force_is_followed() -> None:
    module = begins_as_told()
    plain = model_of(make_bart()).generate_text(PROMPTS, max_new_tokens=4)
    found = model_of(module).generate_text(PROMPTS, max_new_tokens=4)
    first = make_tokenizer().decode([40])
    assert all(each.text.startswith(first) for each in found)
    assert not any(each.text.startswith(first) for each in plain)


@pytest.mark.parametrize("name", ["t5 1.1", "bart"])
def test_a_batch_writes_what_each_prompt_alone_would(name: str) -> None:
    module = make(name)
    model = model_of(module)
    alone = [model.generate_text([prompt], max_new_tokens=NEW_TOKENS)[0] for prompt in PROMPTS]
    assert list(model.generate_text(PROMPTS, max_new_tokens=NEW_TOKENS)) == alone
    requests = [GenerateRequest(prompt, prompt) for prompt in PROMPTS]
    (rest,) = model.generate_in_passes(requests, GenerateSettings(NEW_TOKENS), known={1, 3})
    assert rest == {place: alone[place] for place in (0, 2, 4, 5)}
    ids = [ids_of(prompt) for prompt in PROMPTS]
    assert len(plan_batches(module, ids, 8, longest_padded=WINDOW)) == 1


def test_an_encoder_that_sees_padding_gets_none() -> None:
    module = make_t5()
    wanted = model_of(module).generate_text(PROMPTS, max_new_tokens=NEW_TOKENS)
    forward = module.encoder.forward
    module.encoder.forward = lambda input_ids, **_: forward(input_ids=input_ids)
    ids = [ids_of(prompt) for prompt in PROMPTS]
    batches = plan_batches(module, ids, 8, longest_padded=WINDOW)
    assert all(len({len(ids[place]) for place in places}) == 1 for places in batches)
    assert model_of(module).generate_text(PROMPTS, max_new_tokens=NEW_TOKENS) == wanted


def test_a_stop_ends_the_text() -> None:
    model = model_of(make_t5())
    (whole,) = model.generate_text([PROMPTS[0]], max_new_tokens=8)
    stop = whole.text[2:4]
    (cut,) = model.generate_text([PROMPTS[0]], max_new_tokens=8, stops=[stop])
    assert cut == Generated(whole.text[: whole.text.index(stop)])


def test_a_long_prompt_is_cut_and_takes_no_room_from_its_answer() -> None:
    module = make_t5()
    prompt = "the lazy dog 0123456789 " * 30
    assert len(ids_of(prompt)) > WINDOW
    (found,) = model_of(module).generate_text([prompt], max_new_tokens=WINDOW)
    assert found.truncated
    assert found.text == by_generate(module, prompt, WINDOW).text
    (longer,) = model_of(module).generate_text([prompt], max_new_tokens=10 * WINDOW)
    assert longer == found


# Under the clock.


def greedy(module: Any, prompts: Sequence[Sequence[int]], **options: Any) -> list[list[int]]:
    import torch

    steps = list(islice(decode_greedily(module, prompts, **options), NEW_TOKENS))
    columns: list[list[int]] = torch.stack([step.tokens for step in steps], dim=1).tolist()
    return columns


def without_cache(module: Any, prompt: Sequence[int]) -> list[int]:
    """Greedy tokens from the whole text each time, the end suppressed."""
    import torch

    text = [module.config.decoder_start_token_id]
    for _ in range(NEW_TOKENS):
        with torch.no_grad():
            logits = module(
                input_ids=torch.tensor([list(prompt)]),
                decoder_input_ids=torch.tensor([text]),
                use_cache=False,
            ).logits[0, -1]
        logits[END] = -torch.inf
        text.append(int(logits.argmax()))
    return text[1:]


@pytest.mark.parametrize("name", SEQ2SEQ)
def test_tokens_under_the_clock_are_the_likeliest_but_the_end(name: str) -> None:
    module = make(name)
    prompts = [ids_of(prompt) for prompt in PROMPTS]
    found = greedy(module, prompts, suppressed=[END])
    assert found == [without_cache(module, prompt) for prompt in prompts]
    assert len({token for row in found for token in row}) > 4, "picks are too alike"


def test_time_stamps_are_the_clocks() -> None:
    model, clock = model_of(make_t5()), TickingClock()
    trace = model.generate_timed(PROMPTS, new_tokens=4, clock=clock)
    # The first look is the start; then steps of 2, 3, 4 and 5 s.
    assert trace.token_times_s == (2.0, 5.0, 9.0, 14.0)
    assert clock.looks == 5
    assert trace.batch_size == len(PROMPTS)
    # Each with the end of text that its tokenizer adds.
    assert trace.prompt_tokens == sum(model.count_tokens(prompt) + 1 for prompt in PROMPTS)


def test_the_encoder_runs_under_the_clock_and_once() -> None:
    module, clock = make_t5(), TickingClock()
    looks: list[int] = []
    module.encoder.register_forward_hook(lambda *_: looks.append(clock.looks))
    model_of(module).generate_timed(PROMPTS, new_tokens=4, clock=clock)
    assert looks == [1]


def test_a_token_is_run_through_the_decoder_once() -> None:
    module, widths = make_bart(), []
    module.get_decoder().get_input_embeddings().register_forward_pre_hook(
        lambda _, args: widths.append(args[0].shape[1])
    )
    model_of(module).generate_timed(PROMPTS, new_tokens=4, clock=FakeClock())
    assert widths == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["bart that ends", "bart that begins as told"])
def test_exactly_so_many_tokens_are_timed(kind: str) -> None:
    model = model_of(KINDS[kind]())
    assert model.generate_timed(PROMPTS, new_tokens=20, clock=FakeClock()).new_tokens == 20


@pytest.mark.parametrize("name", ["t5 1.1", "bart"])
def test_new_tokens_share_no_window_with_the_prompt(name: str) -> None:
    model = model_of(make(name))
    prompt = "the lazy dog 0123456789 " * 30
    trace = model.generate_timed([prompt], new_tokens=WINDOW, clock=FakeClock())
    assert (trace.prompt_tokens, trace.new_tokens) == (WINDOW, WINDOW)
    with pytest.raises(MeasurementError, match=str(WINDOW)) as caught:
        model.generate_timed([prompt], new_tokens=WINDOW + 1, clock=FakeClock())
    assert "--distill-new-tokens" in caught.value.next_step


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(MeasurementError, match="without a token"):
        TwoWindows(8, 8).fitted([[1], []], 2, advice="less")


def test_nan_is_no_text_and_no_time() -> None:
    import torch

    module = make_t5()
    with torch.no_grad():
        module.lm_head.weight[7] = torch.nan
    model = model_of(module)
    with pytest.raises(NotFiniteScoreError, match="the lazy dog"):
        model.generate_text(["the lazy dog"], max_new_tokens=2)
    with pytest.raises(NotFiniteScoreError):
        model.generate_timed(["the lazy dog"], new_tokens=2, clock=FakeClock())
