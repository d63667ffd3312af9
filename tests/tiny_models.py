"""Tiny random models and a tokenizer for them, written to a folder in a second."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEXTS = (
    "Question: What is the energy of the second level?\nAnswer: 4.5 hbar omega",
    "Question: Which gate maps |0> to |1>?\nAnswer: the Pauli X gate (A) (B) (C) (D)",
    "the quick brown fox jumps over the lazy dog 0123456789",
)
VOCABULARY = 300
WINDOW = 128


def make_tokenizer(
    texts: tuple[str, ...] = TEXTS, *, begin_of_text: bool = False, end_of_text: bool = False
) -> Any:
    """A byte-level BPE tokenizer trained on a few lines; it can encode any text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if begin_of_text or end_of_text:
        parts = ["<s>"] * begin_of_text + ["$A"] + ["</s>"] * end_of_text
        raw.post_processor = processors.TemplateProcessing(
            single=" ".join(parts),
            special_tokens=[(name, raw.token_to_id(name)) for name in ("<s>", "</s>")],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


def make_llama(*, tied: bool = False, seed: int = 0, spread: float = 0.2) -> Any:
    """A random Llama with wide logits, so that a wrong score cannot hide in a flat one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=WINDOW,
        tie_word_embeddings=tied,
        initializer_range=spread,
        bos_token_id=0,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).eval()


def make_gpt2(*, seed: int = 0) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=WINDOW,
        n_embd=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
    )
    return GPT2LMHeadModel(config).eval()


@contextmanager
def without_warnings() -> Iterator[None]:
    """Around calls of PEFT, which warns of transformers' plans."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def save(module: Any, folder: Path, tokenizer: Any | None = None) -> Path:
    """Write a model folder as a user would."""
    module.save_pretrained(folder)
    (tokenizer or make_tokenizer()).save_pretrained(folder)
    return folder


def save_llama(folder: Path, *, tied: bool = False, seed: int = 0) -> Path:
    return save(make_llama(tied=tied, seed=seed), folder)


def save_adapter(folder: Path, base: Path, *, modules_to_save: tuple[str, ...] = ()) -> Path:
    """A LoRA adapter with weights that are not zero, over a saved base."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    settings = LoraConfig(
        r=4,
        target_modules=["q_proj", "v_proj"],
        modules_to_save=list(modules_to_save) or None,
        task_type="CAUSAL_LM",
        init_lora_weights=False,
    )
    with without_warnings():
        module = get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings)
        module.save_pretrained(folder)
    return folder
