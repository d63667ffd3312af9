"""A replica, in this process: the same figures as its model, and errors as values."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError, NotFiniteScoreError
from distill_fixtures.measure.processes.bare_model import ModelToLoad, find_model
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.scale.file_marks import marks_of
from distill_fixtures.scale.replica import Answered, Failed, Loaded, Replica, ReplicaOrder, order_of
from tests.scale.demo_requests import demo_requests
from tests.scoring_requests import REQUESTS
from tests.tiny_models import make_llama, make_tokenizer, save, save_adapter, save_llama
from tests.torch_threads import threads

STUDENT = ModelToLoad("demo:student")


def order_for(model: ModelToLoad) -> ReplicaOrder:
    return order_of(model, find_model(model), "cpu", "float32", 1)


def loaded(model: ModelToLoad) -> Replica:
    replica = Replica(order_for(model))
    assert isinstance(replica.load(), Loaded)
    return replica


def test_the_same_figures_to_the_bit() -> None:
    requests = demo_requests(60)
    with threads(1):
        replica = loaded(STUDENT)
        wanted = load_model(resolve_reference("demo:student")).score_many(requests)
        planned = replica.plan(requests, None)
        assert not isinstance(planned, Failed)
        answered = replica.answer(
            [[requests[place] for place in places] for places in planned], None
        )
    assert isinstance(answered, Answered)
    found = {
        place: scored
        for places, results in zip(planned, answered.passes, strict=True)
        for place, scored in zip(places, results, strict=True)
    }
    assert [found[place] for place in range(len(requests))] == list(wanted)
    assert answered.scoring_method == "packed"


def test_texts() -> None:
    replica = loaded(STUDENT)
    requests = [GenerateRequest("q", "Question: what?\nAnswer:")]
    settings = GenerateSettings(4)
    assert replica.plan(requests, settings) == ((0,),)
    answered = replica.answer([requests], settings)
    assert isinstance(answered, Answered)
    (wanted,) = load_model(resolve_reference("demo:student")).generate_text(
        ["Question: what?\nAnswer:"], max_new_tokens=4
    )
    assert answered.passes == ((wanted,),)


def test_an_adapter_by_its_location(tmp_path: Path) -> None:
    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base)
    replica = loaded(ModelToLoad("mine", location=str(adapter), base_model=str(base)))
    assert isinstance(replica.answer([REQUESTS[:2]], None), Answered)


def test_the_error_of_a_broken_model_is_that_of_the_model(tmp_path: Path) -> None:
    import torch

    module = make_llama()
    with torch.no_grad():
        module.get_input_embeddings().weight.fill_(float("nan"))
    folder = save(module, tmp_path / "broken", make_tokenizer())
    with pytest.raises(NotFiniteScoreError) as wanted:
        load_model(resolve_reference(str(folder))).score_many(REQUESTS[:1])
    failed = loaded(ModelToLoad(str(folder))).answer([REQUESTS[:1]], None)
    assert isinstance(failed, Failed)
    again = pickle.loads(pickle.dumps(failed))
    assert type(again.error) is NotFiniteScoreError
    assert str(again.error) == str(wanted.value)


def test_a_model_that_is_gone(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "model")
    order = order_for(ModelToLoad("mine", location=str(folder)))
    (folder / "config.json").unlink()
    failed = Replica(order).load()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ModelReferenceError)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """Another training of the same architecture has files of the same size."""
    folder = save_llama(tmp_path / "model", seed=0)
    order = order_for(ModelToLoad("mine", location=str(folder)))
    save_llama(folder, seed=1)
    failed = Replica(order, "node-7").load()
    assert isinstance(failed, Failed)
    assert failed.error.what == "a worker of the pool on node-7 finds other files of mine"
    assert failed.error.got == "differing: model.safetensors (1 in all)"


def test_other_libraries_are_refused() -> None:
    order = replace(order_for(STUDENT), versions={"torch": "1.0", "peft": None})
    failed = Replica(order).load()
    assert isinstance(failed, Failed)
    assert "torch 1.0" in failed.error.wanted
    assert "other libraries" in failed.error.what


def test_marks_tell_the_ends(tmp_path: Path) -> None:
    plan = resolve_reference(str(save_llama(tmp_path / "model")))
    before = marks_of(plan)
    weights = plan.weight_files[0]
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    changed = [one.name for one, other in zip(before, marks_of(plan), strict=True) if one != other]
    assert changed == ["model.safetensors"]


def test_asked_before_it_is_loaded() -> None:
    failed = Replica(order_for(STUDENT)).plan(REQUESTS, None)
    assert isinstance(failed, Failed)
    assert "before it was loaded" in failed.error.what
