"""What each model of a run is asked, and how it is found: of all measurements and of estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_fixtures.errors import MissingFigureError
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.scores.score_keys import ModelIdentity
from distill_fixtures.measure.scores.score_source import KeptScores
from distill_fixtures.measure.scores.scoring import ScoringPlan, prompts_of
from distill_fixtures.measure.timing.interleaved import select_prompts
from distill_fixtures.models.devices import resolve_device, resolve_dtype
from distill_fixtures.models.folders import runs_code_from_elsewhere
from distill_fixtures.models.identity import digest_of_plan, template_may_tell_the_date
from distill_fixtures.models.references import absolute_reference, fetch
from distill_fixtures.plugin.executing import scoring_placement

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.plugin.caches import Caches
    from distill_fixtures.plugin.preparation import Inputs
    from distill_fixtures.records import Role

__all__ = ["AskedModels", "Subject"]


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


class AskedModels:
    """The models of a run by role; loads none of them.

    Args:
        config: the options.
        inputs: what was made of them.
        caches: scores and digests of earlier runs.
    """

    def __init__(self, config: RunConfig, inputs: Inputs, caches: Caches) -> None:
        self._config = config
        self._inputs = inputs
        self._caches = caches
        # A test may change the working folder before a model is asked for.
        base = config.base_model
        self._base_model = None if base is None else absolute_reference(base)

    @property
    def placement(self) -> tuple[str, str]:
        """Device and number format that models are loaded with."""
        device = resolve_device(self._config.device)
        return device, resolve_dtype(self._config.dtype, device)

    @property
    def scoring_placement(self) -> tuple[str, str]:
        """Device and number format with which questions are answered."""
        return scoring_placement(self._config)

    def local(self, role: Role) -> ModelPlan:
        """Where a model's files are; one of the Hub is downloaded first."""
        return fetch(
            self._inputs.plans[role],
            base_model=self._base_model,
            allow_pickle=self._config.allow_pickle,
        )

    def to_load(self, role: Role) -> ModelToLoad:
        """How a process of its own finds a model."""
        plan = self.local(role)
        return ModelToLoad(
            reference=plan.reference,
            location=plan.location,
            base_model=None if plan.base is None else plan.base.location,
            allow_pickle=self._config.allow_pickle,
            trust_remote_code=self._config.trust_remote_code,
        )

    def need_files(self, role: Role) -> None:
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

    def kept_scores(self, role: Role) -> KeptScores | None:
        """A model's part of the score cache; None where nothing of it may be kept."""
        plan = self.local(role)
        if self._caches.scores is None or plan.served is not None:  # it may run another tomorrow
            return None
        if runs_code_from_elsewhere(plan):  # which no digest of this folder tells
            return None
        device, dtype = self.scoring_placement
        digest = digest_of_plan(plan, self._caches.digests)
        dated = template_may_tell_the_date(plan)
        return KeptScores(self._caches.scores, ModelIdentity(digest, device, dtype, dated))

    def scoring_plan(self) -> ScoringPlan:
        """How answers are taken."""
        return ScoringPlan(
            scoring=self._inputs.scoring,
            permutations=self._config.permutations,
            pmi=self._config.cloze_pmi,
            style=self._config.prompt,
            template=self._inputs.template,
        )

    def prompts(self) -> tuple[str, ...]:
        """Those that models are timed with."""
        plan = ScoringPlan(
            scoring=self._inputs.scoring,
            style=self._config.prompt,
            template=self._inputs.template,
        )
        prompts = prompts_of(self._inputs.questions.questions, plan)
        return select_prompts(prompts, self._config.benchmark_samples)

    def subject(self, role: Role) -> Subject:
        """What a model would be asked on this machine."""
        return Subject(
            self.local(role), self.kept_scores(role), self.scoring_plan(), self.prompts()
        )

    def subject_elsewhere(self, role: Role) -> Subject:
        """The same on another machine, which has no score of ours; downloads nothing."""
        return Subject(self._inputs.plans[role], None, self.scoring_plan(), self.prompts())
