"""Tiny random classifiers of texts, and a tokenizer for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.tiny_models import TEXTS, VOCABULARY, save, without_warnings

__all__ = [
    "CLASSIFIERS",
    "LABELS",
    "WINDOW",
    "make_bert",
    "make_distilbert",
    "make_llama_classifier",
    "make_roberta",
    "make_text_tokenizer",
    "save_classifier",
    "save_classifying_adapter",
]

LABELS = ("negative", "neutral", "positive")
WINDOW = 48
PADDING = 1
# Drawn wide, so that logits are far from flat and a row that sees its neighbours' padding shows it.
SPREAD = 0.4

_USUAL: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": WINDOW,
    "initializer_range": SPREAD,
    "pad_token_id": PADDING,
    "bos_token_id": 0,
    "eos_token_id": 2,
}


def make_text_tokenizer() -> Any:
    """A byte-level BPE tokenizer that puts a text between two special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<s>", "<pad>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def _made(kind: str, labels: tuple[str, ...], seed: int, **changed: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(
        **changed, id2label=dict(enumerate(labels)), label2id={n: i for i, n in enumerate(labels)}
    )
    return getattr(transformers, f"{kind}ForSequenceClassification")(config).eval()


def make_bert(labels: tuple[str, ...] = LABELS, *, seed: int = 0, **changed: Any) -> Any:
    return _made("Bert", labels, seed, **{**_USUAL, **changed})


def make_distilbert(labels: tuple[str, ...] = LABELS, *, seed: int = 0, **changed: Any) -> Any:
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "dim": 32,
        "hidden_dim": 48,
        "n_layers": 1,
        "n_heads": 4,
        "max_position_embeddings": WINDOW,
        "initializer_range": SPREAD,
        "pad_token_id": PADDING,
    }
    return _made("DistilBert", labels, seed, **{**settings, **changed})


def make_roberta(labels: tuple[str, ...] = LABELS, *, seed: int = 0) -> Any:
    """Its table of positions has two rows more than it takes tokens."""
    return _made(
        "Roberta", labels, seed, **{**_USUAL, "max_position_embeddings": WINDOW + PADDING + 1}
    )


def make_llama_classifier(labels: tuple[str, ...] = LABELS, *, seed: int = 0) -> Any:
    """Its head reads the last token, which it finds by the padding's id."""
    return _made("Llama", labels, seed, **_USUAL)


def make_gpt2_classifier(labels: tuple[str, ...] = LABELS, *, seed: int = 0) -> Any:
    settings = {
        "vocab_size": VOCABULARY,
        "n_positions": WINDOW,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "initializer_range": SPREAD,
        "pad_token_id": PADDING,
    }
    return _made("GPT2", labels, seed, **settings)


def make_modernbert(labels: tuple[str, ...] = LABELS, *, seed: int = 0) -> Any:
    return _made("ModernBert", labels, seed, **_USUAL, cls_token_id=0, sep_token_id=2)


CLASSIFIERS: Mapping[str, Callable[[], Any]] = {
    "bert": make_bert,
    "distilbert": make_distilbert,
    "roberta": make_roberta,
    "llama": make_llama_classifier,
    "gpt2": make_gpt2_classifier,
    "modernbert": make_modernbert,
}


def save_classifier(folder: Path, module: Any) -> Path:
    return save(module, folder, make_text_tokenizer())


def save_classifying_adapter(
    folder: Path,
    base: Path,
    targets: tuple[str, ...],
    *,
    labels: int = len(LABELS),
    modules_to_save: tuple[str, ...] = (),
) -> Path:
    """A LoRA adapter of SEQ_CLS with weights that are not zero, over a saved base of any kind."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(1)
    settings = LoraConfig(
        r=4,
        target_modules=list(targets),
        modules_to_save=list(modules_to_save) or None,
        task_type="SEQ_CLS",
        init_lora_weights=False,
    )
    with without_warnings():
        module = AutoModelForSequenceClassification.from_pretrained(
            base, num_labels=labels, ignore_mismatched_sizes=True
        )
        adapted = get_peft_model(module, settings)
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "modules_to_save" in name:
                    parameter.add_(0.3 * torch.randn_like(parameter))
        adapted.save_pretrained(folder)
    return folder
