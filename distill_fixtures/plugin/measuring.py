"""How the session takes each measurement: progress shown, options applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from distill_fixtures.measure.machine.watch import MachineRecord, TimingKey
from distill_fixtures.measure.processes.isolated import measure_isolated
from distill_fixtures.measure.processes.process_looks import (
    ENOUGH_ROUNDS_PER_PROCESS,
    FEWEST_ROUNDS_PER_PROCESS,
    LOOKS,
    ROUNDS_PER_PROCESS,
    ProcessTimings,
    median_prompt,
    take_processes,
)
from distill_fixtures.measure.processes.timing_processes import TimingProcesses
from distill_fixtures.measure.processes.timing_request import TimingProcessRequest
from distill_fixtures.measure.processes.worker_report import WorkerRequest
from distill_fixtures.measure.scores.score_source import ScoreSource, ScoringReport
from distill_fixtures.measure.scores.scoring import answer_questions
from distill_fixtures.measure.scores.token_divergence import compare_tokens
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.interleaved import (
    Timing,
    TimingPlan,
    time_models,
)
from distill_fixtures.models.identity import (
    card_of_plan,
)
from distill_fixtures.models.model_registry import ModelRegistry
from distill_fixtures.plugin.asked_models import AskedModels
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.executing import executor_of
from distill_fixtures.plugin.merging import beside_merged_copy
from distill_fixtures.plugin.opening import open_here
from distill_fixtures.plugin.timing_plan import plan_timing
from distill_fixtures.records import Role
from distill_fixtures.scale.replica import order_of

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.models.protocol import Model, Progress
    from distill_fixtures.plugin.preparation import Inputs
    from distill_fixtures.plugin.progress import ProgressDisplay
    from distill_fixtures.plugin.shared import SharedByStudents
    from distill_fixtures.records import (
        Answer,
        IsolatedReport,
        ModelCard,
        ProcessTiming,
        TokenComparison,
        Undefined,
    )
    from distill_fixtures.scale.pool import ReplicaPool

__all__ = ["Measuring"]

MERGED_KEYS: Mapping[Role, TimingKey] = {
    "teacher": "merged_teacher",
    "student": "merged_student",
}


class Measuring:
    """Takes measurements; remembers the models that are open, and how the machine was.

    Args:
        config: the options.
        inputs: what was made of them.
        progress: shows long work.
        caches: scores and digests of earlier runs; closed with the models.
        shared: with several students what they share; they close it.

    Attributes:
        asked: what each model is asked, and how it is found.
        machine: what else it did while models were timed.
    """

    def __init__(
        self,
        config: RunConfig,
        inputs: Inputs,
        progress: ProgressDisplay,
        caches: Caches,
        shared: SharedByStudents | None = None,
    ) -> None:
        self._config = config
        self._inputs = inputs
        self._progress = progress
        self._caches = caches
        self.asked = AskedModels(config, inputs, caches)
        self._shared = shared
        self._registry = ModelRegistry(self._load) if shared is None else shared.registry
        self._executor = executor_of(config) if shared is None else shared.executor
        self.machine = MachineRecord()

    @property
    def placement(self) -> tuple[str, str]:
        """Device and number format that models are loaded with."""
        return self.asked.placement

    @property
    def scoring_placement(self) -> tuple[str, str]:
        """Device and number format with which questions are answered."""
        return self.asked.scoring_placement

    def card(self, role: Role) -> ModelCard:
        """Sizes and digest; a model of the Hub is downloaded first."""
        return card_of_plan(self.asked.local(role), self._caches.digests)

    def isolated(self, role: Role) -> IsolatedReport:
        """Memory and load time, in a fresh process."""
        self.asked.need_files(role)
        self._leave_cluster()
        device, dtype = self.placement
        request = WorkerRequest(
            model=self.asked.to_load(role),
            prompts=self.asked.prompts(),
            device=device,
            dtype=dtype,
            batch_sizes=self._config.batch_sizes,
            new_tokens=self._config.new_tokens,
        )
        with self._progress.bar(f"{role}: memory and load time, alone in a process", None):
            return measure_isolated(request)

    def load(self, role: Role) -> Model:
        """The model, in this process."""
        self._leave_cluster()
        with self._progress.bar(f"{role}: loading", None):
            return self._registry.get(self.asked.local(role))

    def answers(
        self, role: Role, model: Callable[[], Model]
    ) -> tuple[tuple[Answer, ...], ScoringReport]:
        """Answers to all questions, and how they came about.

        Args:
            role: whose.
            model: asked for only where the score cache lacks an answer.
        """
        plan = self.asked.scoring_plan()
        questions = self._inputs.questions.questions
        total = len(questions) * self._config.permutations * (1 + self._config.cloze_pmi)
        with (
            self._source(role, model) as source,
            self._progress.bar(f"{role}: answering questions", total) as advance,
        ):
            answers = answer_questions(source, questions, plan, progress=advance)
        return answers, source.report

    @contextmanager
    def _source(self, role: Role, model: Callable[[], Model]) -> Iterator[ScoreSource]:
        """Where a model's scores come from; the replicas of a pool end with it."""
        kept, plan = self.asked.kept_scores(role), self.asked.local(role)
        if self._executor is None or plan.served is not None:
            yield ScoreSource(model, kept)
            return
        executor, (device, dtype) = self._executor, self.scoring_placement
        with ExitStack() as stack:

            def start() -> ReplicaPool:
                model, threads = self.asked.to_load(role), executor.settings.cpus
                order = order_of(model, plan, device, dtype, threads)
                return stack.enter_context(closing(executor.pool(plan, self.card(role), order)))

            yield ScoreSource(start, kept, questions_at_once=executor.questions_at_once)

    def rounds(self, models: Mapping[Role, Model], batch_size: int) -> Timing:
        """Interleaved rounds of all models."""
        plan = plan_timing(self._config, self._inputs.thresholds, batch_size)
        with self._progress.bar(
            f"timing, batch size {batch_size}", None, most_seconds=self._config.max_seconds
        ) as advance:
            return self._timed(
                {str(role): model for role, model in models.items()},
                plan,
                batch_size,
                batch_size=batch_size,
                progress=advance,
            )

    def merged_timing(self, role: Role, unmerged: Callable[[], Model]) -> Timing:
        """Interleaved rounds of an adapter's model and of a merged copy, which is then freed.

        Args:
            role: whose.
            unmerged: the model; asked for only where it can be merged.

        Raises:
            MissingFigureError: it cannot be merged, or a copy does not fit beside what is loaded.
        """
        # No criterion rests on this ratio, so no bound prolongs its timing.
        plan = replace(plan_timing(self._config, self._inputs.thresholds, 1), log_ratio_bounds=())
        with (
            self._progress.bar(f"{role}: timing unmerged and merged", None) as advance,
            beside_merged_copy(self.asked.local(role), unmerged, self.placement) as models,
        ):
            return self._timed(models, plan, MERGED_KEYS[role], progress=advance)

    def _timed(
        self,
        models: Mapping[str, Model],
        plan: TimingPlan,
        key: TimingKey,
        *,
        batch_size: int = 1,
        progress: Progress,
    ) -> Timing:
        """Models timed together, and the machine watched meanwhile."""
        self._leave_cluster()
        with self.machine.timing(self.placement[0], key):
            return time_models(
                models,
                self.asked.prompts(),
                plan,
                SystemClock(),
                batch_size=batch_size,
                progress=progress,
            )

    def process_timing(self, settled: Callable[[Sequence[ProcessTiming]], bool]) -> ProcessTimings:
        """Interleaved rounds of teacher and student in several fresh processes.

        Args:
            settled: whether what was timed is enough; asked at each planned look.
        """
        for role in ("teacher", "student"):
            self.asked.need_files(role)
        self._leave_cluster()
        device, dtype = self.placement
        new_tokens = self._config.new_tokens
        request = TimingProcessRequest(
            models={role: self.asked.to_load(role) for role in ("teacher", "student")},
            prompts=(median_prompt(self.asked.prompts()),),
            new_tokens=new_tokens,
            rounds=ROUNDS_PER_PROCESS,
            fewest_rounds=FEWEST_ROUNDS_PER_PROCESS,
            enough_rounds=ENOUGH_ROUNDS_PER_PROCESS,
            # The option bounds the timing of one model; a process has two, and its share of it.
            max_seconds=2 * self._config.max_seconds / LOOKS[-1],
            device=device,
            dtype=dtype,
        )
        with (
            self._progress.bar("timing in fresh processes", LOOKS[-1]) as advance,
            TimingProcesses(request) as processes,
            self.machine.timing(device, "processes"),
        ):
            taken, note = take_processes(processes.take, settled, progress=advance)
        self.machine.add_major_faults("processes", sum(each.major_faults or 0 for each in taken))
        return ProcessTimings(taken, device, dtype, len(request.prompts), new_tokens, note)

    def characters_per_token(self, model: Model) -> float:
        """Characters of the questions' texts over their tokens."""
        texts = [question.question for question in self._inputs.questions.questions]
        return sum(map(len, texts)) / sum(map(model.count_tokens, texts))

    def token_comparison(self, teacher: Model, student: Model) -> TokenComparison | Undefined:
        """Next-token distributions over the questions' texts."""
        texts = [question.question for question in self._inputs.questions.questions]
        with self._progress.bar("comparing next tokens", len(texts)) as advance:
            return compare_tokens(teacher, student, texts, progress=advance)

    def close(self) -> None:
        """Free all models and close the caches, where they are this session's only student's."""
        self._leave_cluster()
        if self._shared is None:
            self._caches.close()
            self._registry.close_all()

    def _leave_cluster(self) -> None:
        """Nothing of it shall run beside what is measured on this machine."""
        if self._executor is not None:
            self._executor.close()

    def _load(self, plan: ModelPlan) -> Model:
        return open_here(plan, self._config, self._caches.digests)
