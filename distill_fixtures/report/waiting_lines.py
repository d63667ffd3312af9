"""What is shown of a training run while it is waited for: one sentence, again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from distill_fixtures.report.printable import printable
from distill_fixtures.training.watcher import Sighting

__all__ = ["LinesNowAndThen", "live_line", "sentence_of"]

NEWS_EVERY_S = 60.0
ALL_IS_WELL_EVERY_S = 600.0


def sentence_of(folder: Path, sighting: Sighting) -> str:
    """How far the run in ``folder`` is, what is waited for, and when it last gave a sign of life.

    >>> from distill_fixtures.training.trainer_state import TrainerState
    >>> state = TrainerState(300, 1000, loss=2.25)
    >>> sentence_of(Path("runs/a"), Sighting(5.0, state, 750.0, "training goes on"))
    'training in runs/a: step 300 of 1000, loss 2.25, about 0:12:30 left; training goes on'
    """
    parts = [sighting.reason]
    state = sighting.state
    if state is not None:
        known = [state.progress]
        if state.loss is not None:
            known.append(
                f"loss {state.loss:.4g}" if math.isfinite(state.loss) else "loss NaN or inf"
            )
        if sighting.left_s is not None:
            known.append(f"about {_clock_of(sighting.left_s)} left")
        parts.insert(0, ", ".join(known))
    if sighting.silent_since is not None:
        parts.append(_silence_of(sighting.silent_since, sighting.usual_s))
    return printable(f"training in {folder}: " + "; ".join(parts))


def _silence_of(since: float, usual_s: float | None) -> str:
    when = datetime.fromtimestamp(since).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    usual = "" if usual_s is None else f" (changes came every {_clock_of(usual_s)} or sooner)"
    return f"no sign of life since {when}{usual}: it may have died"


def _clock_of(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


class LinesNowAndThen:
    """Writes a line where something is new, at most once a minute, and every ten minutes anyway.

    Args:
        write: puts one line where it is read later: a file, a CI job's log.
    """

    def __init__(self, folder: Path, write: Callable[[str], None]) -> None:
        self._folder = folder
        self._write = write
        self._told: tuple[object, ...] | None = None
        self._told_s = 0.0

    def show(self, sighting: Sighting) -> None:
        """Take in a look, and write if it is time."""
        step = None if sighting.state is None else sighting.state.step
        news = (step, sighting.reason, sighting.silent_since is None)
        since_s = sighting.waited_s - self._told_s
        wanted_s = ALL_IS_WELL_EVERY_S if news == self._told else NEWS_EVERY_S
        if self._told is None or since_s >= wanted_s:
            self._told, self._told_s = news, sighting.waited_s
            self._write(sentence_of(self._folder, sighting))


@contextmanager
def live_line(
    folder: Path, stream: TextIO, *, no_colour: bool | None = None
) -> Iterator[Callable[[Sighting], None]]:
    """A line on a terminal that changes as the run goes on, and is gone at the end.

    Args:
        no_colour: None leaves it to rich, which knows ``NO_COLOR``.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, no_color=no_colour)
    with console.status(Text(f"training in {folder}")) as status:
        yield lambda sighting: status.update(Text(sentence_of(folder, sighting)))
