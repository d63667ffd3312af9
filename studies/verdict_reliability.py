"""How often is a verdict about time wrong, and what slowdowns does it find?

    python -m studies.verdict_reliability                    all series; hours; goes on where it was
    python -m studies.verdict_reliability --series loaded    one of them
    python -m studies.verdict_reliability --page             only the page, from what is recorded

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
from statistics import median

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
from studies.study_page import PAGES, markdown_table, say, setting, write_page
from studies.study_questions import read_evenly
from studies.verdict_summary import (
    Alarms,
    alarms,
    crossed,
    speedups,
    timing_s_per_model,
)
from studies.verdict_trials import Case, Trial, read_trials, run_trials, slowed

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
    """

    condition: str
    layers: int | None
    slowdowns_pct: tuple[float, ...]
    trials: int
    instead: bool = False
    loaded: bool = False
    demo: bool = False
    as_shipped: bool = False


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
    "shipped": Series("built-in pair, quiet", None, (10.0,), 59, as_shipped=True),
}


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


def page_of(trials: Sequence[Trial]) -> tuple[list[str], dict[str, object]]:
    """The page in Markdown, and its raw figures."""
    measured = by_condition(trials)
    conditions = measured | _quiet_against_loaded(measured)
    lines = [
        "# How often a verdict about time is wrong",
        "",
        f"Made by `python -m studies.{NAME}`. Teacher and student are the same model: "
        f"SmolLM2-135M-Instruct in float32, its first {LAYERS} layers alone (`quiet`, `loaded`) or "
        f"whole, a prompt of {PROMPT_TOKENS} tokens and its first new token, "
        f"{ENOUGH_ROUNDS_PER_PROCESS} to {ROUNDS_PER_PROCESS} rounds a process. `demo student`: "
        "demo:student, the same way. `built-in pair`: "
        "demo:teacher and demo:student, timed as under default options. "
        "`loaded`: beside a process that compresses data in bursts on the last core. Each "
        "trial has a baseline of its own: 5 fresh processes; the current run takes 5, and 5 more "
        "where a verdict is still open. Tolerance 5 %, two looks.",
        "",
        f"`{CROSSED}`: the baselines of `quiet` against the current runs of `loaded`, each used "
        "once.",
        "",
        *setting(*PACKAGES, threads=2),
        "",
        "## Unchanged code",
        "",
        "A `fail` is a false alarm. `at most`: its true share, by the one-sided 95 % bound of "
        "Clopper and Pearson.",
        "",
    ]
    raw: dict[str, object] = {}
    rows, unchanged = [], {}
    for condition, some in conditions.items():
        if not _times(some, "student"):
            continue
        found = alarms(some, "student")
        rows += [[condition, *_alarm_cells(each), f"{100 * each.at_most:.2f} %"] for each in found]
        unchanged[condition] = {each.rule: dict(each.verdicts) for each in found}
    raw["unchanged"] = unchanged
    head = ["condition", "rule", "trials", "pass", "inconclusive", "fail", "at most"]
    lines += [*markdown_table(head, rows), "", *_slowdowns(conditions, raw), ""]
    lines += [*_speed(measured, raw)]
    return lines, raw


def _quiet_against_loaded(conditions: dict[str, list[Trial]]) -> dict[str, list[Trial]]:
    """Runs made beside a load, held against baselines made without one."""
    found = crossed(conditions.get("quiet", ()), conditions.get("loaded", ()))
    return {CROSSED: found} if found else {}


def _times(trials: Sequence[Trial], role: str) -> list[Trial]:
    """Those whose current run timed a role."""
    return [trial for trial in trials if role in trial.current[0].seconds]


def _alarm_cells(found: Alarms) -> list[str]:
    counts = [f"{found.verdicts[name]}" for name in ("pass", "inconclusive", "fail")]
    return [found.rule, f"{found.trials}", *counts]


def _slowdowns(conditions: dict[str, list[Trial]], raw: dict[str, object]) -> list[str]:
    rows, counts = [], {}
    for condition, some in conditions.items():
        for percent in SLOWDOWNS_PCT:
            role = slowed(percent)
            with_it = _times(some, role)
            if not with_it:
                continue
            seconds = timing_s_per_model(with_it, role)
            for found in alarms(with_it, role):
                row = [condition, f"{percent:g} %", *_alarm_cells(found)]
                rows.append([*row, f"{100 * found.at_least:.1f} %", f"{seconds:.1f}"])
                counts[f"{condition}, {percent:g} %, {found.rule}"] = dict(found.verdicts)
    raw["slowed"] = counts
    head = ["condition", "slower by", "rule", "trials", "pass", "inconclusive", "fail"]
    return [
        "## Slowdowns put in on purpose",
        "",
        "After every token the student waits for a share of the time that it took, busily and "
        "under the clock. Slowed students are timed beside the unchanged one, with which they "
        "share the weights in memory; `slowed alone`: in its place. `at least`: the share found, "
        "one-sided 95 % bound. `timing`: seconds of rounds of one model in the current run.",
        "",
        *markdown_table([*head, "at least", "timing, s"], rows),
    ]


def _speed(conditions: dict[str, list[Trial]], raw: dict[str, object]) -> list[str]:
    rows, found = [], {}
    for condition, some in conditions.items():
        if SERIES[some[0].case].as_shipped:
            continue  # two models
        each = speedups(some)
        inside = sum(abs(one - 1) <= 0.01 for one in each) / len(each)
        rows.append([condition, f"{len(each)}", f"{median(each):.4f}", f"{100 * inside:.0f} %"])
        found[condition] = {
            "processes": len(each),
            "median": median(each),
            "within_1_pct": inside,
        }
    raw["speedup"] = found
    return [
        "## Speed against the teacher",
        "",
        "The speedup of the same model over itself, from the paired rounds of every process, as "
        "if each were a run of its own. It should be 1. (Grades: "
        "[speed_grades.md](speed_grades.md).)",
        "",
        *markdown_table(["condition", "processes", "median speedup", "within 1 % of 1"], rows),
    ]


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
    write_page(NAME, *page_of(read_trials(given.record)), folder=given.out)


if __name__ == "__main__":
    main()
