"""Are a model's times the same alone in a process and with another model in its memory?

    python -m studies.alone_or_beside                    first layers of a real model beside all
    python -m studies.alone_or_beside --model FOLDER --other FOLDER --pairs 10

The suite times teacher and student in one process. What could make that matter: the other's pages
push the model's out of memory that is not there twice, large pages are given to one and not to the
other, both share a pool of threads and an allocator. So the model is timed in fresh processes, by
the suite's own loop, alone and beside the other, which is loaded first and has written a few
tokens, but is not timed. Processes of the two kinds take turns: alone, beside, beside, alone.

Printed too is what a time stamp costs, which every token pays.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median, stdev

from studies.dropped_layers import dropped_layers_folder
from studies.real_model import real_model_folder
from studies.study_page import PAGES, markdown_table, say, setting, write_page
from studies.study_questions import read_evenly

NAME = "alone_or_beside"
TEACHER, LAYERS = "SmolLM2-135M-Instruct", 12
PACKAGES = ("distill-bench", "torch", "transformers")
FIGURES = {
    "end_to_end_s": "end-to-end",
    "ttft_s": "time to first token",
    "tpot_s": "time per output token",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What each process does.

    Attributes:
        model: a reference; the one that is timed.
        other: a reference; the one that lies beside it.
        prompts, new_tokens, rounds: of the timed model.
    """

    model: str
    other: str
    prompts: tuple[str, ...]
    new_tokens: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Sitting:
    """One process.

    Attributes:
        beside: whether the other model was in its memory.
        end_to_end_s, ttft_s: medians over the requests of all rounds, seconds.
        tpot_s: median over the gaps between tokens.
        warm_up_rounds, threads: as the suite records them.
        time_stamp_cost_s: likewise.
    """

    beside: bool
    end_to_end_s: float
    ttft_s: float
    tpot_s: float
    warm_up_rounds: int
    threads: int
    time_stamp_cost_s: float


def sit(work: Work, beside: bool) -> Sitting:
    """The life of one process."""
    from distill_fixtures.measure.timing.clock import SystemClock
    from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
    from distill_fixtures.models.loading import load_model
    from distill_fixtures.models.references import resolve_reference

    clock = SystemClock()
    if beside:
        other = load_model(resolve_reference(work.other))
        # Every weight is read, so that none of its pages is still only on the disk.
        other.generate_timed(work.prompts[:1], new_tokens=4, clock=clock)
    model = load_model(resolve_reference(work.model))
    plan = TimingPlan(
        new_tokens=work.new_tokens,
        min_rounds=work.rounds,
        max_rounds=work.rounds,
        max_seconds=math.inf,
    )
    timing = time_models({"model": model}, work.prompts, plan, clock)
    if beside:
        other.generate_timed(work.prompts[:1], new_tokens=1, clock=clock)  # it is still there
    traces = [trace for each in timing.rounds["model"] for trace in each.traces]
    gaps_s = [
        later - earlier
        for trace in traces
        for earlier, later in zip(trace.token_times_s, trace.token_times_s[1:], strict=False)
    ]
    assert isinstance(timing.threads, int)
    return Sitting(
        beside=beside,
        end_to_end_s=median(trace.end_to_end_s for trace in traces),
        ttft_s=median(trace.ttft_s for trace in traces),
        tpot_s=median(gaps_s),
        warm_up_rounds=timing.warm_up.rounds["model"],
        threads=timing.threads,
        time_stamp_cost_s=timing.time_stamp_cost_s,
    )


def sit_in_turn(work: Work, pairs: int) -> list[Sitting]:
    """So many processes of each kind, each fresh and none beside another."""
    sittings = []
    spawn = multiprocessing.get_context("spawn")
    for pair in range(pairs):
        for beside in (False, True) if pair % 2 == 0 else (True, False):
            with ProcessPoolExecutor(1, mp_context=spawn) as pool:
                sittings.append(pool.submit(sit, work, beside).result())
            kind = "beside" if beside else "alone"
            say(f"pair {pair + 1}, {kind}: {sittings[-1].end_to_end_s:.4f} s a request")
    return sittings


def interval(logarithms: Sequence[float]) -> tuple[float, float, float]:
    """Geometric mean and its 95 % interval (Student's t) of values given as logarithms.

    >>> [round(each, 4) for each in interval([0.0, 0.0, 0.0])]
    [1.0, 1.0, 1.0]
    """
    from scipy.special import stdtrit

    n, centre = len(logarithms), fmean(logarithms)
    half = float(stdtrit(n - 1, 0.975)) * stdev(logarithms) / math.sqrt(n)
    return math.exp(centre), math.exp(centre - half), math.exp(centre + half)


def compared(sittings: Sequence[Sitting], figure: str) -> dict[str, tuple[float, float, float]]:
    """A figure alone, beside, and the ratio of the two within pairs, each with its interval."""
    alone, beside = (
        [math.log(getattr(each, figure)) for each in sittings if each.beside == kind]
        for kind in (False, True)
    )
    ratios = [two - one for one, two in zip(alone, beside, strict=True)]
    return {"alone": interval(alone), "beside": interval(beside), "ratio": interval(ratios)}


def page_of(names: tuple[str, str], work: Work, sittings: Sequence[Sitting]) -> list[str]:
    """The page in Markdown."""
    rows = []
    for figure, label in FIGURES.items():
        found = compared(sittings, figure)
        cells = [
            f"{middle * 1000:.2f} ({low * 1000:.2f} to {high * 1000:.2f})"
            for middle, low, high in (found["alone"], found["beside"])
        ]
        middle, low, high = found["ratio"]
        rows.append([label, *cells, f"{middle:.4f} ({low:.4f} to {high:.4f})"])
    stamp_s = median(each.time_stamp_cost_s for each in sittings)
    token_s = median(each.tpot_s for each in sittings)
    pairs = len(sittings) // 2
    return [
        "# A model's times alone and beside another",
        "",
        f"Made by `python -m studies.{NAME}`: {names[0]}, {pairs} processes alone and {pairs} with "
        f"{names[1]} in the same memory, by turns; in each {work.rounds} rounds of "
        f"{len(work.prompts)} prompts and {work.new_tokens} new tokens.",
        "",
        *setting(*PACKAGES, threads=sittings[0].threads),
        "",
        "Of a process the median counts. Geometric means over processes, in milliseconds, with "
        "95 % intervals (Student's t); the ratio is taken within pairs.",
        "",
        *markdown_table(["", "alone, ms", "beside, ms", "beside / alone"], rows),
        "",
        f"A time stamp costs {stamp_s * 1e9:.0f} ns, {100 * stamp_s / token_s:.4f} % of a token.",
    ]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help=f"default: {TEACHER}'s first {LAYERS} layers")
    parser.add_argument("--other", help=f"the one beside it; default: {TEACHER}")
    parser.add_argument("--pairs", type=int, default=10, help="processes of each kind, at least 2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    model = given.model or str(dropped_layers_folder(real_model_folder(), LAYERS))
    other = given.other or str(real_model_folder())
    _, questions = read_evenly(given.prompts)
    prompts = tuple(question.question for question in questions)
    work = Work(model, other, prompts, given.new_tokens, given.rounds)
    sittings = sit_in_turn(work, given.pairs)
    names = given.model or f"{TEACHER}'s first {LAYERS} layers", given.other or TEACHER
    page = page_of(names, work, sittings)
    raw = {"sittings": [asdict(each) for each in sittings]}
    write_page(NAME, page, raw, folder=given.out)


if __name__ == "__main__":
    main()
