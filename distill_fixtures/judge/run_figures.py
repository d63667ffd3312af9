"""What of a run is compared with another run: conditions, figures, answers, rounds by process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill_fixtures.catalog import metric
from distill_fixtures.judge.comparability import conditions_of
from distill_fixtures.metrics.pairing import flags_from_text
from distill_fixtures.metrics.process_ratios import RoundTimes, log_ratio_of_process
from distill_fixtures.records import Undefined

__all__ = [
    "ProcessRounds",
    "RunFigures",
    "figures_of_document",
    "find_figure",
    "find_interval",
    "noise_of",
]

MODEL_PARTS = ("size", "accuracy", "benchmark", "memory")
NOT_IN_PROCESSES = Undefined("its rounds were not timed in processes of their own")


@dataclass(frozen=True, slots=True)
class ProcessRounds:
    """One process's paired rounds."""

    teacher: RoundTimes
    student: RoundTimes


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run, as far as another one is compared with it.

    Attributes:
        conditions: from ``conditions_of``.
        value: the student's (or the pair's) figure by the metric's name.
        student_correct: whether each answer is right, in the order of the questions.
        teacher_correct: the same of the teacher.
        processes: rounds of teacher and student, process by process.
    """

    conditions: Mapping[str, str]
    value: Callable[[str], float | Undefined]
    student_correct: Sequence[bool] | Undefined
    teacher_correct: Sequence[bool] | Undefined
    processes: Sequence[ProcessRounds] | Undefined

    @classmethod
    def of_times(
        cls, processes: Sequence[ProcessRounds], conditions: Mapping[str, str]
    ) -> RunFigures:
        """A run of which only the times are known yet."""
        unasked = Undefined("only times are compared here")
        return cls(conditions, lambda name: unasked, unasked, unasked, processes)

    def log_ratios(
        self, of_round: str, *, of_tokens: bool = False
    ) -> tuple[float, ...] | Undefined:
        """One value a process: the median of log(student's time / teacher's).

        Args:
            of_round, of_tokens: as in ``log_ratio_of_process``.
        """
        if isinstance(self.processes, Undefined):
            return self.processes
        found = []
        for each in self.processes:
            ratio = log_ratio_of_process(each.teacher, each.student, of_round, of_tokens=of_tokens)
            if isinstance(ratio, Undefined):
                return ratio
            found.append(ratio)
        return tuple(found)


def figures_of_document(document: Mapping[str, Any]) -> RunFigures:
    """The figures of a valid ``distillation_metrics.json``."""
    reasons = document["reasons"]

    def value(name: str) -> float | Undefined:
        path, found = find_figure(document, name)
        if found is None:
            return Undefined(reasons.get(path, "the baseline does not have it"))
        return float(found)

    def flags(role: str) -> Sequence[bool] | Undefined:
        text = document[role]["accuracy"]["correct_by_question"]
        if text is None:
            path = f"{role}.accuracy.correct_by_question"
            return Undefined(reasons.get(path, "the baseline has no answers"))
        return flags_from_text(text)

    return RunFigures(
        conditions=conditions_of(document),
        value=value,
        student_correct=flags("student"),
        teacher_correct=flags("teacher"),
        processes=_processes(document),
    )


def noise_of(document: Mapping[str, Any]) -> str | None:
    """Why times of a run must not be judged by, told by its machine check; None where they may."""
    problems = document["environment"]["machine_check"]["problems"]
    noise = (each["sentence"] for each in problems if each["severity"] == "too_noisy")
    return next(noise, None)


def find_figure(document: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """Dotted path and value of a metric: the student's own, or the pair's."""
    if metric(name).scope == "pair":
        pair = document["distillation"]
        if name in pair["fidelity"]:
            return f"distillation.fidelity.{name}", pair["fidelity"][name]
        return f"distillation.{name}", pair.get(name)
    for part in MODEL_PARTS:
        if name in document["student"][part]:
            return f"student.{part}.{name}", document["student"][part][name]
    return name, None


def find_interval(document: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """A metric's 95 % interval, the student's own or the pair's; None where it has none."""
    if metric(name).scope == "pair":
        found = document["distillation"]["intervals"].get(name)
    else:
        parts = (document["student"][part].get("intervals", {}) for part in MODEL_PARTS)
        found = next((part[name] for part in parts if name in part), None)
    return None if found is None else (min(found), max(found))


def _processes(document: Mapping[str, Any]) -> tuple[ProcessRounds, ...] | Undefined:
    timing = document["process_timing"]
    if timing is None:
        return Undefined(document["reasons"].get("process_timing", NOT_IN_PROCESSES.reason))
    noise = noise_of(document)
    if noise is not None:
        return Undefined(f"its machine was too noisy to judge by: {noise}")
    return tuple(
        ProcessRounds(_round_times(each["teacher"]), _round_times(each["student"]))
        for each in timing["processes"]
    )


def _round_times(record: Mapping[str, Sequence[Any]]) -> RoundTimes:
    return RoundTimes(*(tuple(record[name]) for name in ("seconds", "ttft_s", "tpot_s")))
