"""How often is a verdict about time wrong, and what slowdowns does it find?

    python -m studies.verdict_reliability                    all series; hours; goes on where it was
    python -m studies.verdict_reliability --series loaded    one of them
    python -m studies.verdict_reliability --page             only the page, from what is recorded

Trials of earlier sittings stay on the page: what it counts is kept in its raw figures.

A trial is a whole baseline run and a whole current run of the regression gate's timing: teacher and
student are the same model, so a `fail` is a false alarm. In some series the current run also times
the student slowed down on purpose, or times that one instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from distill_fixtures.config import build_config
from distill_fixtures.measure.processes.process_looks import (
    ENOUGH_ROUNDS_PER_PROCESS,
    FEWEST_ROUNDS_PER_PROCESS,
    LOOKS,
    ROUNDS_PER_PROCESS,
    median_prompt,
)
from distill_fixtures.models.loading import load_tokenizer
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.tasks.prompts import build_prompt
from studies.competing_load import competing_load
from studies.dropped_layers import dropped_layers_folder
from studies.real_model import real_model_folder
from studies.study_page import PAGES, say, setting, write_page
from studies.study_questions import read_evenly
from studies.verdict_page import page_of
from studies.verdict_sittings import (
    Sitting,
    read_sittings,
    record_id,
    sitting_of,
    with_sitting,
)
from studies.verdict_summary import crossed
from studies.verdict_trials import Case, Trial, read_trials, run_trials

NAME = "verdict_reliability"
PACKAGES = ("distill-bench", "torch", "transformers", "pytest-benchmark")
LAYERS = 4
PROMPT_TOKENS = 32
CROSSED = "quiet, then loaded"
TEXT = "Question: A photon of energy E strikes a free electron at rest. "


@dataclass(frozen=True, slots=True)
class Series:
    """Trials under one condition.

    Attributes:
        condition: whose trials are counted together.
        layers: of SmolLM2-135M that are kept; None: all.
        slowdowns_pct: timed too, in the current runs.
        instead: they are timed in place of the unchanged student.
        trials: how many are wanted.
        loaded: whether another process works on the last core meanwhile.
        demo: the built-in student in place of SmolLM2-135M.
        as_shipped: the built-in teacher and student, timed as a run with default options times
            them, in place of one model twice.
        threads: of torch; None: one a core.
    """

    condition: str
    layers: int | None
    slowdowns_pct: tuple[float, ...]
    trials: int
    instead: bool = False
    loaded: bool = False
    demo: bool = False
    as_shipped: bool = False
    threads: int | None = None


# A slowdown near the tolerance takes every process that a run may take, so it has trials of its own
# and does not prolong those of the others.
SMALL_PCT, LARGE_PCT = (3.0, 5.0), (10.0, 20.0)
SLOWDOWNS_PCT = SMALL_PCT + LARGE_PCT
SERIES = {
    "quiet-large": Series("quiet", LAYERS, LARGE_PCT, 59),
    "quiet-small": Series("quiet", LAYERS, SMALL_PCT, 30),
    "quiet": Series("quiet", LAYERS, (), 211),
    "whole-model": Series("whole model, quiet", None, LARGE_PCT, 33),
    "whole-10": Series("whole model, slowed alone, quiet", None, (10.0,), 59, instead=True),
    "loaded-large": Series("loaded", LAYERS, LARGE_PCT, 59, loaded=True),
    "loaded": Series("loaded", LAYERS, (), 241, loaded=True),
    "loaded-demo": Series("demo student, loaded", None, (), 100, loaded=True, demo=True),
    "loaded-one": Series("one thread, loaded", LAYERS, LARGE_PCT, 20, loaded=True, threads=1),
    "loaded-demo-one": Series(
        "demo student, one thread, loaded", None, (), 300, loaded=True, demo=True, threads=1
    ),
    "loaded-demo-one-large": Series(
        "demo student, one thread, loaded", None, LARGE_PCT, 59, loaded=True, demo=True, threads=1
    ),
    "shipped": Series("built-in pair, quiet", None, (10.0,), 59, as_shipped=True),
}
# Conditions whose teacher and student are two models.
PAIRS = {series.condition for series in SERIES.values() if series.as_shipped}


def run(name: str, series: Series, record: Path) -> None:
    """Bring one series to its number of trials."""
    case = shipped_case(name, series) if series.as_shipped else real_case(name, series)
    with competing_load() if series.loaded else nullcontext():
        run_trials(case, series.trials, record, say)


def real_case(name: str, series: Series) -> Case:
    """One model, or its first layers, as teacher and as student."""
    model = "demo:student" if series.demo else str(_real_model(series.layers))
    return Case(
        name=name,
        teacher=model,
        student=model,
        prompt=prompt_of(model),
        new_tokens=1,
        rounds=ROUNDS_PER_PROCESS,
        enough_rounds=ENOUGH_ROUNDS_PER_PROCESS,
        slowdowns_pct=series.slowdowns_pct,
        instead=series.instead,
        threads=series.threads,
    )


def _real_model(layers: int | None) -> Path:
    folder = real_model_folder()
    return folder if layers is None else dropped_layers_folder(folder, layers)


def shipped_case(name: str, series: Series) -> Case:
    """The built-in pair under the options' defaults."""
    default = build_config({})
    _, questions = read_evenly(default.benchmark_samples)
    return Case(
        name=name,
        teacher=default.teacher,
        student=default.student,
        prompt=median_prompt([build_prompt(question, "cloze").context for question in questions]),
        new_tokens=default.new_tokens,
        rounds=ROUNDS_PER_PROCESS,
        fewest_rounds=FEWEST_ROUNDS_PER_PROCESS,
        enough_rounds=ENOUGH_ROUNDS_PER_PROCESS,
        max_seconds=2 * default.max_seconds / LOOKS[-1],
        slowdowns_pct=series.slowdowns_pct,
    )


def prompt_of(model: str) -> str:
    """A prompt of exactly 32 tokens."""
    tokenizer = load_tokenizer(resolve_reference(model))
    ids = tokenizer.encode(TEXT * PROMPT_TOKENS, add_special_tokens=False)[:PROMPT_TOKENS]
    prompt = str(tokenizer.decode(ids))
    count = len(tokenizer.encode(prompt))
    if count != PROMPT_TOKENS:
        raise ValueError(f"the prompt has {count} tokens, not {PROMPT_TOKENS}")
    return prompt


def by_condition(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Trials that are counted together."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(SERIES[trial.case].condition, []).append(trial)
    return found


def introduction() -> list[str]:
    """What was done, in paragraphs."""
    return [
        f"Made by `python -m studies.{NAME}`. Teacher and student are the same model: "
        f"SmolLM2-135M-Instruct in float32, its first {LAYERS} layers alone (`quiet`, `loaded`) or "
        f"whole, a prompt of {PROMPT_TOKENS} tokens and its first new token, "
        f"{ENOUGH_ROUNDS_PER_PROCESS} to {ROUNDS_PER_PROCESS} rounds a process. `demo student`: "
        "demo:student, the same way. `built-in pair`: "
        "demo:teacher and demo:student, timed as under default options. "
        "`loaded`: beside a process that compresses data in bursts on the last core. `one thread`: "
        "torch has one, so that a core is left for that process; elsewhere it has two. Each "
        "trial has a baseline of its own: 5 fresh processes; the current run takes 5, and 5 more "
        "where a verdict is still open. Tolerance 5 %, two looks.",
        f"`{CROSSED}`: the baselines of `quiet` against the current runs of `loaded`, each used "
        "once.",
    ]


def count_record(record: Path) -> Sitting:
    """What the trials of a record come to."""
    measured = by_condition(read_trials(record))
    of_one_model = [name for name in measured if name not in PAIRS]
    conditions = measured | _quiet_against_loaded(measured)
    (made,) = setting(*PACKAGES, threads=2)
    return sitting_of(record_id(record), made, conditions, SLOWDOWNS_PCT, of_one_model)


def _quiet_against_loaded(conditions: dict[str, list[Trial]]) -> dict[str, list[Trial]]:
    """Runs made beside a load, held against baselines made without one."""
    found = crossed(conditions.get("quiet", ()), conditions.get("loaded", ()))
    return {CROSSED: found} if found else {}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", choices=SERIES, action="append", help="default: all, in turn")
    parser.add_argument("--trials", type=int, help="default: what each series wants")
    parser.add_argument("--page", action="store_true", help="run nothing")
    default = Path(platformdirs.user_cache_dir("distill-bench")) / "studies" / f"{NAME}.jsonl"
    parser.add_argument("--record", type=Path, default=default, help="of trials (%(default)s)")
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    given.record.parent.mkdir(parents=True, exist_ok=True)
    for name in () if given.page else given.series or SERIES:
        series = SERIES[name]
        if given.trials is not None:
            series = replace(series, trials=given.trials)
        run(name, series, given.record)
    sittings = read_sittings(given.out / f"{NAME}.json")
    if given.record.exists():
        sittings = with_sitting(sittings, count_record(given.record))
    raw = {"sittings": [each.model_dump() for each in sittings]}
    write_page(NAME, page_of(introduction(), sittings), raw, folder=given.out)


if __name__ == "__main__":
    main()
