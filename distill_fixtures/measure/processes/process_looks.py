"""How many processes are timed for a comparison with another run.

Few first; more only where the comparison is still open. The number of looks is planned, because
every look is a chance of a false alarm and the bounds allow for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distill_fixtures.models.protocol import Progress
from distill_fixtures.records import ProcessTiming

__all__ = [
    "ENOUGH_ROUNDS_PER_PROCESS",
    "FEWEST_ROUNDS_PER_PROCESS",
    "LOOKS",
    "ROUNDS_PER_PROCESS",
    "ProcessTimings",
    "median_prompt",
    "take_processes",
]

LOOKS = (5, 10)
"""Processes in all at each look. Processes differ, so that fewer than five say little."""

ROUNDS_PER_PROCESS = 30
"""At most. Of rounds of some milliseconds, ten scatter more than processes do; more than thirty
would not narrow what lies between processes."""

ENOUGH_ROUNDS_PER_PROCESS = 10
"""Where they agree so well that more would tell little."""

FEWEST_ROUNDS_PER_PROCESS = 3
"""However long they take: one disturbed round does not move the median of three."""

FEWEST_PROCESSES = 3
# Beyond it, ten loads of both models would take most of an hour.
LONG_LOAD_S = 60.0


@dataclass(frozen=True, slots=True)
class ProcessTimings:
    """Rounds of teacher and student over several processes.

    Attributes:
        processes: in the order in which they ran.
        device: where the models ran.
        dtype: number format of the weights.
        samples: prompts a round.
        new_tokens: tokens a sample.
        note: what was done otherwise than usual; None: nothing.
    """

    processes: tuple[ProcessTiming, ...]
    device: str
    dtype: str
    samples: int
    new_tokens: int
    note: str | None = None

    @property
    def threads(self) -> int:
        """CPU threads that torch used."""
        return self.processes[0].threads


def take_processes(
    take: Callable[[], ProcessTiming],
    settled: Callable[[Sequence[ProcessTiming]], bool],
    *,
    progress: Progress | None = None,
) -> tuple[tuple[ProcessTiming, ...], str | None]:
    """Time fresh processes until the comparison is settled or the last look is over.

    Args:
        take: times one process.
        settled: whether what was taken is enough; asked at each look.
        progress: called after each process.

    Returns:
        The processes in order; and a sentence where loading took so long that they are fewer.
    """
    taken: list[ProcessTiming] = []
    for look in LOOKS:
        while len(taken) < look:
            taken.append(take())
            if progress is not None:
                progress(1)
            if len(taken) == FEWEST_PROCESSES and min(t.load_s for t in taken) > LONG_LOAD_S:
                settled(tuple(taken))  # whoever follows them learns of these too
                return tuple(taken), (
                    f"{FEWEST_PROCESSES} processes only: loading both models takes more than "
                    f"{LONG_LOAD_S:g} s"
                )
        if settled(tuple(taken)):
            break
    return tuple(taken), None


def median_prompt(prompts: Sequence[str]) -> str:
    """The prompt of median length, the longer one of two in the middle.

    >>> median_prompt(["aaa", "a", "aa"])
    'aa'
    """
    return sorted(prompts, key=lambda prompt: (len(prompt), prompt))[len(prompts) // 2]
