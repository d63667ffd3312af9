"""Encoder-decoders from files: what they are, how many parameters they have, and adapters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import ModelReferenceError, OptionError
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.isolated import measure_isolated
from distill_fixtures.measure.processes.timing_processes import TimingProcesses
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest
from distill_fixtures.measure.processes.worker_report import WorkerRequest
from distill_fixtures.models.identity import card_of_plan, digest_of_plan
from distill_fixtures.models.in_process import run_first_token
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.model_limits import check_room, two_windows_of
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.models.seq2seq_lm import Seq2SeqLM
from tests.tiny_models import WINDOW, make_tokenizer, save, without_warnings
from tests.tiny_seq2seq import (
    make_bart,
    make_seq2seq_tokenizer,
    save_seq2seq,
    save_t5_adapter,
)

REQUEST = ScoreRequest("q", "Question: What?\nAnswer:", (" the gate", " 4.5"))

EMBEDDING = 300 * 32
ATTENTION = 4 * 32 * 32
T5_ENCODER = 2 * (ATTENTION + 3 * 32 * 48 + 2 * 32) + 8 * 4 + 32
T5_DECODER = 2 * (2 * ATTENTION + 3 * 32 * 48 + 3 * 32) + 8 * 4 + 32
T5_BODY = T5_ENCODER + T5_DECODER
LORA = 3 * 2 * 2 * (4 * (32 + 32))
BIASED = ATTENTION + 4 * 32
FORWARD = 2 * 32 * 48 + 48 + 32
POSITIONS = (WINDOW + 2) * 32
BART_ENCODER = 2 * (BIASED + FORWARD + 2 * 64) + POSITIONS + 64
BART_DECODER = 2 * (2 * BIASED + FORWARD + 3 * 64) + POSITIONS + 64
BART_BODY = BART_ENCODER + BART_DECODER


def change_tensors(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})
    return folder


def t5(folder: Path) -> Path:
    return save_seq2seq("t5 1.1", folder)


def t5_with_its_own_head(folder: Path) -> Path:
    """As T5 1.1 and FLAN are published."""

    def add_head(tensors: dict[str, Any]) -> None:
        tensors["lm_head.weight"] = tensors["shared.weight"].flip(0).contiguous()

    return change_tensors(t5(folder), add_head)


def t5_saved_with_all_copies(folder: Path) -> Path:
    """As older versions saved it, with a weight that they never used."""
    import torch

    def add_copies(tensors: dict[str, Any]) -> None:
        for name in ("encoder.embed_tokens", "decoder.embed_tokens", "lm_head"):
            tensors[f"{name}.weight"] = tensors["shared.weight"].clone()
        unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
        tensors[unused] = torch.zeros(8, 4)

    return change_tensors(t5(folder), add_copies)


def bart(folder: Path) -> Path:
    return save_seq2seq("bart", folder)


def untied_bart(folder: Path) -> Path:
    return save_seq2seq("bart", folder, tie_word_embeddings=False)


def lora(folder: Path) -> Path:
    return save_t5_adapter(folder / "adapter", t5(folder / "base"))


@pytest.mark.parametrize(
    ("make", "total", "trainable", "non_embedding"),
    [
        (t5, T5_BODY + EMBEDDING, T5_BODY + EMBEDDING, T5_BODY),
        (t5_with_its_own_head, T5_BODY + 2 * EMBEDDING, T5_BODY + 2 * EMBEDDING, T5_BODY),
        (t5_saved_with_all_copies, T5_BODY + EMBEDDING, T5_BODY + EMBEDDING, T5_BODY),
        (bart, BART_BODY + EMBEDDING, BART_BODY + EMBEDDING, BART_BODY),
        (untied_bart, BART_BODY + 4 * EMBEDDING, BART_BODY + 4 * EMBEDDING, BART_BODY),
        (lora, T5_BODY + EMBEDDING + LORA, LORA, T5_BODY + LORA),
    ],
)
def test_parameters(
    tmp_path: Path,
    make: Callable[[Path], Path],
    total: int,
    trainable: int,
    non_embedding: int,
) -> None:
    plan = resolve_reference(str(make(tmp_path / "model")))
    card = card_of_plan(plan)
    counted = (card.parameters_total, card.parameters_trainable, card.parameters_non_embedding)
    assert counted == (total, trainable, non_embedding)
    loaded = load_model(plan)
    assert loaded.card == card
    assert isinstance(loaded, Seq2SeqLM)


@pytest.mark.parametrize("name", ["t5", "mt5", "umt5", "pegasus", "marian"])
def test_files_and_modules_are_counted_alike(tmp_path: Path, name: str) -> None:
    plan = resolve_reference(str(save_seq2seq(name, tmp_path)))
    assert load_model(plan).card == card_of_plan(plan)


def test_a_head_of_its_own_is_used(tmp_path: Path) -> None:
    """It counts because it is another one: scores are not those of the tied model."""
    folders = (t5(tmp_path / "tied"), t5_with_its_own_head(tmp_path / "own"))
    tied, own = (load_model(resolve_reference(str(folder))) for folder in folders)
    assert tied.score_many([REQUEST]) != own.score_many([REQUEST])


def test_an_adapter_changes_its_base(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSeq2SeqLM

    adapter = lora(tmp_path)
    plain, adapted = (
        load_model(resolve_reference(str(folder))) for folder in (tmp_path / "base", adapter)
    )
    found = adapted.score_many([REQUEST])
    assert found != plain.score_many([REQUEST])
    assert adapted.card.architecture == "T5ForConditionalGeneration + LORA"
    with without_warnings():
        whole = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "base")
        merged = PeftModel.from_pretrained(whole, adapter).merge_and_unload()
    folder = save(merged, tmp_path / "merged", make_seq2seq_tokenizer())
    (wanted,) = load_model(resolve_reference(str(folder))).score_many([REQUEST])
    assert found[0].log_likelihoods == pytest.approx(wanted.log_likelihoods, abs=1e-3)
    texts = [
        model.generate_text(["the lazy dog"], max_new_tokens=6)
        for model in (adapted, load_model(resolve_reference(str(folder))))
    ]
    assert texts[0] == texts[1]


def test_vocabularies_of_two_languages_count(tmp_path: Path) -> None:
    """Marian has one for what is read and one for what is written, and no tokenizer.json."""
    folder = save_seq2seq("marian", tmp_path)
    (folder / "tokenizer.json").unlink()
    for name in ("vocab.json", "source.spm", "target.spm"):
        (folder / name).write_bytes(b"{}")
    before = resolve_reference(str(folder))
    names = {path.name for path in before.tokenizer_files}
    assert {"vocab.json", "source.spm", "target.spm"} <= names
    digest = digest_of_plan(before)
    (folder / "target.spm").write_bytes(b"{ }")
    assert digest_of_plan(resolve_reference(str(folder))) != digest


def test_a_learned_prompt_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    base = t5(tmp_path / "base")
    adapter = save_t5_adapter(tmp_path / "adapter", base)
    settings = adapter / "adapter_config.json"
    content = json.loads(settings.read_text())
    learned = content | {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3}
    settings.write_text(json.dumps(learned))
    with pytest.raises(ModelReferenceError, match="LoRA") as caught:
        resolve_reference(str(adapter))
    assert "learned prompt (PREFIX_TUNING)" in caught.value.got


def test_the_first_token_runs_through_both_halves() -> None:
    module, run = make_bart(), []
    for half in (module.get_encoder(), module.get_decoder()):
        half.register_forward_hook(lambda part, *_: run.append(type(part).__name__))
    run_first_token(module)
    assert run == ["BartEncoder", "BartDecoder"]


@pytest.mark.parametrize("name", ["n_positions", "max_position_embeddings"])
def test_new_tokens_may_fill_a_decoder_s_window(name: str, tmp_path: Path) -> None:
    config = {"is_encoder_decoder": True, name: 64}
    plan = ModelPlan("m", "full", tmp_path, config=config)
    check_room({"teacher": plan}, 64)
    for of_role in (plan, ModelPlan("a", "adapter", tmp_path, base=plan)):
        with pytest.raises(OptionError) as caught:
            check_room({"student": of_role}, 65)
        assert caught.value.wanted == "at most 64"
        assert "decoder" in caught.value.what


def test_halves_with_windows_of_their_own(tmp_path: Path) -> None:
    from transformers import LEDConfig

    config = LEDConfig(max_encoder_position_embeddings=128, max_decoder_position_embeddings=32)
    assert two_windows_of(config, make_tokenizer()) == (128, 32)
    plan = ModelPlan("m", "full", tmp_path, config=config.to_dict())
    check_room({"teacher": plan}, 32)
    with pytest.raises(OptionError, match="window of 32"):
        check_room({"teacher": plan}, 33)


@pytest.mark.slow
def test_memory_and_load_time(tmp_path: Path) -> None:
    folder = t5(tmp_path)
    report = measure_isolated(
        WorkerRequest(ModelToLoad(str(folder)), ("the lazy dog",), batch_sizes=(1, 2), new_tokens=3)
    )
    assert len(report.load_times_s) == 3
    assert report.model_memory_bytes > 0


@pytest.mark.slow
def test_timing_in_processes_of_their_own(tmp_path: Path) -> None:
    folders = {"teacher": t5(tmp_path / "teacher"), "student": bart(tmp_path / "student")}
    request = TimingProcessRequest(
        {role: ModelToLoad(str(folder)) for role, folder in folders.items()},
        ("the lazy dog", "the"),
        new_tokens=3,
        rounds=2,
        threads=1,
    )
    with TimingProcesses(request) as processes:
        taken = processes.take()
    assert {role: len(rounds) for role, rounds in taken.rounds.items()} == {
        "teacher": 2,
        "student": 2,
    }
