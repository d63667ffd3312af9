"""Whether figures of two runs may be compared, and if not, what exactly differs.

Accuracies need the same questions, put the same way. Times also need the same machine, software
and teacher, for the teacher is the control that the student's time is taken relative to. Memory
needs the same machine and work. Sizes compare always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from distill_fixtures.catalog import Origin, metric
from distill_fixtures.metrics.sections import PAIR_SECTIONS

__all__ = [
    "TIMING",
    "Difference",
    "conditions_of",
    "conditions_of_rounds",
    "differences",
    "metric_differences",
]

QUESTIONS = {
    "questions": ("dataset", "digest"),
    "scoring": ("dataset", "scoring"),
    "prompt": ("dataset", "prompt_digest"),
}
MACHINE = {
    "processor": ("environment", "machine", "cpu"),
    "logical cores": ("environment", "machine", "logical_cores"),
    "usable cores": ("environment", "machine", "usable_cores"),
    "system": ("environment", "machine", "system"),
    "Python": ("environment", "versions", "python"),
    "torch": ("environment", "versions", "torch"),
    "transformers": ("environment", "versions", "transformers"),
    "device": ("environment", "device"),
    "number format": ("environment", "dtype"),
}
WORK = {
    "--distill-new-tokens": ("run", "options", "--distill-new-tokens"),
    "--benchmark-samples": ("run", "options", "--benchmark-samples"),
}
TIMING = {
    "teacher": ("teacher", "digest"),
    "timing device": ("process_timing", "device"),
    "timing number format": ("process_timing", "dtype"),
    "threads": ("process_timing", "threads"),
}
INFERENCE_MEMORY = {"--distill-batch-sizes": ("run", "options", "--distill-batch-sizes")}
CONTROL = {"control": ("control", "digest")}
TOLD_BY_ROUNDS = {
    "timing device": ("environment", "device"),
    "timing number format": ("environment", "dtype"),
    "threads": ("timing", "1", "threads"),
}
"""The same conditions of the rounds in the run's own process."""

NEEDED: Mapping[Origin, tuple[str, ...]] = {
    "answers": tuple(QUESTIONS),
    "size": (),
    "memory": (*QUESTIONS, *MACHINE, *WORK, *INFERENCE_MEMORY),
    "time": (*QUESTIONS, *MACHINE, *WORK, *TIMING),
}
PATHS = QUESTIONS | MACHINE | WORK | TIMING | INFERENCE_MEMORY | CONTROL
DIGEST_CHARACTERS = 12
UNKNOWN = "not told"


@dataclass(frozen=True, slots=True)
class Difference:
    """One condition under which two runs were made differently."""

    what: str
    baseline: str
    current: str

    def __str__(self) -> str:
        return f"{self.what}: {self.baseline} in the baseline, {self.current} now"


def conditions_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The conditions of a run, by what they are called, from its ``distillation_metrics.json``.

    One that the document does not know (the device of a run that loaded no model) is left out.
    """
    return _told(document, PATHS)


def conditions_of_rounds(document: Mapping[str, Any]) -> dict[str, str]:
    """The same, with the conditions of the rounds in the run's own process, which every run times,
    in place of those of the processes that a comparison with a baseline times."""
    kept = {name: path for name, path in PATHS.items() if name not in TOLD_BY_ROUNDS}
    return _told(document, kept | TOLD_BY_ROUNDS)


def _told(document: Mapping[str, Any], paths: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    found = {}
    for name, path in paths.items():
        value: Any = document
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = str(value)
    return found


def metric_differences(
    name: str, baseline: Mapping[str, str], current: Mapping[str, str]
) -> tuple[Difference, ...]:
    """What keeps a metric's own figures of two runs from standing in one table.

    Beside what its origin needs: a figure of student against teacher needs the same teacher, and
    one against the control the same control.

    Args:
        name: the metric.
        baseline, current: from ``conditions_of_rounds``.
    """
    found = metric(name)
    also: list[str] = []
    if found.scope == "pair":
        also.append("teacher")
    if name in PAIR_SECTIONS["control"]:
        also.append("control")
    return differences(baseline, current, [found.origin], also=also)


def differences(
    baseline: Mapping[str, str],
    current: Mapping[str, str],
    origins: Iterable[Origin],
    *,
    also: Iterable[str] = (),
) -> tuple[Difference, ...]:
    """What keeps figures of the given origins from being compared; empty: nothing does.

    A condition that one of the runs does not know keeps nothing from being compared, but for those
    that every timing tells: its teacher, device, number format and threads.

    Args:
        baseline, current: from ``conditions_of``.
        origins: of the figures.
        also: further conditions that must be the same.

    >>> one, two = {"torch": "2.12.0", "questions": "a"}, {"torch": "2.13.0", "questions": "a"}
    >>> [str(each) for each in differences(one, two, ["memory"])]
    ['torch: 2.12.0 in the baseline, 2.13.0 now']
    >>> differences(one, two, ["answers"])
    ()
    """
    needed = [name for origin in origins for name in NEEDED[origin]]
    names = dict.fromkeys([*needed, *also])
    found = []
    for name in names:
        before, now = (each.get(name, UNKNOWN) for each in (baseline, current))
        if UNKNOWN in (before, now) and name not in TIMING:
            continue
        if before != now or before == UNKNOWN:
            found.append(Difference(name, _short(before), _short(now)))
    return tuple(found)


def _short(value: str) -> str:
    """A digest is told by its first characters."""
    is_digest = len(value) == 64 and all(each in "0123456789abcdef" for each in value)
    return value[:DIGEST_CHARACTERS] if is_digest else value
