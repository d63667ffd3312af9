"""Trials of the regression gate: a baseline run and a current run of the same models, recorded.

Each run times teacher and student in fresh processes, as the gate does. A trial's current run may
also time the student slowed down on purpose, in the same processes and rounds, so that one trial
tells whether unchanged code is left alone and whether each slowdown is found; or in its place.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.judge.comparability import TIMING
from distill_fixtures.judge.regression import RegressionResult, judge_regression
from distill_fixtures.judge.run_figures import ProcessRounds, RunFigures
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.process_looks import LOOKS, take_processes
from distill_fixtures.measure.processes.slowdown import InjectedSlowdown
from distill_fixtures.measure.processes.timing_processes import TimingProcesses
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest
from distill_fixtures.metrics.process_ratios import RoundTimes, round_times
from distill_fixtures.records import ProcessTiming

__all__ = [
    "TOLERANCE_PCT",
    "Case",
    "RecordedProcess",
    "Trial",
    "judged",
    "read_trials",
    "run_trials",
    "slowed",
]

TOLERANCE_PCT = 5.0
# Runs draw their zygote from so many, each started by itself, so that two runs of a trial differ
# in what forked processes share.
ZYGOTES = 6


def slowed(percent: float) -> str:
    """The role of a slowed student."""
    return f"student+{percent:g}"


@dataclass(frozen=True, slots=True)
class Case:
    """What the trials of one series share.

    Attributes:
        name: of the series in the record.
        teacher, student: references of the models; the same one, for most.
        prompt: one sample.
        new_tokens: tokens a sample.
        rounds: a role and process, at most.
        fewest_rounds, enough_rounds, max_seconds: as in ``TimingProcessRequest``.
        slowdowns_pct: of the slowed students that the current run also times.
        instead: it times them in place of the student.
        threads: of torch; None: one a core.
    """

    name: str
    teacher: str
    student: str
    prompt: str
    new_tokens: int
    rounds: int
    fewest_rounds: int | None = None
    enough_rounds: int | None = None
    max_seconds: float | None = None
    slowdowns_pct: tuple[float, ...] = ()
    instead: bool = False
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedProcess:
    """One process of a run: seconds of each role's rounds."""

    seconds: dict[str, list[float]]
    load_s: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Two runs of the same models.

    Attributes:
        case: its series.
        number: its place in the series, from 0.
        baseline, current: their processes.
        wall_s: all of it, loading included.
    """

    case: str
    number: int
    baseline: list[RecordedProcess]
    current: list[RecordedProcess]
    wall_s: float


def run_trials(case: Case, trials: int, record: Path, say: Callable[[str], None]) -> None:
    """Add trials to a record until it holds so many of the case; one that has them is left as is.

    Each trial is written when it is done, so that a study that was stopped goes on.
    """
    done = sum(trial.case == case.name for trial in read_trials(record))
    if done >= trials:
        return
    chance = random.Random(f"{case.name} {done}")
    with _zygotes(case) as (plain, injected), record.open("a", encoding="utf-8") as file:
        for number in range(done, trials):
            trial = _trial(case, number, plain, injected, chance)
            file.write(json.dumps(asdict(trial)) + "\n")
            file.flush()
            verdict = judged(trial, _roles(case)[0]).verdict
            say(f"{case.name} {number + 1}/{trials}: {verdict}, {trial.wall_s:.1f} s")


def read_trials(record: Path) -> list[Trial]:
    """All that a record holds; none where there is no file."""
    if not record.exists():
        return []
    lines = record.read_text(encoding="utf-8").splitlines()
    return [_trial_from_json(json.loads(line)) for line in lines if line]


def judged(trial: Trial, role: str) -> RegressionResult:
    """What the gate says of a role's times in the current run, look by look as it goes."""
    baseline = _figures(trial.baseline, "student")
    result = None
    for look in LOOKS:
        if result is None or len(trial.current) >= look:
            result = _judge(baseline, _figures(trial.current[:look], role))
        if result.verdict != "inconclusive":
            break
    assert result is not None
    return result


@contextmanager
def _zygotes(case: Case) -> Iterator[tuple[list[TimingProcesses], list[TimingProcesses]]]:
    """Where runs' processes come from: without slowed students, and with them."""
    slowdowns = tuple(
        InjectedSlowdown(slowed(each), "student", each, case.instead) for each in case.slowdowns_pct
    )
    with ExitStack() as stack:

        def started(injected: bool) -> list[TimingProcesses]:
            request = TimingProcessRequest(
                models={
                    "teacher": ModelToLoad(case.teacher),
                    "student": ModelToLoad(case.student),
                },
                prompts=(case.prompt,),
                new_tokens=case.new_tokens,
                rounds=case.rounds,
                fewest_rounds=case.fewest_rounds,
                enough_rounds=case.enough_rounds,
                max_seconds=case.max_seconds,
                slowdowns=slowdowns if injected else (),
                threads=case.threads,
            )
            return [stack.enter_context(TimingProcesses(request)) for _ in range(ZYGOTES)]

        plain = started(False)
        yield plain, started(True) if slowdowns else plain


def _trial(
    case: Case,
    number: int,
    plain: Sequence[TimingProcesses],
    injected: Sequence[TimingProcesses],
    chance: random.Random,
) -> Trial:
    start = time.perf_counter()
    first = chance.choice(plain)
    baseline = [_recorded(first.take()) for _ in range(LOOKS[0])]
    second = chance.choice([each for each in injected if each is not first])
    roles = _roles(case)
    figures = _figures(baseline, "student")

    def settled(taken: Sequence[ProcessTiming]) -> bool:
        so_far = [_recorded(each) for each in taken]
        verdicts = {_judge(figures, _figures(so_far, role)).verdict for role in roles}
        return "inconclusive" not in verdicts

    taken, _ = take_processes(second.take, settled)
    current = [_recorded(each) for each in taken]
    return Trial(case.name, number, baseline, current, time.perf_counter() - start)


def _roles(case: Case) -> list[str]:
    """Those that a current run holds against its baseline."""
    unchanged = [] if case.instead else ["student"]
    return [*unchanged, *map(slowed, case.slowdowns_pct)]


def _judge(baseline: RunFigures, current: RunFigures) -> RegressionResult:
    return judge_regression("inference_time_s", TOLERANCE_PCT, baseline, current, looks=len(LOOKS))


def _figures(processes: Sequence[RecordedProcess], role: str) -> RunFigures:
    rounds = [
        ProcessRounds(_times(each.seconds["teacher"]), _times(each.seconds[role]))
        for each in processes
    ]
    return RunFigures.of_times(rounds, dict.fromkeys(TIMING, "the same"))


def _times(seconds: Sequence[float]) -> RoundTimes:
    return RoundTimes(tuple(seconds), tuple(seconds), (None,) * len(seconds))


def _recorded(timing: ProcessTiming) -> RecordedProcess:
    seconds = {role: list(round_times(rounds).seconds) for role, rounds in timing.rounds.items()}
    return RecordedProcess(seconds, timing.load_s)


def _trial_from_json(content: dict[str, Any]) -> Trial:
    sides = {
        side: [RecordedProcess(**each) for each in content[side]]
        for side in ("baseline", "current")
    }
    return Trial(**(content | sides))
