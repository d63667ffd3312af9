"""From what a run has recorded so far to sections of metrics.

Whatever is missing comes out undefined with its reason, so that a document can be made at any
moment: after a whole run, a deselected part, or an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from distill_fixtures.catalog import CATALOG
from distill_fixtures.metrics.accuracy_sections import accuracy_model
from distill_fixtures.metrics.answer_sections import (
    control_pair,
    efficacy_pair,
    fidelity_pair,
    retention_pair,
)
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.intervals import proportion_draws
from distill_fixtures.metrics.merged import merged_model
from distill_fixtures.metrics.missing import Measured
from distill_fixtures.metrics.pairing import correct_flags
from distill_fixtures.metrics.section import Section, undefined_section
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.metrics.size_sections import (
    efficiency_pair,
    load_model,
    load_pair,
    memory_model,
    memory_pair,
    size_model,
    size_pair,
)
from distill_fixtures.metrics.slice_sections import slices_pair
from distill_fixtures.metrics.time_sections import (
    latency_model,
    latency_pair,
    throughput_model,
    throughput_pair,
)
from distill_fixtures.records import (
    Answer,
    IsolatedReport,
    ModelCard,
    Question,
    Role,
    Round,
    Scoring,
    TokenComparison,
    Undefined,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["UNASKED", "ModelRecordings", "Recordings", "model_section", "pair_section"]

UNASKED = Undefined("no test that measures it was run")


@dataclass(frozen=True)
class ModelRecordings:
    """What is known of one model so far.

    Attributes:
        card: sizes.
        answers: one a question, in the order of the questions.
        isolated: memory and load time.
        rounds: by batch size; undefined where timing failed.
        rounds_missing: why a batch size that is not in ``rounds`` is not there.
        characters_per_token: mean over the questions' texts.
        merged: rounds of an adapter's model, ``unmerged`` and ``merged``, timed together.
    """

    card: ModelCard | Undefined = UNASKED
    answers: tuple[Answer, ...] | Undefined = UNASKED
    isolated: IsolatedReport | Undefined = UNASKED
    rounds: Mapping[int, tuple[Round, ...] | Undefined] = field(default_factory=dict)
    rounds_missing: Undefined = UNASKED
    characters_per_token: Measured = UNASKED
    merged: Mapping[str, tuple[Round, ...]] | Undefined = UNASKED

    def rounds_of(self, batch_size: int) -> tuple[Round, ...] | Undefined:
        """Rounds of one batch size."""
        return self.rounds.get(batch_size, self.rounds_missing)

    @property
    def timed(self) -> dict[int, tuple[Round, ...]] | Undefined:
        """Rounds of the batch sizes that were timed, or why none was."""
        found = {n: each for n, each in self.rounds.items() if not isinstance(each, Undefined)}
        failed = [each for each in self.rounds.values() if isinstance(each, Undefined)]
        return found or (failed[0] if failed else self.rounds_missing)


@dataclass(frozen=True)
class Recordings:
    """What a run knows so far.

    Attributes:
        questions: in their order.
        scoring: how they are put.
        seed: of every draw.
        models: by role.
        tokens: next-token distributions compared.
        batch_sizes: those whose throughput is asked for.
        permutations: option orders that each question is asked in.
        timing_invalid: why the rounds of a batch size, though they exist, must not be judged.
    """

    questions: tuple[Question, ...]
    scoring: Scoring
    seed: int
    models: Mapping[Role, ModelRecordings]
    tokens: TokenComparison | Undefined = UNASKED
    batch_sizes: tuple[int, ...] = (1,)
    permutations: int = 1
    timing_invalid: Mapping[int, str] = field(default_factory=dict)

    def slice(self, kind: str, name: str) -> Recordings:
        """The same with the questions of one subdomain or question type alone."""
        kept = [i for i, q in enumerate(self.questions) if getattr(q, kind) == name]
        models = {}
        for role, model in self.models.items():
            answers = model.answers
            if not isinstance(answers, Undefined):
                answers = tuple(answers[i] for i in kept)
            models[role] = replace(model, answers=answers)
        questions = tuple(self.questions[i] for i in kept)
        return replace(self, questions=questions, models=models)


def model_section(recorded: Recordings, role: Role, name: str) -> Section:
    """One section of one model; undefined where its recording is missing."""
    model = recorded.models[role]
    computations: dict[str, Callable[[], Section]] = {
        "size": lambda: _with(size_model, model.card),
        "accuracy": lambda: _with(
            lambda answers: accuracy_model(
                recorded.questions, answers, recorded.scoring, recorded.seed, recorded.permutations
            ),
            model.answers,
        ),
        "load": lambda: _with(load_model, model.isolated),
        "memory": lambda: _with(memory_model, model.isolated),
        "latency": lambda: _with(
            lambda rounds: latency_model(rounds, model.characters_per_token, recorded.seed),
            model.rounds_of(1),
        ),
        "merged": lambda: _with(lambda rounds: merged_model(rounds, recorded.seed), model.merged),
        "throughput": lambda: throughput_model(_by_batch_size(recorded, model)),
    }
    return _judged_by_noise(recorded, name, _or_undefined(computations[name], MODEL_SECTIONS[name]))


def pair_section(recorded: Recordings, name: str) -> Section:
    """One section of student against teacher; undefined where a recording is missing."""
    teacher, student = recorded.models["teacher"], recorded.models["student"]
    control = recorded.models.get(
        "control", ModelRecordings(answers=Undefined("there is no control model"))
    )
    questions, seed = recorded.questions, recorded.seed
    answers = (teacher.answers, student.answers)

    def of_answers(compute: Callable[..., Section]) -> Section:
        return _with(lambda *found: compute(questions, *found, seed), *answers)

    computations: dict[str, Callable[[], Section]] = {
        "size": lambda: _with(size_pair, teacher.card, student.card),
        "retention": lambda: of_answers(retention_pair),
        "slices": lambda: of_answers(slices_pair),
        "fidelity": lambda: of_answers(fidelity_pair),
        "efficacy": lambda: of_answers(efficacy_pair),
        "control": lambda: _with(
            lambda t, s, c: control_pair(questions, t, s, c, seed), *answers, control.answers
        ),
        "tokens": lambda: _with(_tokens, recorded.tokens),
        "latency": lambda: _with(
            lambda t, s: latency_pair(t, s, seed), teacher.rounds_of(1), student.rounds_of(1)
        ),
        "throughput": lambda: throughput_pair(
            _by_batch_size(recorded, teacher), _by_batch_size(recorded, student), seed
        ),
        "load": lambda: _with(load_pair, teacher.isolated, student.isolated),
        "memory": lambda: _with(memory_pair, teacher.isolated, student.isolated),
        "efficiency": lambda: _with(
            lambda t, s: efficiency_pair(
                t,
                s,
                _accuracy(teacher.answers),
                _accuracy(student.answers),
                _answers_draws(recorded),
            ),
            teacher.card,
            student.card,
        ),
    }
    return _judged_by_noise(recorded, name, _or_undefined(computations[name], PAIR_SECTIONS[name]))


class _MissingError(Exception):
    """Carries a reason from the first missing recording to the section that needs it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _with(compute: Callable[..., Section], *recordings: Any) -> Section:
    for each in recordings:
        if isinstance(each, Undefined):
            raise _MissingError(each.reason)
    return compute(*recordings)


def _or_undefined(compute: Callable[[], Section], names: tuple[str, ...]) -> Section:
    try:
        return compute()
    except _MissingError as missing:
        return undefined_section(names, missing.reason)


def _judged_by_noise(recorded: Recordings, name: str, section: Section) -> Section:
    """The section, its times not to be judged where the machine was too noisy for them."""
    sizes = {"latency": (1,), "throughput": recorded.batch_sizes}.get(name, ())
    reasons = [recorded.timing_invalid[n] for n in sizes if n in recorded.timing_invalid]
    if not reasons:
        return section
    times = [each for each in section.values if CATALOG[each].origin == "time"]
    return replace(section, invalid={**section.invalid, **dict.fromkeys(times, reasons[0])})


def _accuracy(answers: tuple[Answer, ...] | Undefined) -> Measured:
    if isinstance(answers, Undefined):
        return answers
    return sum(answer.correct for answer in answers) / len(answers)


def _answers_draws(recorded: Recordings) -> Mapping[str, NDArray[np.float64]]:
    """Draws of the student's accuracy and of retention, as far as they are known."""
    student = recorded.models["student"].answers
    drawn: dict[str, NDArray[np.float64]] = dict(pair_section(recorded, "retention").draws)
    if not isinstance(student, Undefined):
        clusters = clusters_of(recorded.questions)
        own = proportion_draws(correct_flags(student), clusters=clusters, seed=recorded.seed)
        if not isinstance(own, Undefined):
            drawn["accuracy"] = own
    return drawn


def _by_batch_size(
    recorded: Recordings, model: ModelRecordings
) -> dict[int, tuple[Round, ...] | Undefined]:
    return {size: model.rounds_of(size) for size in recorded.batch_sizes}


def _tokens(found: TokenComparison) -> Section:
    return Section(
        {"token_kl_nats": found.token_kl_nats, "bits_per_byte": dict(found.bits_per_byte)}
    )
