"""Waits until a training run is over, and says which model it left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from distill_fixtures.errors import TrainingError
from distill_fixtures.records import Undefined
from distill_fixtures.training.alarm import Alarm
from distill_fixtures.training.changes import Changes
from distill_fixtures.training.endings import Dead, Ending, EndingSigns, Going, Over
from distill_fixtures.training.folder import FileMark, FolderLook, FolderScanner
from distill_fixtures.training.order import Clocks, Flags, Pace, WaitOrder
from distill_fixtures.training.result import (
    TrainedModel,
    chosen_model,
    measurable_now,
    refuse_best,
)
from distill_fixtures.training.trainer_state import TrainerState

__all__ = ["Sighting", "TrainingWatcher"]

LEAST_SLEEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Sighting:
    """How a run looked at one moment of waiting, for those who show it.

    Attributes:
        waited_s: since waiting began.
        state: what the trainer last said; None where it said nothing that can be read.
        left_s: what training may still take, by the time between its two newest checkpoints;
            None where that is not told, or is over already.
        reason: what is waited for.
        silent_since: when the last sign of life was seen, in seconds since 1970; None while the
            run is no longer silent than it has been before.
        usual_s: the longest time between two changes before; None while there were no two.
    """

    waited_s: float
    state: TrainerState | None
    left_s: float | None
    reason: str
    silent_since: float | None = None
    usual_s: float | None = None


class TrainingWatcher:
    """Waits for one run.

    Args:
        alarm: sleeps between looks.
        show: told of every look that did not end the waiting.
        flags: names of options, for messages.
    """

    def __init__(
        self,
        order: WaitOrder,
        alarm: Alarm,
        show: Callable[[Sighting], None],
        *,
        flags: Flags | None = None,
        pace: Pace | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._order = order
        self._alarm = alarm
        self._show = show
        self._flags = flags or Flags()
        self._pace = pace or Pace()
        self._clocks = clocks or Clocks()
        self._scanner = FolderScanner(order.folder)
        self._changes = Changes(self._clocks.seconds, self._clocks.now)
        self._signs = EndingSigns(order, self._pace, self._clocks)
        self._began_s = self._clocks.seconds()
        self._known: tuple[Mapping[str, FileMark], TrainedModel | Undefined] | None = None

    def wait(self) -> TrainedModel:
        """Wait.

        Returns:
            The model, whole and at rest.

        Raises:
            TrainingError: the run has died, its end left no model that can be used, or the time
                is over.
        """
        while True:
            # Before the look: what a process wrote last is there once it has ended.
            self._signs.note()
            look = self._scanner.look()
            self._changes.note(look)
            model = self._model(look)
            ending = self._signs.ending(look, model, self._changes)
            if isinstance(ending, Dead):
                self._refuse_dead(look, ending)
            rest_s = self._rest_still_needed_s(look, ending, model)
            if isinstance(model, TrainedModel) and rest_s is not None and rest_s <= 0:
                return model
            reason = self._reason(ending, model)
            self._check_time(look, reason, is_settling=rest_s is not None)
            self._show(self._sighting(look, reason))
            self._alarm.sleep(self._longest_sleep_s(rest_s))

    def _model(self, look: FolderLook) -> TrainedModel | Undefined:
        """What would be measured now; headers are read again only after a change."""
        if self._known is None or self._known[0] != look.files:
            self._known = look.files, chosen_model(look, self._order.choice)
        return self._known[1]

    def _rest_still_needed_s(
        self, look: FolderLook, ending: Ending, model: TrainedModel | Undefined
    ) -> float | None:
        """For how long the model's files must still stay as they are; None where it is not time."""
        if not isinstance(ending, Over):
            return None
        if isinstance(model, Undefined):
            if self._order.choice == "best" and self._changes.quiet().for_s >= self._pace.rest_s:
                refuse_best(look)
            if self._is_model_overdue(look, ending):
                self._refuse_unusable(look, ending, model)
            return None
        needed_s = self._pace.rest_s
        if ending.since_s is None and model.folder != look.folder:
            needed_s = self._pace.rest_of_checkpoint_s
        if ending.since_s is None and not model.closed:
            needed_s = self._pace.long_rest_s
        return needed_s - self._changes.at_rest_s(model.files.keys())

    def _is_model_overdue(self, look: FolderLook, ending: Over) -> bool:
        """Whether a run that is over has had its time to leave a model.

        Where only the trainer's own word says so its script may still evaluate, so that silence
        must tell that it is done.
        """
        if ending.since_s is not None:
            return ending.since_s >= self._pace.grace_s
        return self._changes.at_rest_s(look.files.keys()) > self._silence_bound_s()

    def _silence_bound_s(self) -> float:
        """How long nothing may change before the run is said to give no sign of life."""
        usual_s = self._changes.quiet().usual_s
        if usual_s is None:
            return self._pace.blind_silence_s
        return max(self._pace.silence_s, self._pace.silence_factor * usual_s)

    def _reason(self, ending: Ending, model: TrainedModel | Undefined) -> str:
        if isinstance(ending, Going):
            return ending.said
        if isinstance(model, Undefined):
            return f"{ending.said}; {model.reason}"
        return f"{ending.said}; its files are watched for a while"

    def _sighting(self, look: FolderLook, reason: str) -> Sighting:
        state = look.state
        quiet = self._changes.quiet()
        is_silent = quiet.for_s > self._silence_bound_s()
        return Sighting(
            waited_s=self._waited_s(),
            state=state if isinstance(state, TrainerState) else None,
            left_s=self._left_s(look),
            reason=reason,
            silent_since=self._clocks.now() - quiet.for_s if is_silent else None,
            usual_s=quiet.usual_s,
        )

    def _left_s(self, look: FolderLook) -> float | None:
        """By the two newest checkpoints' times, from the moment of the newer one's last change."""
        told = look.seconds_a_step()
        state = look.state
        if told is None or not isinstance(state, TrainerState) or not state.max_steps:
            return None
        step_s, written_ns = told
        since_s = max(0.0, self._clocks.now() - written_ns / 1e9)
        left_s = (state.max_steps - state.step) * step_s - since_s
        return left_s if left_s > 0 else None

    def _waited_s(self) -> float:
        return self._clocks.seconds() - self._began_s

    def _longest_sleep_s(self, rest_s: float | None) -> float:
        sleeps = [self._pace.long_rest_s]
        if rest_s is not None:
            sleeps.append(rest_s)
        if self._order.timeout_s is not None and self._order.timeout_s > self._waited_s():
            sleeps.append(self._order.timeout_s - self._waited_s())
        return max(min(sleeps), LEAST_SLEEP_S)

    def _check_time(self, look: FolderLook, reason: str, *, is_settling: bool) -> None:
        """End a wait whose time is over; a model that is nearly taken gets its rest first."""
        timeout_s = self._order.timeout_s
        if timeout_s is None:
            return
        extra_s = self._pace.rest_of_checkpoint_s if is_settling else 0.0
        if self._waited_s() < timeout_s + extra_s:
            return
        raise TrainingError(
            f"the training in {self._order.folder} was not over in time",
            got=f"{_progress(look)} after {timeout_s:g} s of waiting ({reason})",
            wanted=f"its end within {self._flags.timeout} {timeout_s:g}",
            next_step=f"wait longer, or without {self._flags.timeout}{self._instead(look)}",
        )

    def _refuse_dead(self, look: FolderLook, ending: Dead) -> NoReturn:
        raise TrainingError(
            f"the training in {self._order.folder} ended before it was done",
            got=f"{ending.said}; {_progress(look)}",
            wanted="a run that comes to its end and leaves a model",
            next_step="see what the training script wrote last, and resume it"
            + self._instead(look),
        )

    def _refuse_unusable(self, look: FolderLook, ending: Over, model: Undefined) -> NoReturn:
        raise TrainingError(
            f"the training in {self._order.folder} is over and left no model that can be used",
            got=f"{ending.said}; {model.reason}",
            wanted="a model or an adapter as save_pretrained writes it: settings, whole weights",
            next_step="let the training script end with trainer.save_model()" + self._instead(look),
        )

    def _instead(self, look: FolderLook) -> str:
        """What could be measured as things are."""
        found = measurable_now(look)
        if found is None:
            return "; no model in the folder can be measured as it is"
        return f"; to measure what there is: --student-model {found}"


def _progress(look: FolderLook) -> str:
    """The last step that the trainer wrote of, for people."""
    state = look.state
    if isinstance(state, Undefined):
        return state.reason
    if state is None:
        return "the trainer has written no state of its progress"
    return f"the last state written is of {state.progress}"
