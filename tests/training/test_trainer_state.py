"""trainer_state.json, as a trainer writes it, half written, and made to harm."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill_fixtures.records import Undefined
from distill_fixtures.training.trainer_state import (
    TrainerState,
    checkpoint_step,
    read_trainer_state,
)
from tests.training.made_up_training import state_text


def read(folder: Path, content: bytes) -> TrainerState | Undefined:
    path = folder / "trainer_state.json"
    path.write_bytes(content)
    return read_trainer_state(path)


def read_known(folder: Path, step: int = 10, **more: Any) -> TrainerState:
    found = read(folder, state_text(step, **more))
    assert isinstance(found, TrainerState)
    return found


def test_what_a_trainer_writes(tmp_path: Path) -> None:
    found = read_known(tmp_path, 10, best_model_checkpoint="out/run/checkpoint-8")
    assert found == TrainerState(10, 20, loss=4.0, best_checkpoint="checkpoint-8")
    assert found.progress == "step 10 of 20"
    assert found.why_at_end is None


def test_transformers_own_writer_is_read(tmp_path: Path) -> None:
    from transformers import TrainerState as Written

    written = Written(global_step=7, max_steps=7, log_history=[{"loss": 1.5, "step": 7}])
    written.save_to_json(str(tmp_path / "trainer_state.json"))
    found = read_trainer_state(tmp_path / "trainer_state.json")
    assert found == TrainerState(7, 7, loss=1.5)


EARLY: dict[str, Any] = {
    "EarlyStoppingCallback": {
        "args": {"early_stopping_patience": 2},
        "attributes": {"early_stopping_patience_counter": 2},
    },
    "TrainerControl": {"args": {"should_training_stop": True}},
}
RAN_OUT = {"attributes": {"early_stopping_patience_counter": 1}}


@pytest.mark.parametrize(
    ("more", "step", "end"),
    [
        ({}, 19, None),
        ({}, 20, "the last of its 20 steps is done"),
        ({}, 21, "the last of its 20 steps is done"),
        ({"max_steps": 0}, 5, None),
        ({"max_steps": -1}, 5, None),
        ({"stateful_callbacks": EARLY}, 8, "early stopping ended it at step 8 of 20"),
        (
            {
                "stateful_callbacks": EARLY
                | {"EarlyStoppingCallback": EARLY["EarlyStoppingCallback"] | RAN_OUT}
            },
            8,
            None,
        ),
        # What a run leaves that was asked by SIGTERM to save and go.
        ({"stateful_callbacks": {"TrainerControl": EARLY["TrainerControl"]}}, 8, None),
        (
            {"log_history": [{"loss": 1.0}, {"train_runtime": 5.0, "train_loss": 1.0}]},
            8,
            "train() returned at step 8 of 20",
        ),
        ({"log_history": [{"train_runtime": 5.0}, {"loss": 1.0}]}, 8, None),
        (
            {"log_history": [{"train_runtime": 5.0}, {"eval_loss": 1.0}]},
            8,
            "train() returned at step 8 of 20",
        ),
    ],
)
def test_the_end(tmp_path: Path, more: dict[str, Any], step: int, end: str | None) -> None:
    assert read_known(tmp_path, step, **more).why_at_end == end


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("out/checkpoint-40", "checkpoint-40"),
        ("/moved/away/checkpoint-40/", "checkpoint-40"),
        ("C:\\runs\\a\\checkpoint-40", "checkpoint-40"),
        ("../../../etc", None),
        ("checkpoint-40/../..", None),
        ("checkpoint-", None),
        ("checkpoint-1\n", None),
        ("", None),
        (None, None),
        (5, None),
        (["checkpoint-40"], None),
    ],
)
def test_the_best_is_a_name_and_never_a_path(
    tmp_path: Path, written: Any, name: str | None
) -> None:
    assert read_known(tmp_path, best_model_checkpoint=written).best_checkpoint == name


@pytest.mark.parametrize(
    ("log", "loss"),
    [
        ([], None),
        ([{"eval_loss": 1.0}], None),
        ([{"loss": 3.0}, {"loss": 2.0}, {"eval_loss": 9.0}], 2.0),
        ([{"loss": 2.0}, {"loss": "low"}], 2.0),
        ([{"loss": True}], None),
        (["loss", 5, None], None),
        ("loss", None),
        ({"loss": 1}, None),
    ],
)
def test_the_loss(tmp_path: Path, log: Any, loss: float | None) -> None:
    assert read_known(tmp_path, log_history=log).loss == loss


def test_a_loss_that_has_run_away(tmp_path: Path) -> None:
    loss = read_known(tmp_path, log_history=[{"loss": math.nan}]).loss
    assert loss is not None
    assert math.isnan(loss)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        state_text(10)[:40],
        b"[]",
        b"5",
        b"{}",
        b'{"global_step": "many"}',
        b'{"global_step": -1}',
        b'{"global_step": true}',
        b'{"global_step": 1.5}',
        b'{"global_step": NaN}',
        b'{"global_step": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes) -> None:
    found = read(tmp_path, content)
    assert isinstance(found, Undefined)
    assert found.reason


def test_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trainer_state.json")
    assert isinstance(read_trainer_state(tmp_path / "trainer_state.json"), Undefined)
    assert isinstance(read_trainer_state(tmp_path / "none.json"), Undefined)


def test_steps_as_floats(tmp_path: Path) -> None:
    found = read(tmp_path, b'{"global_step": 20.0, "max_steps": 20.0}')
    assert found == TrainerState(20, 20)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("max_steps", "log_history", "best_model_checkpoint", "stateful_callbacks")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(more=st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_anything_in_its_fields_is_taken_or_left(tmp_path: Path, more: dict[str, Any]) -> None:
    found = read(tmp_path, json.dumps({"global_step": 3} | more).encode())
    if isinstance(found, TrainerState):
        assert found.step == 3
        assert found.best_checkpoint is None or checkpoint_step(found.best_checkpoint) is not None
