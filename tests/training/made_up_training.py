"""A training run that is played: files appear at known seconds of a clock that sleeping moves."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill_fixtures.training.order import Clocks, Pace, WaitOrder
from distill_fixtures.training.result import TrainedModel
from distill_fixtures.training.watcher import Sighting, TrainingWatcher

__all__ = ["Played", "StillWaiting", "pickled", "state_text", "weights"]

BEGAN_EPOCH_S = 1_750_000_000.0
POLL_S = 5.0


class StillWaiting(Exception):  # noqa: N818 - it is no fault, but where a test stops looking
    """The watcher has not come to an end within the time that was played."""


def weights(number: int = 4, *, fill: int = 0) -> bytes:
    """A safetensors file of one tensor."""
    header = {"w": {"dtype": "F32", "shape": [number], "data_offsets": [0, 4 * number]}}
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes([fill]) * (4 * number)


def pickled() -> bytes:
    """What ``torch.save`` writes is a zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("data.pkl", b"x" * 100)
    return made.getvalue()


def state_text(step: int, max_steps: int = 20, **more: Any) -> bytes:
    """As much of trainer_state.json as transformers 5.23 writes and is read."""
    state: dict[str, Any] = {
        "global_step": step,
        "max_steps": max_steps,
        "best_model_checkpoint": None,
        "log_history": [{"loss": 5.0 - step / 10, "step": step}],
        "stateful_callbacks": {"TrainerControl": {"args": {"should_training_stop": False}}},
    }
    return json.dumps(state | more, indent=2).encode()


@dataclass
class FakeProcess:
    """Runs until a second of the played clock."""

    clock: Callable[[], float]
    ends_s: float
    started_s: float | None = None

    def how_gone(self) -> str | None:
        return "process 4711 has ended" if self.clock() >= self.ends_s else None


@dataclass
class Played:
    """One run, and the watcher's world.

    Attributes:
        folder: of the run.
        seconds: the clock; sleeping moves it and plays what is due.
        shown: what the watcher showed.
    """

    folder: Path
    seconds: float = 0.0
    process_ends_s: float = float("inf")
    process_began_s: float = 0.0
    shown: list[Sighting] = field(default_factory=list)
    last_write_s: float = 0.0
    _plan: list[tuple[float, str, bytes, bool]] = field(default_factory=list)
    _until_s: float = 0.0

    # What the run does.

    def write(self, at_s: float, name: str, content: bytes = b"{}") -> Played:
        """A file of the folder, whole at once."""
        return self._planned(at_s, name, content, append=False)

    def append(self, at_s: float, name: str, content: bytes) -> Played:
        """More of a file."""
        return self._planned(at_s, name, content, append=True)

    def model(self, at_s: float, inside: str = "", *, content: bytes | None = None) -> Played:
        """What ``trainer.save_model`` writes, in its order."""
        for name in ("config.json", "generation_config.json"):
            self.write(at_s, inside + name)
        self.write(at_s, inside + "model.safetensors", weights() if content is None else content)
        for name in ("tokenizer_config.json", "tokenizer.json"):
            self.write(at_s, inside + name)
        return self.write(at_s, inside + "training_args.bin", pickled())

    def adapter(self, at_s: float, inside: str = "") -> Played:
        self.write(at_s, inside + "README.md", b"")
        self.write(at_s, inside + "adapter_model.safetensors", weights())
        self.write(at_s, inside + "adapter_config.json")
        return self.write(at_s, inside + "training_args.bin", pickled())

    def checkpoint(self, at_s: float, step: int, *, adapter: bool = False, **state: Any) -> Played:
        """What ``Trainer._save_checkpoint`` writes, in its order."""
        inside = f"checkpoint-{step}/"
        (self.adapter if adapter else self.model)(at_s, inside)
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
            self.write(at_s, inside + name, pickled())
        return self.write(at_s, inside + "trainer_state.json", state_text(step, **state))

    def _planned(self, at_s: float, name: str, content: bytes, *, append: bool) -> Played:
        self._plan.append((at_s, name, content, append))
        return self

    def written(self) -> Path:
        """The folder as it is when all that was planned is done."""
        self.seconds = max(at_s for at_s, *_ in self._plan)
        self._play()
        return self.folder

    # The watcher's world.

    def wait(
        self, *, until_s: float = 3600.0, pace: Pace | None = None, **order: Any
    ) -> TrainedModel:
        """Let the watcher wait.

        Raises:
            StillWaiting: it waits on at ``until_s``.
        """
        self._until_s = until_s
        self._play()
        clocks = Clocks(
            seconds=lambda: self.seconds,
            now=lambda: BEGAN_EPOCH_S + self.seconds,
            process=lambda pid: FakeProcess(
                lambda: self.seconds, self.process_ends_s, BEGAN_EPOCH_S + self.process_began_s
            ),
        )
        asked = WaitOrder(self.folder, **order)
        watcher = TrainingWatcher(asked, self, self.shown.append, pace=pace, clocks=clocks)
        return watcher.wait()

    def sleep(self, most_s: float) -> None:
        """The alarm's part: time passes, and the run goes on."""
        assert most_s > 0
        self.seconds += min(most_s, POLL_S)
        if self.seconds > self._until_s:
            raise StillWaiting(self.shown[-1])
        self._play()

    def _play(self) -> None:
        due = [each for each in self._plan if each[0] <= self.seconds]
        self._plan = [each for each in self._plan if each[0] > self.seconds]
        # In the order in which they were planned, where they fall into one second.
        for at_s, name, content, append in sorted(due, key=lambda each: each[0]):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab" if append else "wb") as file:
                file.write(content)
            os.utime(path, (BEGAN_EPOCH_S + at_s, BEGAN_EPOCH_S + at_s))
            self.last_write_s = max(self.last_write_s, self.seconds)
