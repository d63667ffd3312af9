"""One model answering many questions, alone or by replicas: what it takes, in a process of its own.

python -m studies.scale_runs '{"model": "demo:student", "questions": 1000, "workers": 2}'
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from studies.accuracy_growth import make_pool, many_questions
from studies.study_page import ROOT

if TYPE_CHECKING:
    from distill_fixtures.measure.scores.score_source import ScoreSource
    from distill_fixtures.models.plan import ModelPlan

__all__ = ["Asked", "ScaleRun", "measure_apart", "measure_beside"]

# What a model's first passes and a replica's first job take beside answering.
WARM_UP_QUESTIONS = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured.

    Attributes:
        model: a reference.
        questions: how many of the built-in generator's; beyond its 16,000 they come again with
            their options in another order.
        workers: replicas of one thread each; 0: this process alone, with one thread.
    """

    model: str
    questions: int
    workers: int = 0


@dataclass(frozen=True, slots=True)
class ScaleRun:
    """What it took.

    Attributes:
        parameters: of the model.
        start_s: from nothing to the first answers: a cluster where there is one, processes,
            libraries, weights.
        seconds: from the first question to the last answer, the model and all replicas loaded.
        driver_cpu_s: processor time in them of the process that asks: what one process can hand
            out at most, however many replicas there are.
        carried_bytes: that went through this machine's loop-back interface meanwhile, both ways:
            what replicas on other machines would be sent and send.
        correct: questions that were answered rightly.
        passes: forward passes.
        predictions: digest of all picks.
        likelihoods: digest of all log-likelihoods, to the bit.
        driver_bytes: peak resident memory of the process that asks.
        replica_bytes: of one replica, resident at the end; 0 without.
    """

    model: str
    questions: int
    workers: int
    parameters: int
    start_s: float
    seconds: float
    driver_cpu_s: float
    carried_bytes: int
    correct: int
    passes: int
    predictions: str
    likelihoods: str
    driver_bytes: int
    replica_bytes: int

    @property
    def question_s(self) -> float:
        return self.seconds / self.questions

    @property
    def questions_per_s(self) -> float:
        return self.questions / self.seconds


def measure_apart(asked: Asked) -> ScaleRun:
    """Measure in a fresh process."""
    (found,) = measure_beside(asked, 1)
    return found


def measure_beside(asked: Asked, count: int) -> list[ScaleRun]:
    """Measure in so many fresh processes at the same time, which know nothing of each other."""
    command = [sys.executable, "-m", "studies.scale_runs", json.dumps(asdict(asked))]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    outputs = [process.communicate()[0] for process in running]
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return [ScaleRun(**json.loads(output.splitlines()[-1])) for output in outputs]


def measure(asked: Asked) -> ScaleRun:
    """Measure in this process."""
    import torch

    from distill_fixtures.measure.processes.process_memory import high_water_mark_bytes
    from distill_fixtures.measure.scores.scoring import ScoringPlan, stream_answers
    from distill_fixtures.models.identity import counts_of_plan
    from distill_fixtures.models.references import resolve_reference
    from distill_fixtures.records import Undefined

    torch.set_num_threads(1)
    pool, scoring = make_pool(), ScoringPlan("cloze")
    plan = resolve_reference(asked.model)
    counts = counts_of_plan(plan)
    begun = time.perf_counter()
    picks, likelihoods = hashlib.sha256(), hashlib.sha256()
    correct = 0
    with _source(asked, plan) as source:
        # Other questions than those that count; enough for every replica to have had some.
        warm_up = WARM_UP_QUESTIONS * max(1, asked.workers)
        for _ in stream_answers(source, many_questions(pool[::-1], warm_up), scoring):
            pass
        start_s, passes = time.perf_counter() - begun, source.report.passes
        carried = _looped_bytes()
        begun, begun_cpu = time.perf_counter(), time.process_time()
        for answer in stream_answers(source, many_questions(pool, asked.questions), scoring):
            correct += answer.correct
            picks.update(struct.pack("<i", answer.pick))
            values: Sequence[float] = answer.log_likelihoods or ()
            likelihoods.update(struct.pack(f"<{len(values)}d", *values))
        seconds = time.perf_counter() - begun
        driver_cpu_s = time.process_time() - begun_cpu
        carried = _looped_bytes() - carried
        replica_bytes = _replica_bytes()
        passes = source.report.passes - passes
    return ScaleRun(
        model=asked.model,
        questions=asked.questions,
        workers=asked.workers,
        parameters=0 if isinstance(counts, Undefined) else counts.total,
        start_s=start_s,
        seconds=seconds,
        driver_cpu_s=driver_cpu_s,
        carried_bytes=carried,
        correct=correct,
        passes=passes,
        predictions=picks.hexdigest(),
        likelihoods=likelihoods.hexdigest(),
        driver_bytes=high_water_mark_bytes(),
        replica_bytes=replica_bytes,
    )


@contextmanager
def _source(asked: Asked, plan: ModelPlan) -> Iterator[ScoreSource]:
    """What answers: a model of this process, or a pool that keeps its replicas."""
    from distill_fixtures.measure.processes.bare_model import ModelToLoad
    from distill_fixtures.measure.scores.score_source import ScoreSource
    from distill_fixtures.models.identity import card_of_plan
    from distill_fixtures.models.loading import load_model
    from distill_fixtures.scale.executor import RayExecutor
    from distill_fixtures.scale.ray_cluster import RaySettings
    from distill_fixtures.scale.replica import order_of

    if not asked.workers:
        model = load_model(plan)
        yield ScoreSource(lambda: model)
        return
    executor = RayExecutor(RaySettings(workers=asked.workers))
    order = order_of(ModelToLoad(asked.model), plan, "cpu", "float32", 1)
    pool = executor.pool(plan, card_of_plan(plan), order)
    try:
        pool.load_all()
        yield ScoreSource(lambda: pool, questions_at_once=executor.questions_at_once)
    finally:
        pool.close()
        executor.close()


def _looped_bytes() -> int:
    import psutil

    return psutil.net_io_counters(pernic=True)["lo"].bytes_sent


def _replica_bytes() -> int:
    """Resident memory of the largest replica below this process."""
    import psutil

    return max(
        (
            each.memory_info().rss
            for each in psutil.Process().children(recursive=True)
            if any("Replica" in word for word in each.cmdline()[:1])
        ),
        default=0,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Asked(**json.loads(sys.argv[1]))))))
