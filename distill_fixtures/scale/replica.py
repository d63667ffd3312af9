"""One replica of a model: what it is told when it is made, and what it can be asked.

A replica runs in a process of its own, perhaps on another machine. Errors that this package raises
on purpose come back as values: however a cluster wraps what goes wrong in a process of its own, the
caller gets the very error that the same model would have raised beside it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from distill_fixtures.errors import DistillBenchError, MeasurementError, ModelReferenceError
from distill_fixtures.measure.processes.bare_model import (
    ModelToLoad,
    find_model,
    load_bare_model,
)
from distill_fixtures.measure.scores.score_keys import library_versions
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    InProcessModel,
    Scored,
    ScoreRequest,
)
from distill_fixtures.records import Undefined
from distill_fixtures.scale.file_marks import FileMark, marks_of

__all__ = [
    "Answered",
    "Failed",
    "Loaded",
    "Passes",
    "Replica",
    "ReplicaOrder",
    "Requests",
    "order_of",
]

T = TypeVar("T")
Requests = Sequence[ScoreRequest] | Sequence[GenerateRequest]
Passes = Sequence[Requests]
"""Requests by the pass that they go through the model in."""


@dataclass(frozen=True, slots=True)
class ReplicaOrder:
    """What a replica loads, and how.

    Attributes:
        model: where it lies; the files are on every machine under that path.
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.
        threads: of the CPU, for one replica.
        files: the files as the one who asks sees them.
        versions: of the libraries that compute scores, as the one who asks has them.
    """

    model: ModelToLoad
    device: str
    dtype: str
    threads: int
    files: tuple[FileMark, ...]
    versions: Mapping[str, str | None]


def order_of(
    model: ModelToLoad, plan: ModelPlan, device: str, dtype: str, threads: int
) -> ReplicaOrder:
    """An order for a model as this process sees it.

    Args:
        plan: of the same model, its files local.
    """
    return ReplicaOrder(model, device, dtype, threads, marks_of(plan), library_versions())


@dataclass(frozen=True, slots=True)
class Loaded:
    """A replica that can be asked.

    Attributes:
        uses_chat_template: as ``Model.uses_chat_template``.
    """

    uses_chat_template: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What some passes came to.

    Attributes:
        passes: a result a request, in the order of the requests.
        scoring_method: as ``Model.scoring_method``.
    """

    passes: tuple[tuple[Scored | Generated, ...], ...]
    scoring_method: str | Undefined


@dataclass(frozen=True, slots=True)
class Failed:
    """Instead of a result: what the model raised."""

    error: DistillBenchError


class Replica:
    """A model in the process of a pool's worker; does nothing until it is asked.

    Args:
        order: what to load.
        place: the machine, for messages; None: by its name.
    """

    def __init__(self, order: ReplicaOrder, place: str | None = None) -> None:
        self._order = order
        self._place = place or platform.node()
        self._model: InProcessModel | None = None

    def ping(self) -> bool:
        """Answered once the process is up."""
        return True

    def load(self) -> Loaded | Failed:
        """Load tokenizer and weights, after a look whether they are the right ones."""
        return _or_failed(self._load)

    def plan(
        self, requests: Requests, settings: GenerateSettings | None
    ) -> tuple[tuple[int, ...], ...] | Failed:
        """Places of the requests by pass.

        Args:
            settings: where texts end; None for likelihoods.
        """
        return _or_failed(lambda: self._planned(requests, settings))

    def answer(self, passes: Passes, settings: GenerateSettings | None) -> Answered | Failed:
        """Let the model answer pass by pass; arguments as ``plan``'s."""
        return _or_failed(lambda: self._answered(passes, settings))

    def _load(self) -> Loaded:
        import torch

        torch.set_num_threads(self._order.threads)
        self._refuse_other_versions()
        plan = find_model(self._order.model)
        self._refuse_other_files(marks_of(plan))
        model = load_bare_model(plan, device=self._order.device, dtype=self._order.dtype)
        self._model = model
        return Loaded(model.uses_chat_template)

    def _planned(
        self, requests: Any, settings: GenerateSettings | None
    ) -> tuple[tuple[int, ...], ...]:
        model = self._loaded()
        if settings is not None:
            return tuple(map(tuple, model.plan_texts(requests, settings)))
        planned = model.plan_scores(requests)
        if isinstance(model.scoring_method, Undefined) and planned:
            # Passes depend on the way of scoring, which is found by trying.
            model.score_many([requests[place] for place in planned[0]])
            planned = model.plan_scores(requests)
        return tuple(map(tuple, planned))

    def _answered(self, passes: Passes, settings: GenerateSettings | None) -> Answered:
        model = self._loaded()
        return Answered(
            tuple(_answers(model, requests, settings) for requests in passes),
            model.scoring_method,
        )

    def _loaded(self) -> InProcessModel:
        if self._model is None:
            raise MeasurementError(
                "a replica was asked before it was loaded",
                got="a question",
                wanted="load() first",
                next_step="report this: the pool asks in the wrong order",
            )
        return self._model

    def _refuse_other_versions(self) -> None:
        here = library_versions()
        differing = {
            name: (version, here.get(name))
            for name, version in self._order.versions.items()
            if version != here.get(name)
        }
        if differing:
            raise MeasurementError(
                f"a worker of the pool on {self._place} has other libraries than this process",
                got=", ".join(f"{name} {there}" for name, (_, there) in differing.items()),
                wanted=", ".join(f"{name} {wanted}" for name, (wanted, _) in differing.items()),
                next_step="install the same versions on every machine of the cluster",
            )

    def _refuse_other_files(self, found: tuple[FileMark, ...]) -> None:
        if found == self._order.files:
            return
        wanted = {mark.name: mark for mark in self._order.files}
        here = {mark.name: mark for mark in found}
        names = sorted(name for name in wanted | here if wanted.get(name) != here.get(name))
        reference = self._order.model.reference
        raise ModelReferenceError(
            f"a worker of the pool on {self._place} finds other files of {reference}",
            got=f"differing: {', '.join(names[:5])} ({len(names)} in all)",
            wanted="on every machine the files that this process sees, under the same path",
            next_step="put the model on storage that all machines share, and name it by that path",
        )


def _answers(
    model: InProcessModel, requests: Any, settings: GenerateSettings | None
) -> tuple[Scored | Generated, ...]:
    found: dict[int, Scored | Generated] = {}
    passes = (
        model.score_in_passes(requests)
        if settings is None
        else model.generate_in_passes(requests, settings)
    )
    for results in passes:
        found.update(results)
    return tuple(found[place] for place in range(len(requests)))


def _or_failed(work: Callable[[], T]) -> T | Failed:
    try:
        return work()
    except DistillBenchError as error:
        return Failed(error)
