"""lm-evaluation-harness's own evaluation of the suite's questions.

The questions become a task of the harness, of its output type ``multiple_choice``, with the
suite's prompts as they are; requests, batches, scores, ``acc`` and ``acc_norm`` are the harness's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from distill_fixtures.records import Question, Scoring
from distill_fixtures.tasks.prompts import build_prompt

__all__ = ["HarnessResult", "evaluate_by_harness", "make_harness_model", "make_harness_task"]

NAME = "distill_bench_questions"
DELIMITER = " "


@dataclass(frozen=True, slots=True)
class HarnessResult:
    """What the harness says of one model.

    Attributes:
        acc: share of questions whose best option by log-likelihood is right.
        acc_norm: the same by log-likelihood per character.
        picks: the option of each question that ``acc`` counts.
        picks_norm: the option that ``acc_norm`` counts.
        log_likelihoods: ``[questions][options]``, nats.
    """

    acc: float
    acc_norm: float
    picks: tuple[int, ...]
    picks_norm: tuple[int, ...]
    log_likelihoods: tuple[tuple[float, ...], ...]


def make_harness_model(module: Any, tokenizer: Any, *, batch_size: int) -> Any:
    """The harness's model over one that transformers has loaded; takes no time."""
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=module, tokenizer=tokenizer, batch_size=batch_size)
    model.loglikelihood = partial(model.loglikelihood, disable_tqdm=True)  # no progress bars
    return model


def make_harness_task(questions: Sequence[Question], scoring: Scoring) -> Any:
    """A task of the harness that asks these questions as the suite asks them.

    Where the right option's text stands twice, either copy is right, as in the suite.
    """
    from datasets import Dataset
    from lm_eval.api.task import ConfigurableTask

    rows = [_row(question, scoring) for question in questions]
    return ConfigurableTask(
        config={
            "task": NAME,
            "custom_dataset": lambda **_: {"test": Dataset.from_list(rows)},
            "output_type": "multiple_choice",
            "test_split": "test",
            "num_fewshot": 0,
            "doc_to_text": "context",
            "doc_to_choice": "options",
            "doc_to_target": "right",
            "target_delimiter": DELIMITER,
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        }
    )


def evaluate_by_harness(model: Any, task: Any) -> HarnessResult:
    """Run the harness's evaluation and read its log of samples.

    The command line of the harness does more (it lists its thousands of tasks and describes the
    machine); that is left out, and so not timed where this is.
    """
    import numpy as np
    from lm_eval.evaluator import evaluate

    results = evaluate(lm=model, task_dict={NAME: task}, bootstrap_iters=0, log_samples=True)
    if results is None:
        raise RuntimeError("the harness returned nothing")
    samples = sorted(results["samples"][NAME], key=lambda sample: int(sample["doc_id"]))
    values = [[float(value) for value, _ in sample["filtered_resps"]] for sample in samples]
    lengths = [[len(option) for option in sample["doc"]["options"]] for sample in samples]
    figures: Mapping[str, float] = results["results"][NAME]
    return HarnessResult(
        acc=float(figures["acc,none"]),
        acc_norm=float(figures["acc_norm,none"]),
        picks=tuple(int(np.argmax(of_one)) for of_one in values),
        picks_norm=tuple(
            int(np.argmax(np.array(of_one) / np.array(characters)))
            for of_one, characters in zip(values, lengths, strict=True)
        ),
        log_likelihoods=tuple(tuple(of_one) for of_one in values),
    )


def _row(question: Question, scoring: Scoring) -> dict[str, object]:
    prompt = build_prompt(question, scoring)
    return {
        "context": prompt.context,
        "options": [text.removeprefix(DELIMITER) for text in prompt.continuations],
        "right": [
            place
            for place, choice in enumerate(question.choices)
            if choice == question.reference_text
        ],
    }
