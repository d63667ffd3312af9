"""A run killed at any moment loses the pass in flight and no more."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.demo import model_folder
from distill_fixtures.measure.scores.score_cache import ScoreCache
from tests.measure.scores.killed_run import QUESTIONS, score_all

KILLS = 10
# Each run is a fork of a process that has imported the libraries and nothing more.
PROCESSES = multiprocessing.get_context("forkserver")


@dataclass
class Run:
    """What a run left: its passes in order, each the questions' ids, and its answers."""

    passes: list[list[str]]
    ended: bool
    seconds: float
    answers: list[Any] | None
    counts: list[int] | None

    @property
    def scored(self) -> list[str]:
        return [name for some in self.passes for name in some]


def run(folder: Path, name: str, *, kill_after_s: float | None = None) -> Run:
    """Score with the folder's cache; perhaps killed so long after scoring began."""
    log, out = folder / f"{name}.log", folder / f"{name}.json"
    process = PROCESSES.Process(target=score_all, args=(folder / "cache", log, out))
    process.start()
    while not (log.exists() and log.read_text("utf-8").startswith('"begin"\n')):
        assert process.exitcode is None, "ended before it began to score"
        time.sleep(0.001)
    start = time.perf_counter()
    if kill_after_s is not None:
        process.join(kill_after_s)
        process.kill()
    process.join()
    seconds = time.perf_counter() - start
    if kill_after_s is None:
        assert process.exitcode == 0
    # What was killed while it wrote a line has not ended the line.
    lines = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    found = json.loads(out.read_text("utf-8")) if out.exists() else {}
    return Run(
        passes=[line for line in lines if isinstance(line, list)],
        ended="end" in lines,
        seconds=seconds,
        answers=found.get("answers"),
        counts=found.get("counts"),
    )


@pytest.mark.slow
@pytest.mark.skipif(not model_folder("student").is_dir(), reason="no built-in models here")
def test_ten_killed_runs_go_on_where_they_stopped(tmp_path: Path) -> None:
    PROCESSES.set_forkserver_preload(["tests.measure.scores.killed_run", "torch", "transformers"])
    whole_folder = tmp_path / "whole"
    whole_folder.mkdir()
    whole = run(whole_folder, "undisturbed")
    assert whole.answers is not None
    assert len(whole.scored) == len(set(whole.scored)) == QUESTIONS
    assert whole.counts == [QUESTIONS, 0, len(whole.passes)]
    assert len(whole.passes) > 30
    moments = random.Random(20260101)
    died_within = 0
    for number in range(KILLS):
        folder = tmp_path / f"kill {number}"
        folder.mkdir()
        killed = run(folder, "killed", kill_after_s=moments.uniform(0, whole.seconds))
        died_within += not killed.ended
        resumed = run(folder, "resumed")
        check(whole, killed, resumed)
        cache = ScoreCache(folder / "cache")
        assert cache._file.rows("PRAGMA integrity_check", ()) == [("ok",)]
        cache.close()
    assert died_within >= KILLS // 2


def check(whole: Run, killed: Run, resumed: Run) -> None:
    """The same passes, hence the same numbers to the bit; nothing twice but what was in flight."""
    assert resumed.answers is not None
    assert resumed.counts is not None
    assert resumed.answers == whole.answers
    assert all(some in whole.passes for some in (*killed.passes, *resumed.passes))
    assert {*killed.scored, *resumed.scored} == set(whole.scored)
    in_flight = killed.passes[-1] if killed.passes and not killed.ended else []
    assert set(killed.scored) & set(resumed.scored) <= set(in_flight)
    assert len(resumed.scored) == len(set(resumed.scored)) == resumed.counts[0]
    assert resumed.counts[0] + resumed.counts[1] == QUESTIONS
