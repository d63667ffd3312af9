"""Which labels a classifier has, told from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.labels import (
    are_generic,
    id_of_label,
    ids_of_labels,
    labels_of_config,
    labels_of_plan,
)
from distill_fixtures.models.model_limits import check_room, window_of_plan
from distill_fixtures.models.model_task import task_of_config, task_of_plan
from distill_fixtures.models.plan import ModelPlan

BERT = {"architectures": ["BertForSequenceClassification"]}


def plan(config: dict[str, Any], **parts: Any) -> ModelPlan:
    return ModelPlan("m", "full", Path(), config=config, **parts)


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        ({}, ("LABEL_0", "LABEL_1")),
        ({"num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"id2label": {"0": "no", "1": "yes"}}, ("no", "yes")),
        ({"id2label": {"1": "yes", "0": "no"}, "num_labels": 2}, ("no", "yes")),
        ({"id2label": {0: 5, 1: 7}, "problem_type": "single_label_classification"}, ("5", "7")),
    ],
)
def test_labels_in_the_order_of_their_ids(config: dict[Any, Any], labels: tuple[str, ...]) -> None:
    assert labels_of_config(config, "m") == labels


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_labels": 1}, "1 label"),
        ({"id2label": {"0": "score"}}, "1 label"),
        ({"num_labels": "three"}, "num_labels: 'three'"),
        ({"id2label": ["no", "yes"]}, "id2label"),
        ({"id2label": {"1": "no", "2": "yes"}}, "ids 1, 2"),
        ({"id2label": {"0": "no", "1": "no"}}, "the label 'no'"),
        ({"id2label": {"0": "no", "1": " "}}, "the label ' '"),
        ({"problem_type": "regression", "num_labels": 2}, "regression"),
        ({"problem_type": "multi_label_classification"}, "multi_label_classification"),
    ],
)
def test_what_gives_no_text_one_of_several_labels(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        labels_of_config(config, "the model")
    error = caught.value
    assert "the model" in error.what
    assert said in error.got
    assert error.wanted
    assert error.next_step


def test_labels_that_say_no_more_than_their_ids() -> None:
    assert are_generic(["LABEL_0", "LABEL_1"])
    assert are_generic(["0", "1"])
    assert not are_generic(["LABEL_1", "LABEL_0"])
    assert not are_generic(["1", "2"])


@pytest.mark.parametrize(
    ("own", "label", "found"),
    [
        (("no", "yes"), "yes", 1),
        (("no", "yes"), "Yes", None),
        (("no", "yes"), "1", None),
        (("LABEL_0", "LABEL_1"), "LABEL_1", 1),
        (("LABEL_0", "LABEL_1"), "1", 1),
        (("LABEL_0", "LABEL_1"), "2", None),
        (("LABEL_0", "LABEL_1"), "-1", None),
        (("LABEL_0", "LABEL_1"), "9" * 5000, None),
        (("0", "1"), "LABEL_1", 1),
    ],
)
def test_what_a_files_label_means(own: tuple[str, ...], label: str, found: int | None) -> None:
    assert id_of_label(own, label) == found


@pytest.mark.parametrize(
    ("own", "asked", "found"),
    [
        (("a", "b", "c"), ("c", "a", "b"), (2, 0, 1)),
        (("LABEL_0", "LABEL_1"), ("a", "b"), (0, 1)),
        (("a", "b"), ("0", "1"), (0, 1)),
        (("LABEL_0", "LABEL_1"), ("LABEL_1", "LABEL_0"), (1, 0)),
        (("a", "b"), ("a", "c"), None),
        (("a", "b"), ("a", "b", "c"), None),
        (("LABEL_0", "LABEL_1"), ("a", "b", "c"), None),
    ],
)
def test_two_models_labels(
    own: tuple[str, ...], asked: tuple[str, ...], found: tuple[int, ...] | None
) -> None:
    assert ids_of_labels(own, asked) == found


def test_an_adapter_without_a_head_has_its_bases_labels() -> None:
    base = plan(BERT | {"id2label": {"0": "no", "1": "yes"}})
    adapter = ModelPlan("a", "adapter", Path(), config={"task_type": "SEQ_CLS"}, base=base)
    assert labels_of_plan(adapter) == ("no", "yes")
    headless = ModelPlan("a", "adapter", Path(), config={"task_type": "SEQ_CLS"}, base=plan({}))
    with pytest.raises(ModelReferenceError, match="how many labels"):
        labels_of_plan(headless)


def test_tasks() -> None:
    assert task_of_config(BERT) == "classification"
    assert task_of_plan(plan({"architectures": ["BertForMaskedLM"]})) == "causal"
    base = plan({"architectures": ["LlamaForCausalLM"]})
    adapter = ModelPlan("a", "adapter", Path(), config={"task_type": "SEQ_CLS"}, base=base)
    assert task_of_plan(adapter) == "classification"
    assert task_of_plan(ModelPlan("a", "adapter", Path(), base=plan(BERT))) == "classification"


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 130, "pad_token_id": 3}, 126),
    ],
)
def test_the_window_leaves_out_positions_lost_to_padding(
    config: dict[str, Any], window: int
) -> None:
    assert window_of_plan(plan(config)) == window


def test_a_classifier_needs_no_room_for_new_tokens() -> None:
    check_room({"teacher": plan(BERT | {"max_position_embeddings": 8})}, 10**6)
