"""Classifiers from folders: plain ones, and adapters with a head of their own or of their base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.classifier import Classifier
from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.in_process import run_first_token
from distill_fixtures.models.labels import labels_of_plan
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.references import fetch, resolve_reference
from distill_fixtures.records import Undefined
from tests.tiny_classifiers import (
    CLASSIFIERS,
    LABELS,
    make_bert,
    make_distilbert,
    make_text_tokenizer,
    save_classifier,
    save_classifying_adapter,
)
from tests.tiny_models import save_adapter, save_llama, without_warnings

TEXT = "the quick brown fox"
BERT_TARGETS = ("query", "value")
DISTILBERT_TARGETS = ("q_lin", "v_lin")
LLAMA_TARGETS = ("q_proj", "v_proj")


def values(folder: Path, labels: tuple[str, ...] = LABELS) -> tuple[float, ...]:
    model = load_model(resolve_reference(str(folder)))
    assert isinstance(model, Classifier)
    (scored,) = model.score_many([ScoreRequest("q", TEXT, labels)])
    return scored.log_likelihoods


def by_hand(folder: Path, base: Path, labels: int) -> list[float]:
    """The adapter put on its base as its user does it."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    with without_warnings():
        bare = AutoModelForSequenceClassification.from_pretrained(
            base, num_labels=labels, ignore_mismatched_sizes=True
        )
        module = PeftModel.from_pretrained(bare, folder).eval()
    given = make_text_tokenizer()(TEXT, return_tensors="pt")
    given.pop("token_type_ids", None)
    with torch.no_grad():
        logits = module(**given).logits[0]
    return [float(each) for each in logits.double().log_softmax(-1)]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_folder_is_loaded_and_counted_like_its_files(name: str, tmp_path: Path) -> None:
    module = CLASSIFIERS[name]()
    plan = resolve_reference(str(save_classifier(tmp_path / name, module)))
    assert labels_of_plan(plan) == LABELS
    card = card_of_plan(plan)
    loaded = load_model(plan)
    assert loaded.card == card
    assert card.parameters_total == sum(each.numel() for each in module.parameters())
    embedding = module.get_input_embeddings().weight.numel()
    assert card.parameters_non_embedding == card.parameters_total - embedding
    assert isinstance(loaded, Classifier)
    assert loaded.labels == LABELS
    run_first_token(loaded.module)
    given = make_text_tokenizer()(TEXT, return_tensors="pt")
    given.pop("token_type_ids", None)
    wanted = module(**given).logits[0].log_softmax(-1).tolist()
    assert values(plan.folder) == pytest.approx(wanted, abs=1e-4)


def test_buffers_saved_beside_the_weights_are_no_parameters(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = save_classifier(tmp_path / "m", make_bert())
    tensors = load_file(folder / "model.safetensors")
    before = card_of_plan(resolve_reference(str(folder))).parameters_total
    tensors["bert.embeddings.position_ids"] = torch.arange(48)[None]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    plan = resolve_reference(str(folder))
    assert card_of_plan(plan).parameters_total == before
    assert load_model(plan).card == card_of_plan(plan)


def bert_adapter(folder: Path) -> Path:
    return save_classifying_adapter(
        folder / "adapter", save_classifier(folder / "base", make_bert()), BERT_TARGETS
    )


def distilbert_adapter(folder: Path) -> Path:
    """PEFT saves its pre_classifier too, because the name ends like the classifier's."""
    return save_classifying_adapter(
        folder / "adapter", save_classifier(folder / "base", make_distilbert()), DISTILBERT_TARGETS
    )


def adapter_with_more_labels(folder: Path) -> Path:
    return save_classifying_adapter(
        folder / "adapter",
        save_classifier(folder / "base", make_bert()),
        BERT_TARGETS,
        labels=5,
    )


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (bert_adapter, LABELS),
        (distilbert_adapter, LABELS),
        (adapter_with_more_labels, tuple(f"LABEL_{place}" for place in range(5))),
    ],
)
def test_an_adapter_over_a_classifier(
    make: Callable[[Path], Path], labels: tuple[str, ...], tmp_path: Path
) -> None:
    folder = make(tmp_path)
    plan = resolve_reference(str(folder))
    assert labels_of_plan(plan) == labels
    assert values(folder, labels) == pytest.approx(
        by_hand(folder, tmp_path / "base", len(labels)), abs=1e-4
    )
    card = card_of_plan(plan)
    assert load_model(plan).card == card
    assert not isinstance(card.parameters_trainable, Undefined)
    assert not isinstance(card.parameters_total, Undefined)
    assert 0 < card.parameters_trainable < card.parameters_total


def over_a_causal_model(folder: Path) -> Path:
    return save_classifying_adapter(
        folder / "adapter", with_tokenizer(save_llama(folder / "base")), LLAMA_TARGETS
    )


def over_an_encoder(folder: Path) -> Path:
    """A masked language model, whose own head is left out."""
    from transformers import DistilBertForMaskedLM

    base = DistilBertForMaskedLM(make_distilbert().config)
    return save_classifying_adapter(
        folder / "adapter", save_classifier(folder / "base", base), DISTILBERT_TARGETS
    )


def over_a_headless_model(folder: Path) -> Path:
    from transformers import BertModel

    base = BertModel(make_bert().config)
    return save_classifying_adapter(
        folder / "adapter", save_classifier(folder / "base", base), BERT_TARGETS
    )


def with_tokenizer(folder: Path) -> Path:
    make_text_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("make", [over_a_causal_model, over_an_encoder, over_a_headless_model])
def test_an_adapter_that_brings_the_head(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path)
    plan = resolve_reference(str(folder))
    labels = ("LABEL_0", "LABEL_1", "LABEL_2")
    assert labels_of_plan(plan) == labels
    assert values(folder, labels) == pytest.approx(by_hand(folder, tmp_path / "base", 3), abs=1e-4)
    assert isinstance(card_of_plan(plan).parameters_total, Undefined)
    loaded = load_model(plan)
    assert isinstance(loaded, Classifier)
    total = loaded.card.parameters_total
    module = loaded.module.get_base_model()
    kept = [
        each.numel() for name, each in module.named_parameters() if "original_module" not in name
    ]
    assert total == sum(kept)
    run_first_token(loaded.module)


def test_what_neither_base_nor_adapter_holds_is_no_random_number(tmp_path: Path) -> None:
    from transformers import BertForMaskedLM

    base = save_classifier(tmp_path / "base", BertForMaskedLM(make_bert().config))
    bare = save_classifying_adapter(tmp_path / "bare", base, BERT_TARGETS)
    with pytest.raises(ModelReferenceError) as caught:
        load_model(resolve_reference(str(bare)))
    assert "bert.pooler.dense.bias" in caught.value.got
    assert "modules_to_save" in caught.value.next_step
    whole = save_classifying_adapter(
        tmp_path / "whole", base, BERT_TARGETS, modules_to_save=("pooler",)
    )
    labels = ("LABEL_0", "LABEL_1", "LABEL_2")
    assert values(whole, labels) == pytest.approx(by_hand(whole, base, 3), abs=1e-4)


def test_an_encoder_is_no_model_and_no_base_of_another_adapter(tmp_path: Path) -> None:
    from transformers import BertForMaskedLM

    base = save_classifier(tmp_path / "base", BertForMaskedLM(make_bert().config))
    with pytest.raises(ModelReferenceError, match="no language model"):
        resolve_reference(str(base))
    adapter = save_adapter(tmp_path / "adapter", save_llama(tmp_path / "llama"))
    with pytest.raises(ModelReferenceError, match="no language model"):
        resolve_reference(str(adapter), base_model=str(base))


def test_a_classifier_of_the_hub_tells_its_labels_before_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    folder = save_classifier(tmp_path / "m", make_bert())
    asked: list[str] = []

    def config_file(name: str, file: str, **_: Any) -> str:
        asked.append(f"{name} {file}")
        return str(folder / file)

    told = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}
    monkeypatch.setattr(
        huggingface_hub, "model_info", lambda *_, **__: SimpleNamespace(config=told)
    )
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", config_file)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(folder))
    monkeypatch.chdir(tmp_path)
    plan = resolve_reference("org/model")
    assert (plan.kind, labels_of_plan(plan)) == ("hub", LABELS)
    assert asked == ["org/model config.json"]
    assert isinstance(load_model(fetch(plan)), Classifier)


def test_a_classifying_adapter_of_the_hub_has_to_be_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    told = {"peft": {"base_model_name_or_path": "org/base", "task_type": "SEQ_CLS"}}
    monkeypatch.setattr(
        huggingface_hub, "model_info", lambda *_, **__: SimpleNamespace(config=told)
    )
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelReferenceError, match="not in the local cache") as caught:
        resolve_reference("org/adapter")
    assert "hf download org/adapter" in caught.value.next_step
