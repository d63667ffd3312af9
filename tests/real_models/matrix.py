"""Every kind of model that a distiller brings, made once in the user's cache folder.

Those of real size are SmolLM2-135M-Instruct or its first layers; the others are tiny and random.
Parameters are counted by hand from the architecture, and not by any code of the suite.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path

from studies.dropped_layers import dropped_layers_folder
from studies.real_model import real_model_folder
from tests.tiny_models import VOCABULARY, make_tokenizer, save, without_warnings

__all__ = ["ADAPTED", "CUT", "DORA", "LAYERS", "TINY_BERT", "TINY_T5", "WHOLE", "Shelf"]

# To be raised with every change of what is made, so that no old copy is taken for a new one.
RECIPE = 1
LAYERS = 4
RANK = 8

# SmolLM2-135M: hidden 576, feed-forward 1,536, 3 of 9 heads for keys and values, tied embeddings.
HIDDEN, INNER, KEYS, WORDS = 576, 1536, 192, 49_152
LAYER = 2 * HIDDEN * HIDDEN + 2 * HIDDEN * KEYS + 3 * HIDDEN * INNER + 2 * HIDDEN
WHOLE = WORDS * HIDDEN + 30 * LAYER + HIDDEN
CUT = WORDS * HIDDEN + LAYERS * LAYER + HIDDEN
# A pair of matrices for the queries and one for the values of each layer.
ADAPTED = LAYERS * RANK * ((HIDDEN + HIDDEN) + (HIDDEN + KEYS))
# DoRA has a magnitude for each row of those weights besides.
DORA = ADAPTED + LAYERS * (HIDDEN + KEYS)


@dataclass(frozen=True)
class Shape:
    """Of the tiny models."""

    hidden: int = 32
    inner: int = 48
    layers: int = 2
    heads: int = 4
    places: int = 128
    labels: int = 2


TINY = Shape()
_SQUARE = TINY.hidden * TINY.hidden
_FORWARD = 2 * TINY.hidden * TINY.inner
# Embeddings once; 32 buckets of relative distance in the first layer of encoder and decoder.
TINY_T5 = (
    VOCABULARY * TINY.hidden
    + TINY.layers * (4 * _SQUARE + _FORWARD + 2 * TINY.hidden)
    + TINY.layers * (8 * _SQUARE + _FORWARD + 3 * TINY.hidden)
    + 2 * (32 * TINY.heads + TINY.hidden)
)
TINY_BERT = (
    (VOCABULARY + TINY.places + 2 + 2) * TINY.hidden
    + TINY.layers
    * (4 * (_SQUARE + TINY.hidden) + _FORWARD + TINY.inner + TINY.hidden + 4 * TINY.hidden)
    + (_SQUARE + TINY.hidden)
    + TINY.labels * (TINY.hidden + 1)
)


class Shelf:
    """Where the models stand; each is made when it is first asked for, whole or not at all."""

    def __init__(self) -> None:
        self._folder = user_cache_path("distill-bench") / "real-models" / f"matrix-{RECIPE}"
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def whole(self) -> Path:
        return real_model_folder()

    @property
    def cut(self) -> Path:
        """The first layers."""
        with FileLock(self._folder / "cut.lock"):
            return dropped_layers_folder(self.whole, LAYERS)

    def sharded(self) -> Path:
        return self._saved("sharded", lambda: _loaded(self.cut), max_shard_size="60MB")

    def half(self) -> Path:
        return self._saved("half", lambda: _loaded(self.cut).half())

    def adapter(self, *, dora: bool = False) -> Path:
        """LoRA weights that are not zero, over the first layers."""
        name = "dora" if dora else "lora"
        return self._kept(name, lambda folder: _adapted(self.cut, dora).save_pretrained(folder))

    def merged(self) -> Path:
        return self._saved("merged", lambda: _adapted(self.cut, False).merge_and_unload())

    def quantised(self, bits: int) -> Path:
        """By bitsandbytes: 4 bits (NF4) or 8."""
        return self._saved(f"{bits}-bit", lambda: _quantised(self.cut, bits))

    def t5(self, seed: int) -> Path:
        return self._kept(f"t5-{seed}", lambda folder: save(_tiny_t5(seed), folder))

    def bert(self, seed: int) -> Path:
        return self._kept(f"bert-{seed}", lambda folder: save(_tiny_bert(seed), folder))

    def reviews(self) -> Path:
        """Texts with labels."""

        def write(folder: Path) -> None:
            folder.mkdir()
            lines = [
                {"text": f"the {word} fox jumps over dog {number}", "label": number % TINY.labels}
                for number, word in enumerate(["quick", "brown", "lazy"] * 8)
            ]
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / "reviews.jsonl").write_text(text, encoding="utf-8")

        return self._kept("reviews", write) / "reviews.jsonl"

    def _saved(self, name: str, make: Callable[[], Any], **settings: Any) -> Path:
        """A model with the tokenizer of the real one."""
        from transformers import AutoTokenizer

        def write(folder: Path) -> None:
            make().save_pretrained(folder, **settings)
            AutoTokenizer.from_pretrained(self.cut).save_pretrained(folder)

        return self._kept(name, write)

    def _kept(self, name: str, write: Callable[[Path], Any]) -> Path:
        folder = self._folder / name
        if folder.is_dir():
            return folder
        with FileLock(self._folder / f"{name}.lock"), without_warnings():
            if not folder.is_dir():
                unfinished = folder.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                write(unfinished)
                unfinished.rename(folder)
        return folder


def _loaded(folder: Path, **settings: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, **settings)


def _adapted(base: Path, dora: bool) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    settings = LoraConfig(
        r=RANK,
        target_modules=["q_proj", "v_proj"],
        task_type="CAUSAL_LM",
        init_lora_weights=False,
        use_dora=dora,
    )
    return get_peft_model(_loaded(base), settings)


def _quantised(base: Path, bits: int) -> Any:
    from transformers import BitsAndBytesConfig

    if bits == 4:
        settings = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    else:
        settings = BitsAndBytesConfig(load_in_8bit=True)
    return _loaded(base, quantization_config=settings, device_map={"": "cpu"})


def _tiny_t5(seed: int) -> Any:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=TINY.hidden,
        d_kv=TINY.hidden // TINY.heads,
        d_ff=TINY.inner,
        num_layers=TINY.layers,
        num_heads=TINY.heads,
        tie_word_embeddings=True,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    return T5ForConditionalGeneration(config).eval()


def _tiny_bert(seed: int) -> Any:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=TINY.hidden,
        num_hidden_layers=TINY.layers,
        num_attention_heads=TINY.heads,
        intermediate_size=TINY.inner,
        max_position_embeddings=TINY.places,
        num_labels=TINY.labels,
        pad_token_id=make_tokenizer().pad_token_id,
    )
    return BertForSequenceClassification(config).eval()
