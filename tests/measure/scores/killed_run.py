"""Scores questions with the built-in student and a cache, noting each pass as it ends.

Run in a process of its own, which :mod:`test_killed_runs` kills.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.protocol import Scored, ScoreRequest

__all__ = ["QUESTIONS", "score_all"]

QUESTIONS = 160
# So few that there are many passes.
PASS_TOKENS = 192


class NotingModel(CausalLM):
    """Writes the questions of each pass, a line a pass, before the pass is kept."""

    log: Any

    def score_in_passes(
        self, requests: Sequence[ScoreRequest], *, known: Collection[int] = ()
    ) -> Iterator[Mapping[int, Scored]]:
        for results in super().score_in_passes(requests, known=known):
            note(self.log, [requests[place].key for place in results])
            yield results


def note(log: Any, content: object) -> None:
    log.write(json.dumps(content) + "\n")
    log.flush()


def score_all(cache: Path, log_path: Path, out: Path) -> None:
    """Answer the questions; the log says when scoring begins and which passes it made."""
    import torch

    from distill_fixtures.demo import questions_file
    from distill_fixtures.measure.scores.score_cache import ScoreCache
    from distill_fixtures.measure.scores.score_keys import ModelIdentity
    from distill_fixtures.measure.scores.score_source import KeptScores, ScoreSource
    from distill_fixtures.measure.scores.scoring import ScoringPlan, answer_questions
    from distill_fixtures.models.identity import card_of_plan
    from distill_fixtures.models.loading import load_module, load_tokenizer
    from distill_fixtures.models.references import resolve_reference
    from distill_fixtures.tasks.readers import read_questions

    torch.set_num_threads(1)
    plan = resolve_reference("demo:student")
    card = card_of_plan(plan)
    module = load_module(plan, device="cpu", dtype="float32")
    model = NotingModel(module, load_tokenizer(plan), card, batch_tokens=PASS_TOKENS)
    questions = read_questions(questions_file(), password="", limit=QUESTIONS).questions
    kept = KeptScores(ScoreCache(cache), ModelIdentity(card.digest, "cpu", "float32"))
    with log_path.open("w", encoding="utf-8") as log:
        model.log = log
        note(log, "begin")
        source = ScoreSource(lambda: model, kept)
        answers = answer_questions(source, questions, ScoringPlan("cloze"))
        note(log, "end")
    found = [[answer.pick, list(answer.log_likelihoods or ())] for answer in answers]
    report = source.report
    counts = [report.questions_scored, report.questions_from_cache, report.passes]
    unfinished = out.with_suffix(".part")
    unfinished.write_text(json.dumps({"answers": found, "counts": counts}), encoding="utf-8")
    os.replace(unfinished, out)
