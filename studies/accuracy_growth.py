"""Whether time per question and memory stay flat from 100 questions to 100,000.

    python -m studies.accuracy_growth                          without and with a score cache
    python -m studies.accuracy_growth --sizes 100 1000

The built-in student answers questions of the built-in generator in cloze scoring, each number of
questions in a fresh process. Questions come from an iterator and answers are counted, as a run over
any number of questions can do it. There are some 16,000 generated questions; beyond that they come
again with their options in another order, which makes them requests of their own.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill_fixtures.records import Question
from studies.study_page import PAGES, ROOT, markdown_table, say, setting, write_page

if TYPE_CHECKING:
    from distill_fixtures.demo_build.generator import DemoQuestion

NAME = "accuracy_growth"
PACKAGES = ("distill-bench", "torch", "transformers")
SIZES = (100, 1_000, 10_000, 100_000)
MODEL = "demo:student"
SEED = 0
# What 100,000 questions are held against.
REFERENCE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class Growth:
    """One number of questions.

    Attributes:
        questions: how many were answered.
        with_cache: each score was kept in a score cache that was empty before.
        accuracy: share that was right.
        passes: forward passes.
        seconds: from the first question to the last answer, the model loaded.
        before_bytes: resident memory before the first question.
        peak_bytes: the kernel's high-water mark of the process at its end.
        cache_bytes: size of the cache's files.
    """

    questions: int
    with_cache: bool
    accuracy: float
    passes: int
    seconds: float
    before_bytes: int
    peak_bytes: int
    cache_bytes: int

    @property
    def question_s(self) -> float:
        return self.seconds / self.questions


def make_pool() -> list[DemoQuestion]:
    """All questions of the generator, mixed, so that any number of them is as hard as another."""
    from distill_fixtures.demo_build.generator import build_splits

    splits = build_splits(SEED)
    pool = [*splits.test, *splits.training]
    random.Random(SEED).shuffle(pool)
    return pool


def many_questions(pool: Sequence[DemoQuestion], count: int) -> Iterator[Question]:
    """So many questions, one by one, no two of them the same request."""
    for number in range(count):
        turn, place = divmod(number, len(pool))
        made = pool[place]
        choices = list(made.choices)
        if turn:
            random.Random(f"{SEED}:{number}").shuffle(choices)
        yield Question(
            id=f"growth-{number}",
            question=made.text,
            choices=tuple(choices),
            answer=choices.index(made.reference_text),
        )


def measure(count: int, cache_folder: Path | None) -> Growth:
    """Answer so many questions in this process."""
    from distill_fixtures.measure.processes.process_memory import (
        high_water_mark_bytes,
        resident_bytes,
    )
    from distill_fixtures.measure.scores.score_cache import ScoreCache
    from distill_fixtures.measure.scores.score_keys import ModelIdentity
    from distill_fixtures.measure.scores.score_source import KeptScores, ScoreSource
    from distill_fixtures.measure.scores.scoring import ScoringPlan, stream_answers
    from distill_fixtures.models.loading import load_model
    from distill_fixtures.models.references import resolve_reference

    model = load_model(resolve_reference(MODEL))
    cache = None if cache_folder is None else ScoreCache(cache_folder)
    kept = (
        None
        if cache is None
        else KeptScores(cache, ModelIdentity(model.card.digest, "cpu", "float32"))
    )
    source = ScoreSource(lambda: model, kept)
    pool, plan = make_pool(), ScoringPlan("cloze")
    # Not timed: what a model's first passes take beside scoring.
    for _ in stream_answers(ScoreSource(lambda: model), many_questions(pool[::-1], 64), plan):
        pass
    before = resident_bytes()
    start = time.perf_counter()
    answers = stream_answers(source, many_questions(pool, count), plan)
    right = sum(answer.correct for answer in answers)
    seconds = time.perf_counter() - start
    if cache is not None:
        cache.close()
    return Growth(
        questions=count,
        with_cache=cache is not None,
        accuracy=right / count,
        passes=source.report.passes,
        seconds=seconds,
        before_bytes=before,
        peak_bytes=high_water_mark_bytes(),
        cache_bytes=0
        if cache_folder is None
        else sum(path.stat().st_size for path in cache_folder.iterdir()),
    )


def measure_apart(count: int, *, with_cache: bool) -> Growth:
    """``measure`` in a fresh process, with a temporary folder for the cache."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", f"studies.{NAME}", "--alone", str(count)]
        if with_cache:
            command += ["--cache", folder]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Growth(**json.loads(done.stdout.splitlines()[-1]))


def page_of(found: Sequence[Growth]) -> list[str]:
    """The page in Markdown."""
    lines = [
        "# Accuracy of many questions",
        "",
        f"Made by `python -m studies.{NAME}`: {MODEL}, cloze, questions of the built-in generator "
        "(beyond its 16,000 the same with their options in another order), each row a fresh "
        "process, questions from an iterator and answers counted.",
        "",
        *setting(*PACKAGES),
    ]
    for with_cache in (False, True):
        rows = [one for one in found if one.with_cache == with_cache]
        if rows:
            lines += ["", f"## {'With' if with_cache else 'Without'} a score cache", ""]
            lines += _table(rows)
    return lines


def _table(rows: Sequence[Growth]) -> list[str]:
    head = ["questions", "seconds", "ms a question", "passes", "memory before, MB", "peak, MB"]
    cells = [
        [
            f"{one.questions:,}",
            f"{one.seconds:.1f}",
            f"{1000 * one.question_s:.2f}",
            f"{one.passes:,}",
            f"{one.before_bytes / 1e6:.0f}",
            f"{one.peak_bytes / 1e6:.0f}",
        ]
        for one in rows
    ]
    table = markdown_table(head, cells)
    reference = next((one for one in rows if one.questions == REFERENCE_SIZE), None)
    largest = max(rows, key=lambda one: one.questions)
    if reference is None or reference is largest:
        return table
    memory = 100 * (largest.peak_bytes / reference.peak_bytes - 1)
    pace = largest.question_s / reference.question_s
    return [
        *table,
        "",
        f"{largest.questions:,} questions against {reference.questions:,}: peak memory "
        f"{memory:+.1f} %, {pace:.2f} times the time per question.",
    ]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    parser.add_argument("--alone", type=int, help="answer so many in this process, say it as JSON")
    parser.add_argument("--cache", type=Path, help="with --alone: folder of a score cache")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    if given.alone is not None:
        print(json.dumps(asdict(measure(given.alone, given.cache))))
        return
    found = []
    for with_cache in (False, True):
        for size in given.sizes:
            found.append(measure_apart(size, with_cache=with_cache))
            say(
                f"{size:,} questions {'with' if with_cache else 'without'} a cache: "
                f"{found[-1].seconds:.1f} s, peak {found[-1].peak_bytes / 1e6:.0f} MB"
            )
    write_page(NAME, page_of(found), {"rows": [asdict(one) for one in found]}, folder=given.out)


if __name__ == "__main__":
    main()
