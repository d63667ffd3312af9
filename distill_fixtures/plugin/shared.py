"""What the students of a session share: caches, open models, and all that is the teacher's alone.

Accuracy, sizes, memory and load time of the teacher do not hang on the student beside it, nor do
those of a control; they are taken once. What is timed in rounds is taken for each student anew:
rounds of teacher and student are interleaved, so that both meet the same moments of the machine,
and a teacher's seconds of an hour ago would not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.models.model_registry import ModelRegistry
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.executing import executor_of
from distill_fixtures.plugin.opening import open_here
from distill_fixtures.plugin.taken_once import TakenOnce

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.models.protocol import Model
    from distill_fixtures.plugin.preparation import Inputs
    from distill_fixtures.records import Role

__all__ = ["SharedByStudents"]

SHARED_ROLES: tuple[Role, ...] = ("teacher", "control")


class SharedByStudents:
    """Outlives the students' stores.

    Args:
        config: device, number format and what models may do, the same for all students.
        caches: scores and digests of earlier runs; closed with this.

    Attributes:
        executor: what makes pools of replicas; None where questions are answered in this process.
    """

    def __init__(self, config: RunConfig, caches: Caches) -> None:
        self.caches = caches
        self.registry = ModelRegistry(self._load)
        # One for all: whoever times something must be able to leave a cluster that another joined.
        self.executor = executor_of(config)
        self._config = config
        self._taken: dict[tuple[str, ...], TakenOnce] = {}

    def taken(self, inputs: Inputs) -> Mapping[str, TakenOnce]:
        """Where what is of the teacher and of the control is kept, by role.

        Students whose questions are put in other ways (classifiers whose labels are called
        otherwise) share none of it, nor do those with other controls share theirs.
        """
        how = (inputs.scoring, inputs.questions.digest)
        return {
            role: self._taken.setdefault((role, plan.reference, *how), TakenOnce())
            for role, plan in inputs.plans.items()
            if role in SHARED_ROLES
        }

    def fault_of_teacher(self, error: DistillBenchError) -> bool:
        """Whether an error came of measuring the teacher, so that it is every student's."""
        return any(
            taken.failed_with(error) for key, taken in self._taken.items() if key[0] == "teacher"
        )

    def let_go(self, *, keep_teacher: bool) -> None:
        """Free the models of a student that is done, and what its measuring left behind.

        Args:
            keep_teacher: it stays loaded for the next student.
        """
        for key, taken in self._taken.items():
            if key[0] != "teacher" or not keep_teacher:
                taken.forget("model")
        self.registry.close_all(but=(self._config.teacher,) if keep_teacher else ())

    def close(self) -> None:
        """Leave the cluster, free all models and close the caches."""
        if self.executor is not None:
            self.executor.close()
        self.caches.close()
        self.registry.close_all()

    def _load(self, plan: ModelPlan) -> Model:
        return open_here(plan, self._config, self.caches.digests)
