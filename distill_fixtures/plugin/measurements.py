"""Raw measurements, each taken once, on first demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.metrics.recordings import UNASKED, ModelRecordings, Recordings
from distill_fixtures.models.adapter_merge import why_not_merged
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.control_shape import refuse_unlike_card
from distill_fixtures.plugin.measuring import Measuring
from distill_fixtures.plugin.taken_once import TakenOnce
from distill_fixtures.records import Role, Undefined
from distill_fixtures.tasks.prompts import prompt_digest

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.measure.machine.watch import MachineRecord
    from distill_fixtures.measure.processes.process_looks import ProcessTimings
    from distill_fixtures.measure.scores.score_source import ScoringReport
    from distill_fixtures.measure.timing.interleaved import Timing
    from distill_fixtures.metrics.missing import Measured
    from distill_fixtures.models.protocol import Model
    from distill_fixtures.plugin.preparation import Inputs
    from distill_fixtures.plugin.progress import ProgressDisplay
    from distill_fixtures.plugin.shared import SharedByStudents
    from distill_fixtures.records import (
        Answer,
        IsolatedReport,
        ModelCard,
        ProcessTiming,
        QuestionSet,
        Round,
        Scoring,
        TokenComparison,
    )

__all__ = ["TIMED_ROLES", "Measurements"]

TIMED_ROLES: tuple[Role, ...] = ("teacher", "student")
CONTROL_IS_NOT_TIMED = Undefined(
    "the control is there for its accuracy; its speed and memory are those of the student's shape"
)


class Measurements:
    """Measures on demand and remembers; a failure too.

    Args:
        config: the options.
        inputs: what was made of them.
        isolate_first: memory and load time will be wanted, so they are measured before any model
            is loaded into this process.
        progress: shows long work.
        caches: scores and digests of earlier runs; None: there are none, or they are shared.
        shared: with several students what they share.
    """

    def __init__(
        self,
        config: RunConfig,
        inputs: Inputs,
        *,
        isolate_first: bool,
        progress: ProgressDisplay,
        caches: Caches | None = None,
        shared: SharedByStudents | None = None,
    ) -> None:
        self.config = config
        self.inputs = inputs
        self.roles: tuple[Role, ...] = tuple(inputs.plans)
        self._isolate_first = isolate_first
        if shared is not None:
            caches = shared.caches
        self._measuring = Measuring(config, inputs, progress, caches or Caches(), shared)
        self._taken = TakenOnce(None if shared is None else shared.taken(inputs))
        self._processes_first = False
        self._settled: Callable[[Sequence[ProcessTiming]], bool] = lambda taken: True

    @property
    def questions(self) -> QuestionSet:
        return self.inputs.questions

    @property
    def scoring(self) -> Scoring:
        return self.inputs.scoring

    @property
    def prompt_digest(self) -> str:
        """Of how questions are put."""
        return prompt_digest(
            self.scoring,
            style=self.config.prompt,
            template=self.inputs.template,
            permutations=self.config.permutations,
        )

    def card(self, role: Role) -> ModelCard:
        """Sizes and digest, from the model's files."""

        def take() -> ModelCard:
            card = self._measuring.card(role)
            # Packed weights do not say how many they hold until they are loaded.
            if isinstance(card.parameters_total, Undefined):
                card = self.model(role).card
            return card

        card = self._taken.once(("card", role), take)
        self._refuse_unlike_control(role, card)
        return card

    def isolated(self, role: Role) -> IsolatedReport:
        """Memory and load time, from a fresh process.

        Raises:
            WorkerError: the process ended without a result.
        """
        return self._taken.once(("isolated", role), lambda: self._measuring.isolated(role))

    def model(self, role: Role) -> Model:
        """The model, loaded into this process."""
        if self._isolate_first:
            self._isolate_first = False
            for each in TIMED_ROLES:
                # A failure is remembered, and raised when somebody asks for the value.
                with suppress(DistillBenchError):
                    self.isolated(each)
        if self._processes_first:
            # Each process holds both models, so before this one does.
            self._processes_first = False
            with suppress(DistillBenchError):
                self.process_timing()

        model = self._taken.once(("model", role), lambda: self._measuring.load(role))
        self._refuse_unlike_control(role, model.card)
        return model

    def answers(self, role: Role) -> tuple[Answer, ...]:
        """The model's answers to all questions, in their order."""
        return self._scored(role)[0]

    def scoring_report(self, role: Role) -> ScoringReport:
        """How they came about."""
        return self._scored(role)[1]

    def known_scoring_report(self, role: Role) -> ScoringReport | Undefined:
        """How the answers came about, where there are any; measures nothing."""
        scored = self._taken.known(("answers", role))
        return scored if isinstance(scored, Undefined) else scored[1]

    def rounds(self, batch_size: int) -> dict[Role, tuple[Round, ...]]:
        """Interleaved rounds of teacher and student."""
        timing = self.timing(batch_size)
        return {role: timing.rounds[role] for role in TIMED_ROLES}

    def known_timings(self) -> dict[int, Timing | Undefined] | Undefined:
        """How timing went, by batch size, where there was any; measures nothing."""
        sizes = dict.fromkeys((1, *self.config.batch_sizes))
        found = {size: self._taken.known(("rounds", size)) for size in sizes}
        return {size: each for size, each in found.items() if each is not UNASKED} or UNASKED

    def timing(self, batch_size: int) -> Timing:
        """Interleaved rounds of teacher and student, and how taking them went."""
        return self._taken.once(
            ("rounds", batch_size),
            lambda: self._measuring.rounds(
                {role: self.model(role) for role in TIMED_ROLES}, batch_size
            ),
        )

    def merged_timing(self, role: Role) -> Timing:
        """Interleaved rounds of an adapter's model, ``unmerged`` and ``merged``.

        Raises:
            MissingFigureError: the model is no adapter, or cannot be merged.
        """
        return self._taken.once(
            ("merged", role),
            lambda: self._measuring.merged_timing(role, lambda: self.model(role)),
        )

    def time_processes_until(
        self, settled: Callable[[Sequence[ProcessTiming]], bool], *, first: bool
    ) -> None:
        """Say when enough processes were timed.

        Args:
            settled: asked at each planned look.
            first: they will be wanted, so they are timed before any model is loaded here.
        """
        self._settled = settled
        self._processes_first = first

    @property
    def needs_processes(self) -> bool:
        """Whether processes are still to be timed before a model is loaded here."""
        return self._processes_first

    def process_timing(self) -> ProcessTimings:
        """Interleaved rounds of teacher and student in several fresh processes.

        Raises:
            WorkerError: a process ended without a result.
        """
        return self._taken.once(
            ("processes",),
            lambda: self._measuring.process_timing(lambda taken: self._settled(taken)),
        )

    def known_process_timing(self) -> ProcessTimings | Undefined:
        """The same, where they were timed; measures nothing."""
        found: ProcessTimings | Undefined = self._taken.known(("processes",))
        return found

    @property
    def timing_placement(self) -> tuple[str, str]:
        """Device and number format that models are timed with."""
        return self._measuring.placement

    def characters_per_token(self, role: Role) -> float:
        """Mean over the questions' texts."""
        return self._taken.once(
            ("characters", role), lambda: self._measuring.characters_per_token(self.model(role))
        )

    @property
    def tokenizers_differ(self) -> bool | Undefined:
        """Whether teacher and student cut text into other tokens; undefined until both are loaded.

        Loads nothing: models that nobody asked for are not read for a remark.
        """
        models = [self._taken.known(("model", role)) for role in TIMED_ROLES]
        missing = [each for each in models if isinstance(each, Undefined)]
        if missing:
            return missing[0]

        def compare() -> bool | Undefined:
            first, second = (model.tokenizer_digest for model in models)
            for digest in (first, second):
                if isinstance(digest, Undefined):
                    return digest
            return bool(first != second)

        return self._taken.once(("tokenizers",), compare)

    def token_comparison(self) -> TokenComparison | Undefined:
        """Next-token distributions of teacher and student over the questions' texts."""
        return self._taken.once(
            ("tokens",),
            lambda: self._measuring.token_comparison(self.model("teacher"), self.model("student")),
        )

    # What is known of them.

    def recordings(self) -> Recordings:
        """All that was measured so far."""
        return Recordings(
            questions=self.questions.questions,
            scoring=self.scoring,
            seed=self.config.seed,
            models={role: self._model_recordings(role) for role in self.roles},
            tokens=self._taken.known(("tokens",)),
            batch_sizes=self.config.batch_sizes,
            permutations=self.config.permutations,
            timing_invalid={
                key: reason
                for key, reason in self.machine.timing_invalid.items()
                if isinstance(key, int)
            },
        )

    @property
    def seconds(self) -> Mapping[tuple[str | int, ...], float]:
        """What taking each measurement took, without those that it asked for in turn."""
        return self._taken.seconds

    @property
    def measuring(self) -> Measuring:
        """What takes the measurements."""
        return self._measuring

    @property
    def machine(self) -> MachineRecord:
        """What else the machine did while models were timed."""
        return self._measuring.machine

    @property
    def measured(self) -> bool:
        """Whether anything was measured that takes time: answers, rounds, memory. Not what is
        shared with other students, who may have measured it."""
        kinds = self._taken.own_kinds
        return bool(kinds & {"answers", "rounds", "isolated", "tokens", "processes", "merged"})

    @property
    def loaded(self) -> bool:
        """Whether a model was loaded into this process."""
        return "model" in self._taken.kinds

    @property
    def placement(self) -> tuple[str, str] | None:
        """Device and number format of the models, also of those whose answers were all in the score
        cache; None if none was asked for."""
        if self.loaded:
            return self._measuring.placement
        return self._measuring.scoring_placement if "answers" in self._taken.kinds else None

    def close(self) -> None:
        """Free all models and close the caches, unless students share them."""
        self._measuring.close()

    # How it is done.

    def _scored(self, role: Role) -> tuple[tuple[Answer, ...], ScoringReport]:
        if role == "control":
            self.card(role)  # refuses one that is unlike the student, loaded or not
        return self._taken.once(
            ("answers", role), lambda: self._measuring.answers(role, lambda: self.model(role))
        )

    def _refuse_unlike_control(self, role: Role, card: ModelCard) -> None:
        """Of packed weights the check before loading could not tell the size.

        Each student's own check: students may share what was measured of a control.
        """
        if role == "control":
            refuse_unlike_card(card, self.card("student"))

    def _model_recordings(self, role: Role) -> ModelRecordings:
        timed = role in TIMED_ROLES
        scored = self._taken.known(("answers", role))
        rounds: dict[int, tuple[Round, ...] | Undefined] = {}
        for size in dict.fromkeys((1, *self.config.batch_sizes)) if timed else ():
            found = self._taken.known(("rounds", size))
            if found is not UNASKED:
                rounds[size] = found if isinstance(found, Undefined) else found.rounds[role]
        characters: Measured = self._taken.known(("characters", role))
        return ModelRecordings(
            card=self._taken.known(("card", role)),
            answers=scored if isinstance(scored, Undefined) else scored[0],
            isolated=self._taken.known(("isolated", role)) if timed else CONTROL_IS_NOT_TIMED,
            rounds=rounds,
            rounds_missing=UNASKED if timed else CONTROL_IS_NOT_TIMED,
            characters_per_token=characters,
            merged=self._merged_rounds(role) if timed else CONTROL_IS_NOT_TIMED,
        )

    def _merged_rounds(self, role: Role) -> Mapping[str, tuple[Round, ...]] | Undefined:
        """By name; without a timing the reason, which a model that is no adapter tells itself."""
        found: Timing | Undefined = self._taken.known(("merged", role))
        if not isinstance(found, Undefined):
            return found.rounds
        plan = self.inputs.plans[role]
        reason = None if plan.kind == "hub" else why_not_merged(plan)
        return found if reason is None or found is not UNASKED else Undefined(reason)
