"""Generation, against decoding without a cache, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from distill_fixtures.errors import MeasurementError, NotFiniteScoreError
from distill_fixtures.measure.scores.scoring import ScoringPlan, prompts_of
from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.decoding import Step, decode_greedily
from distill_fixtures.models.prompt_room import FEWEST_ANSWER_TOKENS, fit_prompts
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    ScoreRequest,
)
from distill_fixtures.records import Question
from distill_fixtures.tasks.prompts import PromptStyle
from tests.fakes import FakeClock, TickingClock, make_card
from tests.tiny_models import VOCABULARY, WINDOW, make_gpt2, make_llama, make_tokenizer

PROMPTS = ("Question: What is the energy?", "the", "the quick brown fox jumps over")


def slowly(module: Any, prompt: str, count: int, *, suppress: bool) -> list[int]:
    """Greedy tokens from the whole sequence each time."""
    import torch

    ids: list[int] = make_tokenizer().encode(prompt)
    start = len(ids)
    for _ in range(count):
        with torch.no_grad():
            logits = module(torch.tensor([ids])).logits[0, -1]
        if suppress:
            logits[1] = -torch.inf
        ids.append(int(logits.argmax()))
    return ids[start:]


def never_ends(module: Any) -> Any:
    """End-of-text gets a logit of 0, where the likeliest of three hundred tokens has more."""
    import torch

    with torch.no_grad():
        module.get_output_embeddings().weight[1].zero_()
    return module


def likes_to_end(module: Any) -> Any:
    """End of text becomes the most likely token after a few steps, everywhere."""
    import torch

    with torch.no_grad():
        weight = module.get_output_embeddings().weight
        weight[1] = 3 * weight[2:].abs().max(0).values * weight[5].sign()
    return module


@pytest.mark.parametrize("make", [make_llama, make_gpt2])
def test_a_batch_writes_what_each_prompt_alone_would(make: Any) -> None:
    module, tokenizer = make(), make_tokenizer()
    written = CausalLM(module, tokenizer, make_card()).generate_text(PROMPTS, max_new_tokens=6)
    for prompt, found in zip(PROMPTS, written, strict=True):
        ids = slowly(module, prompt, 6, suppress=False)
        kept = ids[: ids.index(1)] if 1 in ids else ids
        assert found.text == tokenizer.decode(kept, skip_special_tokens=True)
        assert found.truncated == (1 not in ids)


def test_time_stamps_are_the_clocks() -> None:
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    trace = model.generate_timed(PROMPTS, new_tokens=4, clock=TickingClock())
    # The first look is the start; then steps of 2, 3, 4 and 5 s.
    assert trace.token_times_s == (2.0, 5.0, 9.0, 14.0)
    assert trace.ttft_s == 2.0
    assert trace.batch_size == 3
    assert trace.prompt_tokens == sum(model.count_tokens(prompt) for prompt in PROMPTS)


def test_end_of_text_does_not_end_a_timed_sample() -> None:
    module = likes_to_end(make_llama())
    model = CausalLM(module, make_tokenizer(), make_card())
    written = model.generate_text(PROMPTS, max_new_tokens=20)
    assert not all(each.truncated for each in written), "the model never ends; nothing is tested"
    assert model.generate_timed(PROMPTS, new_tokens=20, clock=FakeClock()).new_tokens == 20


def test_a_stop_ends_the_text() -> None:
    module, tokenizer = make_llama(), make_tokenizer()
    model = CausalLM(module, tokenizer, make_card())
    (whole,) = model.generate_text([PROMPTS[0]], max_new_tokens=8)
    stop = whole.text[2:4]
    (cut,) = model.generate_text([PROMPTS[0]], max_new_tokens=8, stops=[stop])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert not cut.truncated


def test_the_chat_template_is_used_where_there_is_one() -> None:
    module, tokenizer = make_llama(), make_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}Answer:{% endif %}"
    )
    (chat,) = CausalLM(module, tokenizer, make_card()).generate_text(["Hi"], max_new_tokens=5)
    plain = CausalLM(module, make_tokenizer(), make_card())
    assert plain.generate_text(["user: Hi\nAnswer:"], max_new_tokens=5) == (chat,)


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no') }}", "{% for %}", "{{ a.b.c }}", "{{ 1 // 0 }}"]
)
def test_a_chat_template_that_fails(template: str) -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(MeasurementError, match="fails on question 'Hi'"):
        CausalLM(make_llama(), tokenizer, make_card()).generate_text(["Hi"], max_new_tokens=5)


def test_tokens_that_the_embedding_has_no_row_for() -> None:
    module = make_llama()
    module.resize_token_embeddings(VOCABULARY // 8)
    model = CausalLM(module, make_tokenizer(), make_card())
    asked: list[Callable[[], object]] = [
        lambda: model.generate_text(["the quick"], max_new_tokens=5),
        lambda: model.generate_timed(["the quick"], new_tokens=5, clock=FakeClock()),
        lambda: model.read_texts(["the quick"]),
    ]
    for ask in asked:
        with pytest.raises(MeasurementError, match="tokenizer does not fit the model"):
            ask()


@pytest.mark.parametrize("style", ["zero-shot", "cot"])
def test_the_built_in_prompts_go_through_the_chat_template(
    style: PromptStyle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word, as one message of the user; a model without a template gets them bare."""
    seen: list[str] = []

    def noted(module: Any, prompts: Any, **options: Any) -> Any:
        seen.extend(make_tokenizer().decode(ids) for ids in prompts)
        return decode_greedily(module, prompts, **options)

    monkeypatch.setattr("distill_fixtures.models.text_writer.decode_greedily", noted)
    module, tokenizer = make_llama(), make_tokenizer()
    module.config.max_position_embeddings = 1024
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</{{ m['role'] }}>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    question = Question("1", "Spin of a photon?", ("0", "1"), answer=1)
    (prompt,) = prompts_of([question], ScoringPlan("generate", style=style))
    assert ("step by step" in prompt) == (style == "cot")
    chat, plain = (CausalLM(module, each, make_card()) for each in (tokenizer, make_tokenizer()))
    assert (chat.uses_chat_template, plain.uses_chat_template) == (True, False)
    for model in (chat, plain):
        model.generate_text([prompt], max_new_tokens=1)
    assert seen == [f"<user>{prompt}</user><assistant>", prompt]


def test_scores_and_times_are_of_the_bare_prompt() -> None:
    module, tokenizer = make_llama(), make_tokenizer()
    plain = CausalLM(module, make_tokenizer(), make_card())
    tokenizer.chat_template = "{{ messages[0]['content'] }} and much more"
    chat = CausalLM(module, tokenizer, make_card())
    request = ScoreRequest("1", "the quick", (" brown", " fox"))
    assert chat.score_many([request]) == plain.score_many([request])
    traces = [
        model.generate_timed(PROMPTS, new_tokens=2, clock=FakeClock()) for model in (chat, plain)
    ]
    assert traces[0] == traces[1]


def test_long_prompts_are_cut_on_the_left() -> None:
    kept = fit_prompts([list(range(10)), [1]], window=8, new_tokens=3, advice="less")
    assert kept == [[5, 6, 7, 8, 9], [1]]
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    trace = model.generate_timed(["dog 0123456789" * 50], new_tokens=8, clock=FakeClock())
    assert trace.prompt_tokens == WINDOW - 8


@pytest.mark.parametrize(("prompts", "new_tokens"), [([[1]], 8), ([[1], []], 2)])
def test_no_room_and_no_prompt(prompts: list[list[int]], new_tokens: int) -> None:
    with pytest.raises(MeasurementError) as caught:
        fit_prompts(prompts, window=8, new_tokens=new_tokens, advice="less")
    assert caught.value.next_step == ("correct the question" if [] in prompts else "less")


def test_an_answer_gets_the_room_that_the_window_leaves() -> None:
    module, tokenizer = never_ends(make_llama()), make_tokenizer()
    model = CausalLM(module, tokenizer, make_card())
    prompt = " dog" * 30
    used = model.count_tokens(prompt)
    assert used < WINDOW - FEWEST_ANSWER_TOKENS
    (written,) = model.generate_text([prompt], max_new_tokens=512)
    ids = slowly(module, prompt, WINDOW - used, suppress=False)
    assert written == Generated(tokenizer.decode(ids, skip_special_tokens=True), truncated=True)


def test_a_model_that_cannot_end_writes_no_answers_but_is_timed() -> None:
    module, tokenizer = make_llama(), make_tokenizer()
    module.config.eos_token_id = module.generation_config.eos_token_id = None
    tokenizer.eos_token = None
    model = CausalLM(module, tokenizer, make_card())
    with pytest.raises(MeasurementError, match="no token that ends a text"):
        model.generate_text(["dog"], max_new_tokens=8)
    assert model.generate_timed(["dog"], new_tokens=3, clock=FakeClock()).new_tokens == 3


def test_a_prompt_that_leaves_no_room_is_cut_and_its_answer_marked() -> None:
    """Twice as long as the window; the answer itself ends long before any limit."""
    module, tokenizer = likes_to_end(make_llama()), make_tokenizer()
    model = CausalLM(module, tokenizer, make_card())
    long = "the quick brown fox jumps over the lazy dog " * 20
    ids = tokenizer.encode(long)
    assert len(ids) > 2 * WINDOW
    kept = tokenizer.decode(ids[-(WINDOW - FEWEST_ANSWER_TOKENS) :])
    whole, cut = model.generate_text([kept, long], max_new_tokens=512)
    assert cut.text == whole.text
    assert (whole.truncated, cut.truncated) == (False, True)


def test_the_order_of_prompts_is_kept_whatever_their_lengths() -> None:
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    prompts = [" dog" * (1 + (7 * number) % 20) for number in range(20)]
    alone = [model.generate_text([prompt], max_new_tokens=3)[0] for prompt in prompts]
    assert list(model.generate_text(prompts, max_new_tokens=3)) == alone


def test_a_window_without_room_for_an_answer_is_no_matter_of_an_option_of_timing() -> None:
    module = make_llama()
    module.config.max_position_embeddings = FEWEST_ANSWER_TOKENS
    model = CausalLM(module, make_tokenizer(), make_card())
    with pytest.raises(MeasurementError) as scoring:
        model.generate_text(["the quick brown fox"], max_new_tokens=512)
    assert "--distill-new-tokens" not in str(scoring.value)
    assert "longer window" in scoring.value.next_step
    with pytest.raises(MeasurementError) as timing:
        model.generate_timed(["the"], new_tokens=FEWEST_ANSWER_TOKENS, clock=FakeClock())
    assert "--distill-new-tokens" in timing.value.next_step


def test_nan_is_no_token() -> None:
    """NaN in one token's embedding: only the prompt that holds it is named."""
    import torch

    module, tokenizer = make_llama(), make_tokenizer()
    one, other, third = (set(tokenizer.encode(prompt)) for prompt in PROMPTS)
    own = max(third - one - other)
    with torch.no_grad():
        module.get_input_embeddings().weight[own] = torch.nan
    model = CausalLM(module, tokenizer, make_card())
    requests = [
        GenerateRequest(key, prompt)
        for key, prompt in zip(("first", "second", "third"), PROMPTS, strict=True)
    ]
    with pytest.raises(NotFiniteScoreError, match="'third'"):
        list(model.generate_in_passes(requests, GenerateSettings(max_new_tokens=1)))
    with pytest.raises(NotFiniteScoreError, match="the quick brown fox"):
        model.generate_timed(PROMPTS, new_tokens=1, clock=FakeClock())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("token", [1, 7])
def test_a_broken_head_is_seen_under_the_clock(token: int, value: float) -> None:
    """Also where it is the end-of-text token's row, which is never picked."""
    import torch

    module = make_llama()
    with torch.no_grad():
        module.get_output_embeddings().weight[token] = value
    model = CausalLM(module, make_tokenizer(), make_card())
    with pytest.raises(NotFiniteScoreError):
        model.generate_timed(PROMPTS, new_tokens=2, clock=FakeClock())


def test_the_clock_is_not_read_for_the_check() -> None:
    clock = TickingClock()
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    model.generate_timed(PROMPTS, new_tokens=4, clock=clock)
    assert clock.looks == 5


def test_a_token_ruled_out_by_minus_infinity_is_no_fault() -> None:
    import torch

    row = torch.tensor([[-torch.inf, 2.0], [torch.nan, 2.0]])
    highest, tokens = row.max(-1)
    assert Step(tokens, highest, None).rows_without_numbers() == [1]
    fine = torch.zeros(2)
    held = torch.tensor([[-torch.inf], [torch.inf]])
    assert Step(tokens, fine, held).rows_without_numbers() == [1]


def test_batches_hold_every_prompt_once_and_leave_out_known_ones() -> None:
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    requests = [GenerateRequest(str(index), "a") for index in range(10)]
    settings = GenerateSettings(max_new_tokens=1)
    whole = [sorted(results) for results in model.generate_in_passes(requests, settings)]
    assert sorted(place for places in whole for place in places) == list(range(10))
    assert len(whole) > 1
    rest = [sorted(found) for found in model.generate_in_passes(requests, settings, known={0, 9})]
    assert sorted(place for places in rest for place in places) == list(range(1, 9))


@pytest.mark.parametrize("most", [1, 3])
def test_batches_get_smaller_where_memory_runs_out(most: int) -> None:
    import torch

    module, tokenizer = make_llama(), make_tokenizer()
    prompts = ["the quick", "the lazy", "the brown", "the fox", "jumps"]
    wanted = CausalLM(module, tokenizer, make_card()).generate_text(prompts, max_new_tokens=3)

    def look(_: Any, args: tuple[Any, ...]) -> None:
        # The check of two rows together is let through.
        if len(args[0]) > max(most, 2):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    handle = module.get_input_embeddings().register_forward_pre_hook(look)
    found = CausalLM(module, tokenizer, make_card()).generate_text(prompts, max_new_tokens=3)
    handle.remove()
    assert found == wanted


@pytest.mark.parametrize("count", [1, 2])
def test_a_prompt_that_does_not_fit_into_memory(count: int) -> None:
    import torch

    module = make_llama()

    def fail(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    module.get_input_embeddings().register_forward_pre_hook(fail)
    model = CausalLM(module, make_tokenizer(), make_card())
    with pytest.raises(MeasurementError, match="does not fit into memory"):
        # With two of unequal length the look at both together runs out of memory first.
        model.generate_text(["the quick brown fox", "the dog"][:count], max_new_tokens=3)
