"""What a timing process is asked, and how its answer travels as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.slowdown import InjectedSlowdown
from distill_fixtures.records import GenerationTrace, ProcessTiming, Round

__all__ = ["TimingProcessRequest", "timing_from_json", "timing_to_json"]


@dataclass(frozen=True, slots=True)
class TimingProcessRequest:
    """Models to be timed together in each of several processes.

    Attributes:
        models: by role; the first one is what the others are compared with.
        prompts: all of them once a round.
        new_tokens: tokens a sample, exactly.
        rounds: a role and process, at most.
        fewest_rounds: a role and process, however long they take; None: all of them.
        enough_rounds: a role and process, once they agree as well as ``TimingPlan`` asks for; None:
            agreeing ends nothing.
        max_seconds: no further rounds of a process begin later than this after its first, warm-up
            included; None: no limit.
        batch_size: prompts generated together.
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.
        threads: CPU threads for torch; None: what torch takes by itself.
        slowdowns: roles made by slowing a model down, to test a gate with.
    """

    models: Mapping[str, ModelToLoad]
    prompts: tuple[str, ...]
    new_tokens: int = 32
    rounds: int = 2
    fewest_rounds: int | None = None
    enough_rounds: int | None = None
    max_seconds: float | None = None
    batch_size: int = 1
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None
    slowdowns: tuple[InjectedSlowdown, ...] = ()

    def __post_init__(self) -> None:
        if not self.models or not self.prompts:
            raise ValueError("timing needs at least one model and one prompt")
        if min(self.new_tokens, self.rounds, self.batch_size) < 1:
            raise ValueError(f"new_tokens, rounds and batch_size are at least 1: {self}")
        if not 1 <= self.least_rounds <= self.usual_rounds <= self.rounds:
            raise ValueError(f"one round, the fewest, enough, the most must not fall: {self}")
        for slowdown in self.slowdowns:
            if slowdown.of not in self.models or slowdown.role in self.models:
                raise ValueError(f"a new role made of a known one was expected: {slowdown}")
        if len(set(self.roles)) < len(self.roles):
            raise ValueError(f"two slowdowns of one role: {self.roles}")

    @property
    def roles(self) -> tuple[str, ...]:
        """In the order in which a first pass runs them."""
        replaced = {slowdown.of for slowdown in self.slowdowns if slowdown.instead}
        kept = (role for role in self.models if role not in replaced)
        return *kept, *(slowdown.role for slowdown in self.slowdowns)

    @property
    def least_rounds(self) -> int:
        """Rounds that every role has in any case."""
        return self.usual_rounds if self.fewest_rounds is None else self.fewest_rounds

    @property
    def usual_rounds(self) -> int:
        """Rounds that every role has unless time runs out."""
        return self.rounds if self.enough_rounds is None else self.enough_rounds

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TimingProcessRequest:
        return cls(
            **content
            | {
                "models": {role: ModelToLoad(**each) for role, each in content["models"].items()},
                "prompts": tuple(content["prompts"]),
                "slowdowns": tuple(InjectedSlowdown(**each) for each in content["slowdowns"]),
            }
        )


def timing_to_json(timing: ProcessTiming) -> dict[str, Any]:
    return asdict(timing)


def timing_from_json(content: Any, request: TimingProcessRequest) -> ProcessTiming:
    """What a process answered, checked against what it was asked.

    Raises:
        ValueError: it answers another question, or times are no times; says what.
    """
    try:
        rounds = {
            role: tuple(_round(each) for each in content["rounds"][role]) for role in request.roles
        }
        timing = ProcessTiming(
            rounds=rounds,
            threads=int(content["threads"]),
            load_s=float(content["load_s"]),
            pid=int(content["pid"]),
            major_faults=None if content["major_faults"] is None else int(content["major_faults"]),
        )
        roles = set(content["rounds"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not shaped like an answer: {type(error).__name__}: {error}") from error
    if roles != set(request.roles):
        raise ValueError(f"rounds of {sorted(roles)}, not of {sorted(request.roles)}")
    if len({len(of_role) for of_role in rounds.values()}) > 1:
        raise ValueError("not as many rounds of one role as of another")
    for role, of_role in rounds.items():
        _check(role, of_role, request)
    return timing


def _round(content: dict[str, Any]) -> Round:
    traces = tuple(
        GenerationTrace(
            batch_size=int(trace["batch_size"]),
            prompt_tokens=int(trace["prompt_tokens"]),
            token_times_s=tuple(float(seconds) for seconds in trace["token_times_s"]),
            writes_tokens=bool(trace["writes_tokens"]),
        )
        for trace in content["traces"]
    )
    return Round(traces, int(content["order"]))


def _check(role: str, rounds: tuple[Round, ...], request: TimingProcessRequest) -> None:
    if not request.least_rounds <= len(rounds) <= request.rounds:
        wanted = f"{request.least_rounds} to {request.rounds}"
        raise ValueError(f"{len(rounds)} rounds of {role}, not {wanted}")
    requests = math.ceil(len(request.prompts) / request.batch_size)
    for each in rounds:
        if [trace.batch_size for trace in each.traces] != [request.batch_size] * requests:
            raise ValueError(f"not {requests} requests of {request.batch_size} in a round")
        for trace in each.traces:
            times = (0.0, *trace.token_times_s)
            if trace.writes_tokens and trace.new_tokens != request.new_tokens:
                raise ValueError(f"{trace.new_tokens} tokens of {role}, not {request.new_tokens}")
            if not all(map(math.isfinite, times)) or any(b <= a for a, b in pairwise(times)):
                raise ValueError(f"times of {role} that do not rise: {times[1:4]} ...")
