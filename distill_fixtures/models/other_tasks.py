"""Models that were made for something else than answering, told by their architecture's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.model_task import CLASSIFYING_ADAPTER, name_of_architecture
from distill_fixtures.models.plan import ModelPlan

__all__ = ["refuse_other_tasks", "refuse_unfit_base"]

# What architectures are called that neither continue a text nor label one.
OTHER_TASKS = (
    "ForImageClassification",
    "ForObjectDetection",
    "ForImageSegmentation",
    "ForSemanticSegmentation",
    "ForUniversalSegmentation",
    "ForDepthEstimation",
    "ForVideoClassification",
    "ForAudioClassification",
    "ForCTC",
    "ForSpeechSeq2Seq",
    "ForMaskedLM",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForPreTraining",
)
# Of these what is below an adapter that brings a classifier's head.
ENCODERS_OF_TEXT = (
    "ForMaskedLM",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForPreTraining",
)


def refuse_unfit_base(adapter: Mapping[str, Any], base: ModelPlan) -> None:
    """A base whose own task has nothing to do with answers, unless its adapter makes a classifier
    of an encoder of texts.

    Args:
        adapter: the content of adapter_config.json.

    Raises:
        ModelReferenceError: no adapter makes it answer.
    """
    classifies = adapter.get("task_type") == CLASSIFYING_ADAPTER
    if not (classifies and name_of_architecture(base.config).endswith(ENCODERS_OF_TEXT)):
        refuse_other_tasks(base.folder, base.config)


def refuse_other_tasks(folder: Path, config: Mapping[str, Any]) -> None:
    """A model that reads no text, or writes none, told by its architecture's name.

    Raises:
        ModelReferenceError: it cannot answer questions.
    """
    name = name_of_architecture(config)
    if name.endswith(OTHER_TASKS):
        raise ModelReferenceError(
            f"the model in {folder} is no language model that answers questions",
            got=f"architectures: {name}",
            wanted="a model that continues texts, such as LlamaForCausalLM, answers them, such as "
            "T5ForConditionalGeneration, or labels them, such as "
            "DistilBertForSequenceClassification",
            next_step="give the model that was distilled, not an encoder without its classifier "
            "or a vision model",
        )
