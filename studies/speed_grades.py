"""How often is the grade of speed wrong where the truth lies 5 points from the bounds?

    python -m studies.speed_grades                     300 timings, quiet and beside a load; goes on
                                                       where it was
    python -m studies.speed_grades --page              only the page, from what is recorded

A condition that this record lacks stays on the page as an earlier sitting left it.

Every timing is one that a run of the suite makes: interleaved rounds, more of them while the
interval holds a bound. Teacher and student are the same model, so the share of time saved is 0 in
truth; or the student is slowed down on purpose.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import platformdirs

from distill_fixtures.judge.criteria import Criterion, Grade
from distill_fixtures.judge.grades import CriterionResult, Measurement, grade
from distill_fixtures.measure.processes.bare_model import ModelToLoad, find_model, load_bare_model
from distill_fixtures.measure.processes.slowdown import slow_down
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.interleaved import Timing, TimingPlan, time_models
from distill_fixtures.metrics.resampling import FEWEST_ROUNDS
from distill_fixtures.metrics.time_sections import latency_pair
from distill_fixtures.models.protocol import Model
from studies.competing_load import competing_load
from studies.dropped_layers import dropped_layers_folder
from studies.real_model import real_model_folder
from studies.study_page import PAGES, markdown_table, say, setting, write_page
from studies.verdict_reliability import LAYERS, PROMPT_TOKENS, prompt_of

NAME = "speed_grades"
PACKAGES = ("distill-bench", "torch", "transformers")
POINTS = 5.0
# Loaded anew from time to time, for where weights come to lie changes a model's speed.
TIMINGS_A_LOAD = 10
# By name: by how much the student is slower, and whether another process works beside it.
CONDITIONS = {
    "quiet, the same": (0.0, False),
    "quiet, 10 % slower": (10.0, False),
    "loaded, the same": (0.0, True),
    "loaded, 10 % slower": (10.0, True),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One timing and the grades that it comes to, by which side of both bounds the truth lies on.

    Attributes:
        speedup: of teacher over student.
        rounds: of each model.
        stopped_by: what ended the timing.
        grades: what each pair of bounds gave; the right one is the key.
        borderline: whether the interval held a bound, for each.
    """

    speedup: float
    rounds: int
    stopped_by: str
    grades: dict[Grade, Grade]
    borderline: dict[Grade, bool]


Measured = tuple[str, list[Outcome]]
"""Where and when a condition was measured, and what came out."""


def criteria(true_pct: float) -> dict[Grade, Criterion]:
    """Bounds 5 points from the truth, by the grade that is right."""
    bounds: dict[Grade, tuple[float, float]] = {
        "acceptable": (true_pct + POINTS, true_pct - POINTS),
        "good": (true_pct - POINTS, true_pct - 3 * POINTS),
        "poor": (true_pct + 3 * POINTS, true_pct + POINTS),
    }
    return {
        right: Criterion("speed_improvement_pct", good=good, poor=poor)
        for right, (good, poor) in bounds.items()
    }


def plan(true_pct: float) -> TimingPlan:
    """As a run of the suite has it by default, with the bounds on either side of the truth."""
    near = (true_pct - POINTS, true_pct + POINTS)
    return TimingPlan(
        new_tokens=1,
        fewest_passes=FEWEST_ROUNDS,
        log_ratio_bounds=tuple(-math.log1p(-bound / 100) for bound in near),
    )


def outcomes(folder: Path, slower_pct: float, timings: int) -> Iterator[Outcome]:
    """Time the models so often."""
    true_pct, prompt = -slower_pct, prompt_of(str(folder))
    models: dict[str, Model] = {}
    for number in range(timings):
        if number % TIMINGS_A_LOAD == 0:
            models = loaded(folder, slower_pct)
        timing = time_models(models, [prompt], plan(true_pct), SystemClock())
        yield outcome(timing, true_pct)


def loaded(folder: Path, slower_pct: float) -> dict[str, Model]:
    """Teacher and student, each with weights of its own."""
    found = find_model(ModelToLoad(str(folder)))
    teacher, student = (load_bare_model(found, device="cpu", dtype="float32") for _ in range(2))
    return {
        "teacher": teacher,
        "student": slow_down(student, slower_pct) if slower_pct else student,
    }


def outcome(timing: Timing, true_pct: float) -> Outcome:
    """Grade one timing as the suite does."""
    section = latency_pair(timing.rounds["teacher"], timing.rounds["student"], seed=0)
    name = "speed_improvement_pct"
    measured = Measurement(
        section.number(name),
        samples=section.samples,
        ci95=section.intervals[name],
        draws=section.draws[name].tolist(),
    )
    results: dict[Grade, CriterionResult] = {
        right: grade(criterion, measured, student="S", teacher="T")
        for right, criterion in criteria(true_pct).items()
    }
    return Outcome(
        speedup=section.number("speedup"),
        rounds=len(timing.rounds["student"]),
        stopped_by=timing.stopped_by,
        grades={right: result.grade for right, result in results.items()},
        borderline={right: result.borderline for right, result in results.items()},
    )


def read_outcomes(record: Path) -> dict[str, list[Outcome]]:
    """All that a record holds, by condition."""
    found: dict[str, list[Outcome]] = {name: [] for name in CONDITIONS}
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else ():
        content: dict[str, Any] = json.loads(line)
        found[content.pop("condition")].append(Outcome(**content))
    return {name: some for name, some in found.items() if some}


def record_outcomes(name: str, timings: int, record: Path) -> None:
    """Add timings of one condition to a record until it holds so many; each when it is done."""
    folder = dropped_layers_folder(real_model_folder(), LAYERS)
    slower_pct, loaded_too = CONDITIONS[name]
    missing = timings - len(read_outcomes(record).get(name, ()))
    with competing_load() if loaded_too else nullcontext(), record.open("a") as file:
        for each in outcomes(folder, slower_pct, missing):
            file.write(json.dumps({"condition": name} | asdict(each)) + "\n")
            file.flush()


def page_of(measured: Mapping[str, Measured]) -> list[str]:
    """The page in Markdown."""
    speeds, grades = [], []
    for condition, (_, some) in measured.items():
        ends = Counter(each.stopped_by for each in some)
        speeds.append(
            [
                condition,
                f"{len(some)}",
                f"{median(each.speedup for each in some):.4f}",
                f"{min(each.speedup for each in some):.3f}",
                f"{max(each.speedup for each in some):.3f}",
                f"{median(each.rounds for each in some):g}",
                ", ".join(f"{name} {count}" for name, count in ends.most_common()),
            ]
        )
        for right in ("acceptable", "good", "poor"):
            given = Counter(each.grades[right] for each in some)
            wrong = {name: count for name, count in given.items() if name != right}
            grades.append(
                [
                    condition,
                    right,
                    f"{len(some)}",
                    f"{given[right]}",
                    ", ".join(f"{count} {name}" for name, count in wrong.items()) or "none",
                    f"{sum(each.borderline[right] for each in some)}",
                    f"{sum(_surely_another(each, right) for each in some)}",
                ]
            )
    head = ["condition", "timings", "median speedup", "least", "most", "median rounds", "ended by"]
    return [
        "# How often the grade of speed is wrong",
        "",
        f"Made by `python -m studies.{NAME}`. Teacher and student are the same model, each with "
        f"weights of its own: SmolLM2-135M-Instruct in float32, its first {LAYERS} layers, a "
        f"prompt of {PROMPT_TOKENS} tokens and its first new token. Timed as a run of the suite "
        "does by default: at most 60 rounds and 60 seconds, more rounds while the interval holds a "
        "bound. `loaded`: beside a process that compresses data in bursts on the last core. "
        "`slower`: after every token the student waits for a share of the time that it took.",
        "",
        *_settings(measured),
        "",
        *markdown_table(head, speeds),
        "",
        f"Grades by bounds that lie {POINTS:g} points from the truth (acceptable: one on either "
        "side). Where the interval still holds the bound when timing ends, the grade is acceptable "
        "and borderline, and the run says so:",
        "",
        *markdown_table(
            [
                "condition",
                "right grade",
                "timings",
                "given",
                "another one",
                "borderline",
                "another one, not borderline",
            ],
            grades,
        ),
    ]


def _surely_another(outcome: Outcome, right: Grade) -> bool:
    """Another grade than the right one, and no word of doubt."""
    return outcome.grades[right] != right and not outcome.borderline[right]


def _settings(measured: Mapping[str, Measured]) -> list[str]:
    """Where and when each condition was measured, those of one sitting together."""
    names: dict[str, list[str]] = {}
    for condition, (where, _) in measured.items():
        names.setdefault(where, []).append(condition)
    return [f"- {'; '.join(some)}: {where}" for where, some in names.items()]


def earlier(raw: Path) -> dict[str, Measured]:
    """Conditions that a page's raw figures hold; none where there is no file."""
    content = json.loads(raw.read_text(encoding="utf-8")) if raw.exists() else {}
    return {
        name: (one["setting"], [Outcome(**each) for each in one["outcomes"]])
        for name, one in content.items()
    }


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--timings", type=int, default=300, help="of each condition (%(default)s)")
    parser.add_argument("--condition", choices=CONDITIONS, action="append", help="default: all")
    parser.add_argument("--page", action="store_true", help="run nothing")
    default = Path(platformdirs.user_cache_dir("distill-bench")) / "studies" / f"{NAME}.jsonl"
    parser.add_argument("--record", type=Path, default=default, help="of timings (%(default)s)")
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    given.record.parent.mkdir(parents=True, exist_ok=True)
    for name in () if given.page else given.condition or CONDITIONS:
        record_outcomes(name, given.timings, given.record)
        say(f"{name}: done")
    (here,) = setting(*PACKAGES, threads=2)
    now = {name: (here, some) for name, some in read_outcomes(given.record).items()}
    found = earlier(given.out / f"{NAME}.json") | now
    measured = {name: found[name] for name in CONDITIONS if name in found}
    raw = {
        name: {"setting": where, "outcomes": [asdict(each) for each in some]}
        for name, (where, some) in measured.items()
    }
    write_page(NAME, page_of(measured), raw, folder=given.out)


if __name__ == "__main__":
    main()
