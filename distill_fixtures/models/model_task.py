"""What a model was made for, told from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from distill_fixtures.models.peft_modules import plain_module
from distill_fixtures.models.plan import ModelPlan

__all__ = [
    "AUTO_CLASSES",
    "CLASSIFYING_ADAPTER",
    "ModelTask",
    "name_of_architecture",
    "task_of_config",
    "task_of_module",
    "task_of_plan",
]

CLASSIFYING_ADAPTER = "SEQ_CLS"
"""PEFT's task_type of an adapter that was trained with a classifier's head."""

ModelTask = Literal["causal", "seq2seq", "classification"]
"""``causal`` continues a text, ``seq2seq`` reads one and writes another (T5), ``classification``
gives a whole text one of its labels (DistilBERT fine-tuned)."""

AUTO_CLASSES: Mapping[ModelTask, str] = {
    "causal": "AutoModelForCausalLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "classification": "AutoModelForSequenceClassification",
}
"""transformers' class that loads a model of each task."""


def name_of_architecture(config: Mapping[str, Any]) -> str:
    """The model's class as a configuration names it; empty where it does not."""
    named = config.get("architectures")
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""


def task_of_config(config: Mapping[str, Any]) -> ModelTask:
    """By the architecture's name, and else by whether it has an encoder and a decoder.

    >>> task_of_config({"architectures": ["BertForSequenceClassification"]})
    'classification'
    >>> task_of_config({"is_encoder_decoder": True})
    'seq2seq'
    """
    if name_of_architecture(config).endswith("ForSequenceClassification"):
        return "classification"
    if config.get("is_encoder_decoder") is True:
        return "seq2seq"
    return "causal"


def task_of_plan(plan: ModelPlan) -> ModelTask:
    """An adapter's task is its base's, unless it makes a classifier of it. Known only where the
    model's files are here, or the Hub tells the architecture; a served model continues texts."""
    if plan.base is not None and plan.config.get("task_type") == CLASSIFYING_ADAPTER:
        return "classification"
    return task_of_config((plan.base or plan).config)


def task_of_module(module: Any) -> ModelTask:
    """Of a loaded module, by its class: a classifier made of a causal model's files is one."""
    plain = plain_module(module)
    return task_of_config(
        {
            "architectures": [type(plain).__name__],
            "is_encoder_decoder": getattr(plain.config, "is_encoder_decoder", False),
        }
    )
