"""From a run's two documents back to what it recorded, as far as grades need it.

Draws are not in the documents, but answers and rounds are, and so is the seed: the same draws come
out again. Texts of options are not there either; texts that are as alike, and in the same order of
length, take their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from distill_fixtures.errors import NotFiniteScoreError, ResultFileError
from distill_fixtures.judge.same_run import NO_ANSWERS, PAIR
from distill_fixtures.metrics.pairing import check_answers
from distill_fixtures.metrics.recordings import ModelRecordings, Recordings
from distill_fixtures.records import (
    Answer,
    GenerationTrace,
    ModelCard,
    Question,
    Role,
    Round,
    Scoring,
    Undefined,
)

__all__ = ["recordings_of", "replayed_questions"]

ROLES: tuple[Role, ...] = (*PAIR, "control")
STAND_IN = 0xF0000
"""The first of 65,534 characters for private use: one for each option of a question."""

MOST_OPTIONS = 65_000
MOST_SEED = 2**63


def recordings_of(
    document: Mapping[str, Any], comparison: Mapping[str, Any] | Undefined
) -> Recordings:
    """What a run recorded of answers, rounds and counts; the rest is undefined.

    Args:
        document: a valid ``distillation_metrics.json``.
        comparison: the ``comparison_results.json`` of the same run; undefined where it is not
            there: then there are no questions and no answers.

    Raises:
        ResultFileError: what a file holds does not fit together.
    """
    options = document["run"]["options"]
    scoring = document["dataset"]["scoring"]
    if scoring not in get_args(Scoring):
        raise _refused("dataset.scoring", repr(scoring), "one of " + ", ".join(get_args(Scoring)))
    questions, answers = _answers_of(comparison)
    return Recordings(
        questions=questions,
        scoring=cast(Scoring, scoring),
        seed=_whole(options, "--distill-seed", at_least=0, otherwise=0),
        models={
            role: ModelRecordings(
                card=_card(document, role),
                answers=answers.get(role, NO_ANSWERS),
                rounds={1: _rounds(document, role)},
            )
            for role in _roles(document)
        },
        permutations=_whole(options, "--distill-permutations", at_least=1, otherwise=1),
    )


def replayed_questions(comparison: Mapping[str, Any]) -> tuple[Question, ...]:
    """The questions of a ``comparison_results.json``, with texts that stand in for the real ones.

    Raises:
        ResultFileError: a reference is none of its question's options.
    """
    return tuple(_question(each) for each in comparison["predictions"])


def _roles(document: Mapping[str, Any]) -> tuple[Role, ...]:
    return PAIR if document["control"] is None else ROLES


def _answers_of(
    comparison: Mapping[str, Any] | Undefined,
) -> tuple[tuple[Question, ...], dict[Role, tuple[Answer, ...]]]:
    if isinstance(comparison, Undefined):
        return (), {}
    predictions = comparison["predictions"]
    questions = replayed_questions(comparison)
    answers: dict[Role, tuple[Answer, ...]] = {}
    for role in ROLES:
        if any(each[role] is None for each in predictions):
            continue
        answers[role] = tuple(_answer(each["id"], each[role]) for each in predictions)
        try:
            check_answers(questions, answers[role])
        except (ValueError, NotFiniteScoreError) as fault:
            raise _refused(
                f"predictions, {role}", str(fault).partition("\n")[0], "an answer a question"
            ) from fault
    return questions, answers


def _question(record: Mapping[str, Any]) -> Question:
    reference, place = record["reference"], f"predictions, id {record['id']!r}"
    about = {name: record[name] for name in ("subdomain", "question_type", "source")}
    if record["options"] is None:
        if isinstance(reference, int):
            raise _refused(place, f"reference {reference}", "a text: there are no options")
        texts = (reference,) if isinstance(reference, str) else tuple(reference)
        return Question(record["id"], "", answers=texts, **about)
    choices = _stand_ins(record["options"], place)
    if not isinstance(reference, int) or not 0 <= reference < len(choices):
        raise _refused(place, f"reference {reference!r}", f"one of {len(choices)} options")
    return Question(record["id"], "", choices=choices, answer=reference, **about)


def _stand_ins(options: Mapping[str, Sequence[int]], place: str) -> tuple[str, ...]:
    """Texts of a question's options: alike where those were, in the same order of length."""
    same_as, lengths = options["same_as"], options["characters"]
    ranks = {length: rank for rank, length in enumerate(sorted(set(lengths)))}
    if len(same_as) != len(lengths) or not 0 < len(same_as) <= MOST_OPTIONS:
        raise _refused(place, f"{len(same_as)} and {len(lengths)} options", "one entry an option")
    texts: list[str] = []
    for number, first in enumerate(same_as):
        if not 0 <= first <= number or same_as[first] != first:
            raise _refused(place, f"same_as {first}", "the place of the first of equal options")
        own = chr(STAND_IN + number) + "x" * ranks[lengths[number]]
        texts.append(own if first == number else texts[first])
    return tuple(texts)


def _answer(question_id: str, record: Mapping[str, Any]) -> Answer:
    def numbers(name: str) -> tuple[Any, ...] | None:
        return tuple(record[name]) if name in record else None

    return Answer(
        question_id,
        record["answer"],
        record["correct"],
        log_likelihoods=numbers("log_likelihoods"),
        log_likelihoods_norm=numbers("log_likelihoods_norm"),
        pick_norm=record.get("answer_norm"),
        correct_norm=record.get("correct_norm"),
        text=record.get("text"),
        truncated=record.get("truncated", False),
        log_likelihoods_pmi=numbers("log_likelihoods_pmi"),
        pick_pmi=record.get("answer_pmi"),
        correct_pmi=record.get("correct_pmi"),
        shown_picks=numbers("shown_picks"),
    )


def _card(document: Mapping[str, Any], role: Role) -> ModelCard:
    size = document[role]["size"]

    def count(name: str) -> int | Undefined:
        value: int | None = size[name]
        reason = document["reasons"].get(f"{role}.size.{name}", "the file does not tell it")
        return Undefined(reason) if value is None else value

    return ModelCard(
        reference=document[role]["reference"],
        digest=document[role]["digest"] or "",
        architecture=document[role]["architecture"] or "",
        disk_bytes=count("disk_bytes"),
        weights_bytes=count("weights_bytes"),
        adapter_bytes=count("adapter_bytes"),
        parameters_total=count("parameters_total"),
        parameters_trainable=count("parameters_trainable"),
        parameters_non_embedding=count("parameters_non_embedding"),
    )


def _rounds(document: Mapping[str, Any], role: Role) -> tuple[Round, ...] | Undefined:
    """The rounds at batch size 1, in the order in which they ran."""
    samples = document[role]["benchmark"]["samples"]
    traces: dict[int, list[GenerationTrace]] = {}
    for sample in samples or ():
        if sample["batch_size"] == 1:
            trace = GenerationTrace(1, sample["prompt_tokens"], tuple(sample["token_times_s"]))
            traces.setdefault(sample["round"], []).append(trace)
    if not traces:
        reason = document["reasons"].get(f"{role}.benchmark.samples", "nothing was timed")
        return Undefined(reason)
    return tuple(Round(tuple(each), order) for order, each in sorted(traces.items()))


def _whole(options: Mapping[str, Any], flag: str, *, at_least: int, otherwise: int) -> int:
    """A whole number of the run's options."""
    value = options.get(flag, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value < MOST_SEED:
        raise _refused(f"run.options.{flag}", repr(value), f"a whole number from {at_least}")
    return value


def _refused(place: str, got: str, wanted: str) -> ResultFileError:
    return ResultFileError(
        f"the results do not fit together: {place}",
        got=got,
        wanted=wanted,
        next_step="give files as a run wrote them",
    )
