"""Which model a training run leaves, told from one look at its folder."""

from __future__ import annotations

import filecmp
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from distill_fixtures.errors import TrainingError
from distill_fixtures.records import Undefined
from distill_fixtures.training.folder import FileMark, FolderLook
from distill_fixtures.training.saved_model import (
    MODEL_FILES,
    fault_of_model,
    is_model_file,
    is_weights_file,
    is_whole,
)
from distill_fixtures.training.trainer_state import STATE_FILE, TrainerState, checkpoint_step

__all__ = [
    "Choice",
    "TrainedModel",
    "chosen_model",
    "measurable_now",
    "refuse_best",
    "was_saved_at_the_end",
]

Choice = Literal["best", "last"]

ARGUMENTS = "training_args.bin"
"""The last file that a Trainer writes with a model."""

LOGS = (".log", ".out", ".err")


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A whole model in a run's folder.

    Attributes:
        folder: of the model: the run's own, or a checkpoint's.
        said: which of the run's models it is, for people.
        files: those that must be at rest before it is taken, by their path in the run's folder.
        closed: the file that a Trainer writes last is there and no older than the weights. Without
            it more may be to come: scripts that save by themselves write none, and copies have
            times of their own.
        doubt: what may be wrong with the choice, in a sentence; None: nothing speaks against it.
    """

    folder: Path
    said: str
    files: Mapping[str, FileMark]
    closed: bool
    doubt: str | None = None


def chosen_model(look: FolderLook, choice: Choice) -> TrainedModel | Undefined:
    """The model that would be measured if training were over now, or why there is none yet.

    ``last``: the model in the folder itself, where it was saved after the newest checkpoint, else
    that checkpoint. ``best``: the checkpoint that the trainer's state names.
    """
    if choice == "best":
        return _best(look)
    newest = look.checkpoints[-1] if look.checkpoints else None
    if _final_begun(look):
        fault = fault_of_model(look.folder)
        if fault is not None:
            return Undefined(f"the model in the folder itself: {fault}")
        said = "the model saved in the folder itself"
        return TrainedModel(look.folder, said, _own_files(look), _closed_by(look, "", ARGUMENTS))
    if newest is None:
        return Undefined("there is no model in it yet")
    fault = _fault_of_checkpoint(look, newest)
    if fault is not None:
        return Undefined(f"{newest}: {fault}")
    return TrainedModel(
        look.folder / newest,
        f"{newest}, the newest checkpoint: no model was saved in the folder itself after it",
        look.part(newest),
        _closed_by(look, newest, STATE_FILE),
        _doubt_about(look, newest),
    )


def _doubt_about(look: FolderLook, newest: str) -> str | None:
    """A run that began anew in an old folder and a copy whose files have other times look alike."""
    last = max(look.checkpoints, key=lambda name: checkpoint_step(name) or 0)
    if last == newest:
        return None
    return (
        f"{newest} is taken as the newest checkpoint, as its files were written after those of "
        f"{last}; in a folder that was copied without its times that may be wrong "
        f"(--student-model {look.folder / last} measures the other)"
    )


def refuse_best(look: FolderLook) -> None:
    """See that a run that is over has a best checkpoint.

    Raises:
        TrainingError: the trainer's last state names none, or one that is not there.
    """
    state = look.state
    named = state.best_checkpoint if isinstance(state, TrainerState) else None
    if named is not None and named in look.checkpoints:
        return
    got = f"its state names {named}, which is not there" if named else "its state names none"
    measurable = measurable_now(look)
    raise TrainingError(
        f"the training in {look.folder} has no best checkpoint",
        got=got if look.states else f"no {STATE_FILE}",
        wanted="best_model_checkpoint in the trainer's state, which transformers writes with "
        "metric_for_best_model (or load_best_model_at_end) and an evaluation at each save",
        next_step="measure the last one without --distill-checkpoint best"
        + (f", or --student-model {measurable}" if measurable else ""),
    )


def was_saved_at_the_end(look: FolderLook) -> bool:
    """Whether the model in the folder itself holds more training than the newest checkpoint.

    While it trains, a Trainer that pushes to the Hub copies each checkpoint's files into the
    folder; those say nothing of an end. What differs from them was saved by the script, after it.
    """
    if not isinstance(chosen_model(look, "last"), TrainedModel) or not _final_begun(look):
        return False
    if not look.checkpoints:
        return True
    newest = look.folder / look.checkpoints[-1]
    weights = [name for name in look.part("") if is_weights_file(name)]
    try:
        return not all(
            filecmp.cmp(look.folder / name, newest / name, shallow=False) for name in weights
        )
    except OSError:
        return True  # the checkpoint has other files


def measurable_now(look: FolderLook) -> Path | None:
    """The newest whole model in the folder, whatever became of the run; None without one."""
    final = chosen_model(look, "last")
    if isinstance(final, TrainedModel):
        return final.folder
    for name in reversed(look.checkpoints):
        if _fault_of_checkpoint(look, name) is None:
            return look.folder / name
    return look.folder if fault_of_model(look.folder) is None else None


def _best(look: FolderLook) -> TrainedModel | Undefined:
    state = look.state
    named = state.best_checkpoint if isinstance(state, TrainerState) else None
    if named is None or named not in look.checkpoints:
        return Undefined("the trainer has named no best checkpoint yet")
    fault = _fault_of_checkpoint(look, named)
    if fault is not None:
        return Undefined(f"{named}, the best so far: {fault}")
    # What comes after the best one may still be being written, and name another.
    files = {**look.part(named), **look.part(look.checkpoints[-1])}
    return TrainedModel(
        look.folder / named,
        f"{named}, the best checkpoint by the trainer's own metric",
        files,
        _closed_by(look, named, STATE_FILE),
    )


def _fault_of_checkpoint(look: FolderLook, name: str) -> str | None:
    """Why a checkpoint is not whole, or not yet; None where it is."""
    fault = fault_of_model(look.folder / name)
    if fault is None and look.states and f"{name}/{STATE_FILE}" not in look.files:
        return f"it has no {STATE_FILE} yet"
    return fault


def _closed_by(look: FolderLook, name: str, last_file: str) -> bool:
    """Whether the file that is written last is there and not left from before."""
    files = {path.rpartition("/")[2]: mark for path, mark in look.part(name).items()}
    if last_file not in files or not is_whole(look.folder / name / last_file):
        return False
    own = [mark.changed_ns for each, mark in files.items() if is_model_file(each)]
    return max(own, default=0) <= files[last_file].changed_ns


def _final_begun(look: FolderLook) -> bool:
    """Whether a model in the folder itself was begun after the newest checkpoint.

    An older one is left from an earlier run, or was put there to begin with.
    """
    own = [mark.changed_ns for name, mark in look.part("").items() if is_model_file(name)]
    if not own:
        return False
    if not look.checkpoints:
        return True
    return max(own) >= max(mark.changed_ns for mark in look.part(look.checkpoints[-1]).values())


def _own_files(look: FolderLook) -> dict[str, FileMark]:
    """What must be at rest: all in the folder but logs, which may be written for long after."""
    return {
        name: mark
        for name, mark in look.part("").items()
        if not name.endswith(LOGS) or name in MODEL_FILES
    }
