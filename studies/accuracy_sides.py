"""The two sides of the comparison with lm-evaluation-harness, each in a process of its own.

Each side loads the model once and then answers what it is asked. The asking process waits for
each answer before it asks anything else, so the two never work at the same time.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from distill_fixtures.models.protocol import Model
from distill_fixtures.records import Answer, Question, Scoring
from studies.scoring_work import ScoringWork, measure_work

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import InProcessModel

__all__ = ["HARNESS", "OURS", "Side", "SideName", "Sitting"]

SideName = Literal["distill-bench", "lm-eval"]
OURS: SideName = "distill-bench"
HARNESS: SideName = "lm-eval"


@dataclass(frozen=True, slots=True)
class Sitting:
    """One side's answers to a list of questions, and how long they took.

    Attributes:
        seconds: from questions to answers, tokenising included, loading the model not.
        accuracy, accuracy_norm: as that side counts them; the second means nothing for letters.
        picks, picks_norm: by log-likelihood, and by log-likelihood per character.
        log_likelihoods: ``[questions][options]``, nats.
        threads: CPU threads that torch uses in that process.
    """

    seconds: float
    accuracy: float
    accuracy_norm: float
    picks: tuple[int, ...]
    picks_norm: tuple[int, ...]
    log_likelihoods: tuple[tuple[float, ...], ...]
    threads: int


class Side:
    """A side's process. Use it as a context manager.

    Args:
        name: which side.
        reference: the model, as ``--distill-teacher`` takes it.
    """

    def __init__(self, name: SideName, reference: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, reference), daemon=True)
        self._process.start()
        theirs.close()

    def answer(
        self, questions: Sequence[Question], scoring: Scoring, *, batch_size: int | None = None
    ) -> Sitting:
        """Let it answer, after a first question that is not timed.

        Args:
            batch_size: of the harness; the suite chooses for itself.
        """
        sitting = self._ask("answer", tuple(questions), scoring, batch_size)
        assert isinstance(sitting, Sitting)
        return sitting

    def work(self, questions: Sequence[Question], scoring: Scoring) -> ScoringWork:
        """What these questions take, and what the machine could do; the suite's side only."""
        work = self._ask("work", tuple(questions), scoring, None)
        assert isinstance(work, ScoringWork)
        return work

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()  # the process ends when it has nobody to answer
        self._process.join()

    def _ask(self, *request: object) -> object:
        self._connection.send(request)
        try:
            answer = self._connection.recv()
        except EOFError as error:
            raise RuntimeError(f"the process of {self._name} ended before it answered") from error
        return answer


Answerer = Callable[[Sequence[Question], Scoring, int | None], Sitting]


def _serve(connection: Connection, name: SideName, reference: str) -> None:
    """The life of a side's process: load, then answer until nobody asks."""
    os.environ["TQDM_DISABLE"] = "1"  # read by progress bars when they are first imported
    model, tokenizer = _load(reference)
    answerer = _ours(model) if name == OURS else _harness(model.module, tokenizer)
    while True:
        try:
            command, questions, scoring, batch_size = connection.recv()
        except EOFError:
            return
        if command == "work":
            connection.send(measure_work(model.module, tokenizer, questions, scoring))
        else:
            answerer(questions[:1], scoring, batch_size)
            connection.send(answerer(questions, scoring, batch_size))


def _load(reference: str) -> tuple[InProcessModel, Any]:
    """Model and tokenizer. Both sides run the same module, as the suite's own loader loads it."""
    from distill_fixtures.models.loading import load_model, load_tokenizer
    from distill_fixtures.models.references import resolve_reference

    plan = resolve_reference(reference)
    return load_model(plan), load_tokenizer(plan)


def _ours(model: Model) -> Answerer:
    import torch

    from distill_fixtures.measure.scores.score_source import ScoreSource
    from distill_fixtures.measure.scores.scoring import ScoringPlan, answer_questions

    def answer(questions: Sequence[Question], scoring: Scoring, _: int | None) -> Sitting:
        start = time.perf_counter()
        answers = answer_questions(ScoreSource(lambda: model), questions, ScoringPlan(scoring))
        seconds = time.perf_counter() - start
        return Sitting(
            seconds=seconds,
            accuracy=sum(each.correct for each in answers) / len(answers),
            accuracy_norm=sum(bool(each.correct_norm) for each in answers) / len(answers),
            picks=tuple(_place(each.pick) for each in answers),
            picks_norm=tuple(_place(each.pick_norm) for each in answers if scoring == "cloze"),
            log_likelihoods=tuple(_values(each) for each in answers),
            threads=torch.get_num_threads(),
        )

    return answer


def _harness(module: Any, tokenizer: Any) -> Answerer:
    import torch

    from studies.lm_eval_task import evaluate_by_harness, make_harness_model, make_harness_task

    logging.getLogger("lm_eval").setLevel(logging.ERROR)

    def answer(questions: Sequence[Question], scoring: Scoring, batch_size: int | None) -> Sitting:
        harness = make_harness_model(module, tokenizer, batch_size=batch_size or 1)
        task = make_harness_task(questions, scoring)
        start = time.perf_counter()
        result = evaluate_by_harness(harness, task)
        seconds = time.perf_counter() - start
        return Sitting(
            seconds=seconds,
            accuracy=result.acc,
            accuracy_norm=result.acc_norm,
            picks=result.picks,
            picks_norm=result.picks_norm,
            log_likelihoods=result.log_likelihoods,
            threads=torch.get_num_threads(),
        )

    return answer


def _place(pick: int | str | None) -> int:
    assert isinstance(pick, int), "multiple choice always picks an option"
    return pick


def _values(answer: Answer) -> tuple[float, ...]:
    assert answer.log_likelihoods is not None, "multiple choice always has log-likelihoods"
    return answer.log_likelihoods
