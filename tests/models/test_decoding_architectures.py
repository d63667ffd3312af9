"""Generation by architectures of every kind: a batch writes what each prompt alone would."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest

from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.decoding import decode_greedily
from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings
from distill_fixtures.models.text_batches import batches_by_length, continues_alike, plan_batches
from tests.fakes import FakeClock, make_card
from tests.tiny_architectures import ARCHITECTURES
from tests.tiny_models import VOCABULARY, make_gpt2, make_llama, make_tokenizer, without_warnings

NEW_TOKENS = 8
LENGTHS = (3, 14, 9, 14)

# transformers gives these no mask for their state, or mixes up the rows of a batch.
SEE_PADDING = {"recurrent gemma"}
SEE_NEIGHBOURS = {"rwkv"}
OFTEN_USED = (
    *("gpt-2", "opt", "bloom", "falcon", "falcon alibi", "mamba", "mamba 2", "mistral", "rwkv"),
    *("gemma 2", "gemma 3", "phi-3 longrope", "llama dynamic rope", "recurrent gemma"),
)


@pytest.fixture(autouse=True)
def _no_word_of_missing_kernels() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def make_prompts() -> list[list[int]]:
    import torch

    generator = torch.Generator().manual_seed(3)
    return [torch.randint(2, VOCABULARY, (n,), generator=generator).tolist() for n in LENGTHS]


def make_wide(name: str) -> Any:
    """Weights still wider, so that the tokens picked are many and stand well apart."""
    import torch

    module = ARCHITECTURES[name]()
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.3)
        # Tied to it, a head would mostly repeat the last token.
        head = torch.empty_like(module.get_output_embeddings().weight).normal_(std=0.3)
        module.get_output_embeddings().weight = torch.nn.Parameter(head)
    return module


def without_cache(module: Any, prompt: Sequence[int]) -> list[int]:
    """Greedy tokens from the whole sequence each time."""
    import torch

    ids = list(prompt)
    for _ in range(NEW_TOKENS):
        with torch.no_grad():
            logits = module(torch.tensor([ids]), use_cache=False).logits[0, -1]
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


def greedy(module: Any, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    import torch

    steps = list(islice(decode_greedily(module, prompts), NEW_TOKENS))
    columns: list[list[int]] = torch.stack([step.tokens for step in steps], dim=1).tolist()
    return columns


def in_batches(module: Any, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for places in plan_batches(module, prompts, 8, longest_padded=100):
        found.update(zip(places, greedy(module, [prompts[i] for i in places]), strict=True))
    return [found[place] for place in range(len(prompts))]


@pytest.mark.parametrize(
    "name",
    [
        name if name in OFTEN_USED else pytest.param(name, marks=pytest.mark.slow)
        for name in ARCHITECTURES
    ],
)
def test_a_batch_is_what_each_prompt_alone_is(name: str) -> None:
    module, prompts = make_wide(name), make_prompts()
    wanted = [without_cache(module, prompt) for prompt in prompts]
    assert len({token for row in wanted for token in row}) > 5, "picks are too alike"
    assert [greedy(module, [prompt])[0] for prompt in prompts] == wanted
    assert in_batches(module, prompts) == wanted
    mixed = [[0, 2, 1, 3]]
    expected = mixed
    if name in SEE_PADDING:
        expected = [[0], [2], [1, 3]]
    elif name in SEE_NEIGHBOURS:
        expected = [[0], [2], [1], [3]]
    assert plan_batches(module, prompts, 8, longest_padded=100) == expected
    if expected != mixed:
        assert greedy(module, prompts) != wanted, "a plain batch would do; nothing is tested"


@pytest.mark.parametrize("name", OFTEN_USED)
def test_every_architecture_writes_and_is_timed(name: str) -> None:
    model = CausalLM(make_wide(name), make_tokenizer(), make_card())
    prompts = ["the", "Question: What is the energy?", "the lazy dog", "the quick fox jumps over"]
    settings = GenerateSettings(NEW_TOKENS)
    requests = [GenerateRequest(prompt, prompt) for prompt in prompts]
    alone = [model.generate_text([prompt], max_new_tokens=NEW_TOKENS)[0] for prompt in prompts]
    assert list(model.generate_text(prompts, max_new_tokens=NEW_TOKENS)) == alone
    rest = list(model.generate_in_passes(requests, settings, known={1, 3}))
    assert {place: text for found in rest for place, text in found.items()} == {
        0: alone[0],
        2: alone[2],
    }
    trace = model.generate_timed(prompts, new_tokens=3, clock=FakeClock())
    assert (trace.batch_size, trace.new_tokens) == (4, 3)
    assert trace.prompt_tokens == sum(model.count_tokens(prompt) for prompt in prompts)


def make_prompt_learned(kind: str, base: Any) -> Any:
    """Learned vectors before the text, drawn wide."""
    import peft
    import torch

    config = getattr(peft, f"{kind}Config")(task_type="CAUSAL_LM", num_virtual_tokens=5)
    torch.manual_seed(2)
    with without_warnings():
        module = peft.get_peft_model(base, config).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "prompt_encoder" in name:
                torch.nn.init.normal_(parameter, std=1.0)
    return module


@pytest.mark.parametrize("make_base", [make_gpt2, make_llama])
@pytest.mark.parametrize("kind", ["PrefixTuning", "PromptTuning"])
def test_learned_prompts_stand_before_the_text_once(kind: str, make_base: Any) -> None:
    base = make_base()
    prompts = make_prompts()
    plain = [without_cache(base, prompt) for prompt in prompts]
    module = make_prompt_learned(kind, base)
    wanted = [without_cache(module, prompt) for prompt in prompts]
    assert wanted != plain, "the adapter does nothing"
    assert [greedy(module, [prompt])[0] for prompt in prompts] == wanted
    assert in_batches(module, prompts) == wanted


def test_lora_is_decoded_as_its_base_would_be() -> None:
    import peft
    import torch

    torch.manual_seed(1)
    settings = peft.LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False
    )
    with without_warnings():
        module = peft.get_peft_model(make_llama(), settings).eval()
    prompts = make_prompts()
    assert greedy(module, prompts) == [without_cache(module, prompt) for prompt in prompts]
    assert plan_batches(module, prompts, 8, longest_padded=100) == [[0, 2, 1, 3]]


class Picky:
    """A model from elsewhere: it takes tokens and nothing that would let them be padded."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.config = inner, inner.config
        self.device, self.dtype = inner.device, inner.dtype

    def forward(self, input_ids: Any) -> Any:
        return self.inner(input_ids, use_cache=False)

    def __call__(self, **given: Any) -> Any:
        assert given.pop("use_cache") is False
        return self.forward(**given)


class Refusing(Picky):
    """It does not even take a batch."""

    def forward(self, input_ids: Any) -> Any:
        if len(input_ids) > 1:
            raise ValueError("one text at a time")
        return super().forward(input_ids)


@pytest.mark.parametrize(
    ("kind", "batches"), [(Picky, [[0], [2], [1, 3]]), (Refusing, [[0], [2], [1], [3]])]
)
def test_a_model_without_mask_positions_and_cache(kind: Any, batches: list[list[int]]) -> None:
    inner, prompts = make_llama(), make_prompts()
    wanted = [without_cache(inner, prompt) for prompt in prompts]
    assert plan_batches(kind(inner), prompts, 8, longest_padded=100) == batches
    assert in_batches(kind(inner), prompts) == wanted


def test_a_fault_of_the_model_itself_is_not_taken_for_a_refusal() -> None:
    class Broken(Picky):
        def forward(self, input_ids: Any) -> Any:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        continues_alike(Broken(make_llama()), [5, 6], [7, 8, 9])


def test_nan_is_no_agreement() -> None:
    import torch

    module = make_llama()
    with torch.no_grad():
        module.get_output_embeddings().weight[7] = torch.nan
    assert not continues_alike(module, [5, 6], [7, 8, 9])


@pytest.mark.parametrize(
    ("lengths", "size", "longest_padded", "batches"),
    [
        ([], 8, 10, []),
        ([3], 8, 10, [[0]]),
        ([3, 1, 2], 2, 10, [[1, 2], [0]]),
        ([3, 1, 3, 1], 8, 0, [[1, 3], [0, 2]]),
        ([3, 1, 3, 2], 8, 2, [[1, 3], [0, 2]]),
        ([3, 1, 3, 2], 8, -5, [[1], [3], [0, 2]]),
        ([3, 3, 3], 1, 10, [[0], [1], [2]]),
    ],
)
def test_batches_by_length(
    lengths: list[int], size: int, longest_padded: int, batches: list[list[int]]
) -> None:
    assert batches_by_length(lengths, size, longest_padded=longest_padded) == batches


def test_the_room_for_an_answer_does_not_depend_on_its_neighbours() -> None:
    """One prompt nearly fills the window, the others leave more room than it."""
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    prompts = ["the", " dog" * 30, " fox" * 20, "the lazy dog " * 200]
    alone = [model.generate_text([prompt], max_new_tokens=512)[0] for prompt in prompts]
    assert list(model.generate_text(prompts, max_new_tokens=512)) == alone


@pytest.mark.parametrize("name", ["llama dynamic rope", "phi-3 longrope"])
def test_positions_that_change_with_length_do_not_change_for_a_neighbour(name: str) -> None:
    model = CausalLM(make_wide(name), make_tokenizer(), make_card())
    prompts = ["the", " dog" * 7, "the lazy dog", " fox" * 7]
    alone = [model.generate_text([prompt], max_new_tokens=30)[0] for prompt in prompts]
    assert list(model.generate_text(prompts, max_new_tokens=30)) == alone
