"""transformers' own Trainer in a process of its own: how it ends is recognised rightly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import TrainingError
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.training.order import Pace, WaitOrder
from distill_fixtures.training.result import TrainedModel
from distill_fixtures.training.watcher import Sighting, TrainingWatcher
from tests.training.train_tiny import PIECE_S, PIECES, SAVE_STEPS, STEPS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PACE = Pace(rest_s=1.5, rest_of_checkpoint_s=3.0, long_rest_s=6.0, grace_s=2.0, silence_s=4.0)
LONGEST_S = 240.0

Start = Callable[[str], "Training"]


class SilentError(Exception):
    """The watcher shows that the run gives no sign of life."""


class Training:
    """A run in another process, and what a watcher saw of it."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.shown: list[Sighting] = []
        self.on_look: Callable[[], None] = lambda: None
        self._log = folder.with_name("train.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.training.train_tiny", str(folder), kind],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait(self, **order: Any) -> TrainedModel:
        asked = WaitOrder(self.folder, **({"timeout_s": LONGEST_S} | order))
        return TrainingWatcher(asked, self, self.shown.append, pace=PACE).wait()

    def sleep(self, most_s: float) -> None:
        """The alarm's part; a training script that fails by itself is the test's fault."""
        time.sleep(min(most_s, 0.2))
        assert self.process.poll() in (None, 0, -9), self.log()
        self.on_look()

    def log(self) -> str:
        return self.folder.with_name("train.log").read_text(encoding="utf-8")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    began: list[Training] = []

    def start_one(kind: str) -> Training:
        began.append(Training(tmp_path / "run", kind))
        return began[-1]

    yield start_one
    for each in began:
        each.close()


def test_one_that_ends(start: Start) -> None:
    training = start("final")
    model = training.wait(pid=training.process.pid)
    assert training.process.wait(timeout=1) == 0
    assert model.folder == training.folder
    assert model.closed
    assert resolve_reference(str(model.folder)).kind == "full"
    steps = [each.state.step for each in training.shown if each.state is not None]
    assert sorted(steps) == steps
    assert {SAVE_STEPS, STEPS} <= set(steps)
    assert any(each.state is not None and each.state.loss is not None for each in training.shown)
    assert any(each.left_s is not None for each in training.shown)


def test_one_with_only_checkpoints(start: Start) -> None:
    """Told by the trainer's state alone."""
    training = start("checkpoints")
    model = training.wait()
    assert model.folder == training.folder / f"checkpoint-{STEPS}"
    assert "the newest checkpoint" in model.said
    assert resolve_reference(str(model.folder)).kind == "full"
    with pytest.raises(TrainingError, match="no best checkpoint"):
        training.wait(choice="best")


def test_one_that_writes_its_last_file_slowly(start: Start) -> None:
    training = start("slowly")
    model = training.wait(pid=None)
    weights = training.folder / "model.safetensors"
    aside = training.folder.with_name("aside") / "model.safetensors"
    if model.folder == training.folder:
        assert weights.read_bytes() == aside.read_bytes()
        assert PACE.rest_s < PIECES * PIECE_S, "else nothing was shown by this"
    else:
        # Its last checkpoint was at rest before the writing began: the same weights.
        assert model.folder.name == f"checkpoint-{STEPS}"
        assert (model.folder / "model.safetensors").read_bytes() == aside.read_bytes()
    assert any("is not whole" in each.reason for each in training.shown)


def test_one_killed_half_way(start: Start) -> None:
    training = start("final")

    def kill() -> None:
        if (training.folder / f"checkpoint-{2 * SAVE_STEPS}" / "trainer_state.json").exists():
            training.process.kill()

    training.on_look = kill
    with pytest.raises(TrainingError) as caught:
        training.wait(pid=training.process.pid)
    error = caught.value
    assert "ended before it was done" in error.what
    assert f"step {2 * SAVE_STEPS} of {STEPS}" in error.got
    measurable = training.folder / f"checkpoint-{2 * SAVE_STEPS}"
    assert f"--student-model {measurable}" in error.next_step
    assert resolve_reference(str(measurable)).kind == "full"


def test_one_killed_with_no_process_to_ask(start: Start) -> None:
    """It cannot be told from a slow one: it is said to be silent, and waited for."""
    training = start("final")

    def kill_and_look() -> None:
        if (training.folder / f"checkpoint-{2 * SAVE_STEPS}" / "trainer_state.json").exists():
            training.process.kill()
        if training.process.poll() is not None and training.shown[-1].silent_since is not None:
            raise SilentError

    training.on_look = kill_and_look
    with pytest.raises(SilentError):
        training.wait()
    last = training.shown[-1]
    assert last.state is not None
    assert last.state.step == 2 * SAVE_STEPS
    assert last.reason == "training goes on"


def test_one_that_stops_early_and_its_best(start: Start) -> None:
    training = start("stopped")
    model = training.wait(pid=training.process.pid)
    assert model.folder == training.folder
    assert any("early stopping ended it at step 10 of 20" in each.reason for each in training.shown)
    best = training.wait(choice="best")
    assert best.folder == training.folder / f"checkpoint-{SAVE_STEPS}"


def test_one_that_trains_an_adapter(start: Start) -> None:
    training = start("adapter")
    model = training.wait(pid=training.process.pid)
    assert model.folder == training.folder
    assert resolve_reference(str(model.folder)).kind == "adapter"
