"""What a trainer writes of its progress: ``trainer_state.json``.

transformers' Trainer, and with it TRL's, writes it as the last file of every checkpoint and where a
script calls ``trainer.save_state()``. It may be read while it is being written, and may come from
anywhere: nothing in it is trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import TrainingError
from distill_fixtures.records import Undefined
from distill_fixtures.tasks.input_file import read_bytes, utf8_text

__all__ = ["STATE_FILE", "TrainerState", "checkpoint_step", "read_trainer_state"]

STATE_FILE = "trainer_state.json"

MOST_STATE_BYTES = 2**27
"""The log of half a million entries."""

MOST_DIGITS = 18
CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")


@dataclass(frozen=True, slots=True)
class TrainerState:
    """How far a trainer was when it wrote this.

    Attributes:
        step: optimiser steps done.
        max_steps: steps that the run is made of; 0 where the trainer does not say.
        loss: of training, the last one logged; may be NaN. None where none was logged.
        best_checkpoint: the name of the folder of the best checkpoint so far by the trainer's own
            metric; its path is left out, because a run's folder may have been moved. None where
            the trainer named none.
        stopped_early: the trainer's early stopping ended the run here.
        summed_up: ``train()`` has returned: its last words, with the whole run's time, are logged.
    """

    step: int
    max_steps: int = 0
    loss: float | None = None
    best_checkpoint: str | None = None
    stopped_early: bool = False
    summed_up: bool = False

    @property
    def progress(self) -> str:
        """The step, for people."""
        return f"step {self.step}" + (f" of {self.max_steps}" if self.max_steps else "")

    @property
    def why_at_end(self) -> str | None:
        """How the run's end is told from this; None where training goes on after it.

        >>> TrainerState(20, 20).why_at_end
        'the last of its 20 steps is done'
        >>> TrainerState(10, 20).why_at_end
        """
        if self.max_steps > 0 and self.step >= self.max_steps:
            return f"the last of its {self.max_steps} steps is done"
        if self.stopped_early:
            return f"early stopping ended it at {self.progress}"
        if self.summed_up:
            return f"train() returned at {self.progress}"
        return None


def checkpoint_step(name: str) -> int | None:
    """The step in a checkpoint's folder name; None for any other name.

    >>> checkpoint_step("checkpoint-500")
    500
    >>> checkpoint_step("checkpoint-last")
    """
    found = CHECKPOINT.fullmatch(name)
    return None if found is None else int(found[1])


def read_trainer_state(path: Path) -> TrainerState | Undefined:
    """A trainer's state, or why it cannot be read: it may be only half written."""
    try:
        content = read_bytes(
            path, limit_bytes=MOST_STATE_BYTES, what="the trainer's state", error=TrainingError
        )
        text = utf8_text(content, STATE_FILE, error=TrainingError)
        told = json.loads(text, parse_int=_whole_number)
    except TrainingError as error:
        return Undefined(f"{error.what}: {error.got}")
    except (ValueError, RecursionError) as fault:
        return Undefined(f"{STATE_FILE} is no whole JSON: {fault}"[:200])
    if not isinstance(told, dict):
        return Undefined(f"{STATE_FILE} holds no object")
    step = _count(told.get("global_step"))
    if step is None:
        return Undefined(f"{STATE_FILE} has no global_step")
    log = [each for each in _items(told.get("log_history")) if isinstance(each, dict)]
    return TrainerState(
        step=step,
        max_steps=_count(told.get("max_steps")) or 0,
        loss=next(
            (x for each in reversed(log) if (x := _number(each.get("loss"))) is not None), None
        ),
        best_checkpoint=_checkpoint_name(told.get("best_model_checkpoint")),
        stopped_early=_stopped_early(told.get("stateful_callbacks")),
        summed_up=_summed_up(log),
    )


def _summed_up(log: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the run's own summary is there and no training after it: a script may evaluate
    before it saves the state."""
    for each in reversed(log):
        if "train_runtime" in each:
            return True
        if "loss" in each:
            return False
    return False


def _stopped_early(callbacks: Any) -> bool:
    """Whether early stopping ran out of patience and told the run to stop.

    The order to stop alone says nothing: a run that is asked by SIGTERM to save and go, so that it
    may be resumed, has it in its checkpoint too.
    """
    stopping = _mapping(_mapping(callbacks).get("EarlyStoppingCallback"))
    patience = _count(_mapping(stopping.get("args")).get("early_stopping_patience"))
    counted = _count(_mapping(stopping.get("attributes")).get("early_stopping_patience_counter"))
    control = _mapping(_mapping(_mapping(callbacks).get("TrainerControl")).get("args"))
    if patience is None or counted is None:
        return False
    return counted >= patience and control.get("should_training_stop") is True


def _checkpoint_name(written: Any) -> str | None:
    """The last part of a path of whatever system, where it names a checkpoint."""
    if not isinstance(written, str):
        return None
    name = written.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return None if checkpoint_step(name) is None else name


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int | None:
    """A whole number from 0; some trainers write steps as floats."""
    if isinstance(value, float) and value.is_integer() and value < 10**MOST_DIGITS:
        value = int(value)
    return value if type(value) is int and value >= 0 else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None


def _whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)
