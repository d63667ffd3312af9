"""Tiny random encoder-decoders of every kind, and a tokenizer that ends its texts as T5's does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.tiny_models import VOCABULARY, WINDOW, make_tokenizer, save, without_warnings

__all__ = [
    "SEQ2SEQ",
    "make_bart",
    "make_seq2seq_tokenizer",
    "make_t5",
    "save_seq2seq",
    "save_t5_adapter",
    "with_own_head",
]

START, END = 0, 1
"""Token ids: a decoder's text starts from the one and ends with the other."""

T5: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 32,
    "n_positions": WINDOW,
    "pad_token_id": START,
    "eos_token_id": END,
    "decoder_start_token_id": START,
}
BART: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": WINDOW,
    "init_std": 0.2,
    "bos_token_id": START,
    # Not the end token: its embedding is zero.
    "pad_token_id": 2,
    "eos_token_id": END,
    "forced_eos_token_id": END,
    "decoder_start_token_id": END,
}
RECIPES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "t5": ("T5Config", T5),
    # Its output embedding is not scaled, and its feed-forward layers are gated.
    "t5 1.1": (
        "T5Config",
        {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    # Distilled models often have halves of different depth.
    "t5 uneven": ("T5Config", {**T5, "num_layers": 1, "num_decoder_layers": 3}),
    "mt5": ("MT5Config", T5),
    "umt5": ("UMT5Config", T5),
    "bart": ("BartConfig", BART),
    "pegasus": ("PegasusConfig", {**BART, "decoder_start_token_id": START}),
    "marian": (
        "MarianConfig",
        {**BART, "bos_token_id": None, "decoder_start_token_id": 2},
    ),
}


def make_seq2seq_tokenizer() -> Any:
    return make_tokenizer(end_of_text=True)


def make_seq2seq(name: str, *, seed: int = 0, **changed: Any) -> Any:
    """A random model with wide logits, so that a wrong score cannot hide in a flat one."""
    import torch
    import transformers

    kind, settings = RECIPES[name]
    torch.manual_seed(seed)
    config = getattr(transformers, kind)(**{**settings, **changed})
    module = transformers.AutoModelForSeq2SeqLM.from_config(config).eval()
    for parameter_name, parameter in module.named_parameters():
        if "relative_attention_bias" in parameter_name:
            torch.nn.init.normal_(parameter)
    return module


SEQ2SEQ: Mapping[str, Callable[..., Any]] = {name: partial(make_seq2seq, name) for name in RECIPES}

make_t5 = SEQ2SEQ["t5 1.1"]
make_bart = SEQ2SEQ["bart"]


def with_own_head(module: Any, *, spread: float = 1.0) -> Any:
    """Output embeddings of its own, without which random models write the same token for ever."""
    import torch

    torch.manual_seed(2)
    shape = module.lm_head.weight.shape
    module.lm_head.weight = torch.nn.Parameter(spread * torch.randn(shape))
    return module


def save_seq2seq(name: str, folder: Path, **changed: Any) -> Path:
    """Write a model folder as a user would."""
    return save(make_seq2seq(name, **changed), folder, make_seq2seq_tokenizer())


def save_t5_adapter(folder: Path, base: Path) -> Path:
    """A LoRA adapter with weights that are not zero, over a saved T5."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSeq2SeqLM

    torch.manual_seed(1)
    settings = LoraConfig(
        r=4, target_modules=["q", "v"], task_type="SEQ_2_SEQ_LM", init_lora_weights=False
    )
    with without_warnings():
        module = get_peft_model(AutoModelForSeq2SeqLM.from_pretrained(base), settings)
        module.save_pretrained(folder)
    return folder
