"""Whether a training run is over: what a marker, a process and the trainer itself say of it.

One of them decides. A marker file, where one was named: the user's word. Else the process: a run
that still has one is not over, whatever lies in its folder from before. Else the trainer's state;
and where there is none, nothing but rest can tell.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from distill_fixtures.records import Undefined
from distill_fixtures.training.changes import Changes
from distill_fixtures.training.folder import FolderLook
from distill_fixtures.training.order import Clocks, Pace, WaitOrder
from distill_fixtures.training.result import TrainedModel, was_saved_at_the_end
from distill_fixtures.training.saved_model import is_weights_file

__all__ = ["Dead", "Ending", "EndingSigns", "Going", "Over"]

CLOCKS_APART_S = 60.0
"""What a network drive's clock may be behind this machine's."""


@dataclass(frozen=True, slots=True)
class Going:
    """The run is not over, or nothing says so."""

    said: str


@dataclass(frozen=True, slots=True)
class Over:
    """The run has come to its end.

    Attributes:
        since_s: seconds since a process was found gone or a marker there; None where only the
            folder says so, and its writer may still be at work.
    """

    said: str
    since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """The run has ended without coming to its end."""

    said: str


Ending = Going | Over | Dead


class EndingSigns:
    """Asks for the signs, and judges them with what the folder shows."""

    def __init__(self, order: WaitOrder, pace: Pace, clocks: Clocks) -> None:
        self._order = order
        self._pace = pace
        self._seconds = clocks.seconds
        self._process = None if order.pid is None else clocks.process(order.pid)
        self._gone: str | None = None
        self._sign_s: float | None = None
        self._marked = False

    def note(self) -> None:
        """Ask for marker and process; to be called before the folder is looked at."""
        if self._order.marker is not None:
            self._marked = os.path.isfile(self._order.marker)
        if self._process is not None and self._gone is None:
            self._gone = self._process.how_gone()
        if self._sign_s is None and (self._marked or self._gone is not None):
            self._sign_s = self._seconds()

    def ending(self, look: FolderLook, model: TrainedModel | Undefined, changes: Changes) -> Ending:
        """What the signs come to.

        Args:
            model: what would be measured if the run were over now.
        """
        if self._order.marker is not None:
            return self._by_marker()
        if self._process is not None:
            return self._by_process(look, model, changes, self._process.started_s)
        return self._by_folder(look, model, changes)

    def _by_marker(self) -> Ending:
        marker = self._order.marker
        if self._marked:
            return Over(f"the marker {marker} is there", self._since_s())
        if self._gone is not None and self._since_s() >= self._pace.grace_s:
            return Dead(f"{self._gone}, and the marker {marker} did not come")
        return Going(f"waiting for the marker {marker}")

    def _by_process(
        self,
        look: FolderLook,
        model: TrainedModel | Undefined,
        changes: Changes,
        started_s: float | None,
    ) -> Ending:
        if self._gone is None:
            at_end = _why_at_end(look)
            also = "" if isinstance(at_end, Undefined) else f" ({at_end})"
            return Going(f"waiting for process {self._order.pid} to end{also}")
        if _was_there_before(model, changes, started_s):
            return Dead(f"{self._gone}; the model in the folder was there before it began")
        at_end = _why_at_end(look)
        if not isinstance(at_end, Undefined):
            return Over(f"{self._gone}; {at_end}", self._since_s())
        if was_saved_at_the_end(look):
            return Over(self._gone, self._since_s())
        if self._since_s() < self._pace.rest_s:
            return Going(f"{self._gone}; {at_end.reason}")
        return Dead(self._gone)

    def _by_folder(
        self, look: FolderLook, model: TrainedModel | Undefined, changes: Changes
    ) -> Ending:
        at_end = _why_at_end(look)
        if not isinstance(at_end, Undefined):
            return Over(at_end)
        # A checkpoint may yet get its state: that is a trainer's last file of it.
        if look.states or isinstance(model, Undefined) or model.folder != look.folder:
            return Going(at_end.reason)
        quiet = changes.quiet()
        needed_s = max(self._pace.long_rest_s, self._pace.silence_factor * (quiet.usual_s or 0.0))
        if changes.at_rest_s(look.files.keys()) < needed_s:
            return Going(
                f"no trainer's state tells its end: a whole model must rest {needed_s:.0f} s"
            )
        return Over(f"a whole model has not changed for {needed_s:.0f} s, and no state says more")

    def _since_s(self) -> float:
        assert self._sign_s is not None
        return self._seconds() - self._sign_s


def _was_there_before(
    model: TrainedModel | Undefined, changes: Changes, started_s: float | None
) -> bool:
    """Whether a model is left from an earlier run than the one whose process was watched.

    Told from its weights: a script that has only begun writes settings beside them. Weights that
    were written while they were watched are new, whatever a network drive's clock says.
    """
    if isinstance(model, Undefined) or started_s is None:
        return False
    weights = {path: mark for path, mark in model.files.items() if is_weights_file(path)}
    changed_s = max((mark.changed_ns for mark in weights.values()), default=0) / 1e9
    return changed_s < started_s - CLOCKS_APART_S and changes.were_there(weights)


def _why_at_end(look: FolderLook) -> str | Undefined:
    """How the trainer's newest state tells its end, or what it tells instead."""
    state = look.state
    if state is None:
        if not look.files:
            there = (
                "nothing is in it yet"
                if os.path.isdir(look.folder)
                else "the folder is not there yet"
            )
            return Undefined(there)
        return Undefined("the trainer has written no state yet")
    if isinstance(state, Undefined):
        return state
    return state.why_at_end or Undefined("training goes on")
