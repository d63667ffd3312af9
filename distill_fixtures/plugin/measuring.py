"""How the session takes each measurement: progress shown, options applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from distill_fixtures.errors import MissingFigureError
from distill_fixtures.measure.machine.watch import MachineRecord, TimingKey
from distill_fixtures.measure.processes.bare_model import ModelToLoad
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
from distill_fixtures.measure.scores.score_keys import ModelIdentity
from distill_fixtures.measure.scores.score_source import KeptScores, ScoreSource, ScoringReport
from distill_fixtures.measure.scores.scoring import ScoringPlan, answer_questions, prompts_of
from distill_fixtures.measure.scores.token_divergence import compare_tokens
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.interleaved import (
    Timing,
    TimingPlan,
    select_prompts,
    time_models,
)
from distill_fixtures.models.devices import resolve_device, resolve_dtype
from distill_fixtures.models.folders import runs_code_from_elsewhere
from distill_fixtures.models.identity import (
    card_of_plan,
    digest_of_plan,
    template_may_tell_the_date,
)
from distill_fixtures.models.model_registry import ModelRegistry
from distill_fixtures.models.references import absolute_reference, fetch
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.executing import executor_of, scoring_placement
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

__all__ = ["Measuring", "Subject"]

# Loading a model three times tells its time; large models load long enough for one to do.
LOADS = 3
MERGED_KEYS: Mapping[Role, TimingKey] = {
    "teacher": "merged_teacher",
    "student": "merged_student",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a model would be asked, for an estimate of it.

    Attributes:
        plan: where it comes from.
        kept: its scores of earlier runs.
        scoring: how its answers are taken.
        prompts: that it is timed with.
    """

    plan: ModelPlan
    kept: KeptScores | None
    scoring: ScoringPlan
    prompts: tuple[str, ...]


class Measuring:
    """Takes measurements; remembers the models that are open, and how the machine was.

    Args:
        config: the options.
        inputs: what was made of them.
        progress: shows long work.
        caches: scores and digests of earlier runs; closed with the models.
        shared: with several students what they share; they close it.

    Attributes:
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
        # A test may change the working folder before a model is asked for.
        base = config.base_model
        self._base_model = None if base is None else absolute_reference(base)
        self._shared = shared
        self._registry = ModelRegistry(self._load) if shared is None else shared.registry
        self._executor = executor_of(config) if shared is None else shared.executor
        self.machine = MachineRecord()

    @property
    def placement(self) -> tuple[str, str]:
        """Device and number format that models are loaded with."""
        device = resolve_device(self._config.device)
        return device, resolve_dtype(self._config.dtype, device)

    @property
    def scoring_placement(self) -> tuple[str, str]:
        """Device and number format with which questions are answered."""
        return scoring_placement(self._config)

    def card(self, role: Role) -> ModelCard:
        """Sizes and digest; a model of the Hub is downloaded first."""
        return card_of_plan(self._local(role), self._caches.digests)

    def isolated(self, role: Role) -> IsolatedReport:
        """Memory and load time, in a fresh process."""
        self._need_files(role)
        self._leave_cluster()
        device, dtype = self.placement
        request = WorkerRequest(
            model=self._to_load(role),
            prompts=self._prompts(),
            device=device,
            dtype=dtype,
            batch_sizes=self._config.batch_sizes,
            new_tokens=self._config.new_tokens,
            loads=LOADS,
        )
        with self._progress.bar(f"{role}: memory and load time, alone in a process", None):
            return measure_isolated(request)

    def load(self, role: Role) -> Model:
        """The model, in this process."""
        self._leave_cluster()
        with self._progress.bar(f"{role}: loading", None):
            return self._registry.get(self._local(role))

    def answers(
        self, role: Role, model: Callable[[], Model]
    ) -> tuple[tuple[Answer, ...], ScoringReport]:
        """Answers to all questions, and how they came about.

        Args:
            role: whose.
            model: asked for only where the score cache lacks an answer.
        """
        plan = self._scoring_plan()
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
        kept, plan = self._kept_scores(role), self._local(role)
        if self._executor is None or plan.served is not None:
            yield ScoreSource(model, kept)
            return
        executor, (device, dtype) = self._executor, self.scoring_placement
        with ExitStack() as stack:

            def start() -> ReplicaPool:
                asked = order_of(self._to_load(role), plan, device, dtype, executor.settings.cpus)
                return stack.enter_context(closing(executor.pool(plan, self.card(role), asked)))

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
            beside_merged_copy(self._local(role), unmerged, self.placement) as models,
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
                self._prompts(),
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
            self._need_files(role)
        self._leave_cluster()
        device, dtype = self.placement
        new_tokens = self._config.new_tokens
        request = TimingProcessRequest(
            models={role: self._to_load(role) for role in ("teacher", "student")},
            prompts=(median_prompt(self._prompts()),),
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

    def _need_files(self, role: Role) -> None:
        """Refuse what a process of its own would tell, of a model that runs elsewhere.

        Raises:
            MissingFigureError: the model is behind a server.
        """
        served = self._inputs.plans[role].served
        if served is not None:
            raise MissingFigureError(
                f"{served.place} runs in a process that is not ours",
                got="a model behind a server",
                wanted="a model whose files are here",
                next_step="measure a local copy of it for its memory and load time",
            )

    def _to_load(self, role: Role) -> ModelToLoad:
        """How a process of its own finds a model."""
        plan = self._local(role)
        return ModelToLoad(
            reference=plan.reference,
            location=plan.location,
            base_model=None if plan.base is None else plan.base.location,
            allow_pickle=self._config.allow_pickle,
            trust_remote_code=self._config.trust_remote_code,
        )

    def characters_per_token(self, model: Model) -> float:
        """Characters of the questions' texts over their tokens."""
        texts = [question.question for question in self._inputs.questions.questions]
        return sum(map(len, texts)) / sum(map(model.count_tokens, texts))

    def token_comparison(self, teacher: Model, student: Model) -> TokenComparison | Undefined:
        """Next-token distributions over the questions' texts."""
        texts = [question.question for question in self._inputs.questions.questions]
        with self._progress.bar("comparing next tokens", len(texts)) as advance:
            return compare_tokens(teacher, student, texts, progress=advance)

    def subject(self, role: Role) -> Subject:
        """What a model would be asked on this machine; measures nothing."""
        return Subject(
            self._local(role), self._kept_scores(role), self._scoring_plan(), self._prompts()
        )

    def subject_elsewhere(self, role: Role) -> Subject:
        """The same on another machine, which has no score of ours; reads no weights."""
        return Subject(self._inputs.plans[role], None, self._scoring_plan(), self._prompts())

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

    def _local(self, role: Role) -> ModelPlan:
        return fetch(
            self._inputs.plans[role],
            base_model=self._base_model,
            allow_pickle=self._config.allow_pickle,
        )

    def _load(self, plan: ModelPlan) -> Model:
        return open_here(plan, self._config, self._caches.digests)

    def _kept_scores(self, role: Role) -> KeptScores | None:
        plan = self._local(role)
        if self._caches.scores is None or plan.served is not None:  # it may run another tomorrow
            return None
        if runs_code_from_elsewhere(plan):  # which no digest of this folder tells
            return None
        device, dtype = self.scoring_placement
        digest = digest_of_plan(plan, self._caches.digests)
        dated = template_may_tell_the_date(plan)
        return KeptScores(self._caches.scores, ModelIdentity(digest, device, dtype, dated))

    def _scoring_plan(self) -> ScoringPlan:
        return ScoringPlan(
            scoring=self._inputs.scoring,
            permutations=self._config.permutations,
            pmi=self._config.cloze_pmi,
            style=self._config.prompt,
            template=self._inputs.template,
        )

    def _prompts(self) -> tuple[str, ...]:
        plan = ScoringPlan(
            scoring=self._inputs.scoring,
            style=self._config.prompt,
            template=self._inputs.template,
        )
        prompts = prompts_of(self._inputs.questions.questions, plan)
        return select_prompts(prompts, self._config.benchmark_samples)
