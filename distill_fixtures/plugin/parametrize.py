"""Which models, batch sizes and criteria the suite's tests run over."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distill_fixtures.errors import ThresholdsError, UsageError
from distill_fixtures.judge.criteria import names_of, slices_of
from distill_fixtures.judge.thresholds import find_thresholds, read_thresholds
from distill_fixtures.plugin.options import tolerant

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.judge.criteria import Criterion, Slices

__all__ = ["criterion_id", "parametrize"]

CRITERIA: pytest.StashKey[tuple[Criterion, ...]] = pytest.StashKey()


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give a test its parameters.

    ``distill_role``: teacher, student and, where there is one, the control; a test of
    time or memory leaves the control out, which is there for accuracy alone.
    ``distill_adapter_role``: those of teacher and student that may be adapters.
    ``distill_batch_size``: ``--distill-batch-sizes``.
    ``distill_criterion``: the criteria of the thresholds, each marked by its metric's family; one
    for every slice becomes as many as the questions have.
    ``distill_regression``: the metrics for which the thresholds hold a tolerance.
    """
    names = metafunc.fixturenames
    config = tolerant(metafunc.config)
    if "distill_role" in names:
        roles = ["teacher", "student"]
        if config.control is not None and not _is_timed(metafunc):
            roles.append("control")
        metafunc.parametrize("distill_role", roles)
    if "distill_adapter_role" in names:
        references = {"teacher": config.teacher, "student": config.student}
        is_awaited = config.wait_for_training is not None  # what it will be is not known yet
        metafunc.parametrize(
            "distill_adapter_role",
            [
                role
                for role, reference in references.items()
                if _may_be_adapter(reference) or (role == "student" and is_awaited)
            ],
        )
    if "distill_batch_size" in names:
        metafunc.parametrize("distill_batch_size", config.batch_sizes, ids=lambda n: f"batch{n}")
    if "distill_criterion" in names:
        metafunc.parametrize(
            "distill_criterion",
            [
                pytest.param(
                    criterion,
                    id=criterion_id(criterion),
                    marks=getattr(pytest.mark, criterion.entry.family),
                )
                for criterion in _criteria(metafunc.config)
            ],
        )
    if "distill_regression" in names:
        metafunc.parametrize("distill_regression", _compared(metafunc.config))


def _is_timed(metafunc: pytest.Metafunc) -> bool:
    return bool({"distill_isolated", "distill_batch_size"} & set(metafunc.fixturenames)) or any(
        mark.name in ("latency", "throughput", "memory")
        for mark in metafunc.definition.iter_markers()
    )


def _may_be_adapter(reference: str) -> bool:
    """Whether it leads to an adapter, as far as that is told in no time: of the Hub's any may."""
    from distill_fixtures.models.hub import parse_hub_id

    path = Path(reference).expanduser()
    if path.exists():
        return (path / "adapter_config.json").is_file()
    return parse_hub_id(reference) is not None


def _criteria(config: pytest.Config) -> tuple[Criterion, ...]:
    """The student's criteria; none if the thresholds cannot be used, which is said later."""
    if CRITERIA not in config.stash:
        asked = tolerant(config)
        try:
            thresholds = read_thresholds(find_thresholds(asked.thresholds, config.rootpath))
        except ThresholdsError:
            config.stash[CRITERIA] = ()
        else:
            slices = _slices(asked) if thresholds.has_wildcards else {}
            names = names_of(asked.student)
            config.stash[CRITERIA] = thresholds.criteria_for(*names, slices=slices)
    return config.stash[CRITERIA]


def _compared(config: pytest.Config) -> tuple[str, ...]:
    """Metrics with a tolerance; none if the thresholds cannot be used, which is said later."""
    path = find_thresholds(tolerant(config).thresholds, config.rootpath)
    try:
        return tuple(read_thresholds(path).regression_tolerance_pct)
    except ThresholdsError:
        return ()


def _slices(asked: RunConfig) -> Slices:
    """Those of the questions; none if these cannot be used, which is said later."""
    from distill_fixtures.plugin.preparation import questions_of

    try:
        return slices_of(questions_of(asked).questions)
    except UsageError:
        return {}


MOST_ID_CHARACTERS = 120


def criterion_id(criterion: Criterion) -> str:
    """A test id that names the criterion, and can be given to pytest again.

    The names of slices are the question file's, and may hold anything: what is not fit for a
    command line is replaced, and a digest then keeps two such names apart.
    """
    name = criterion.name
    safe = re.sub(r"[^\w .,/()&+\[\]-]|\.\.", "_", name)[:MOST_ID_CHARACTERS]
    if safe == name:
        return name
    return f"{safe}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
