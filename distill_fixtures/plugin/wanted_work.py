"""What the selected tests make a run measure, told before any of them runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.catalog import FAMILIES, metric
from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.metrics.sections import section_of
from distill_fixtures.plugin.measurements import TIMED_ROLES

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.records import Role

__all__ = ["Wanted", "wanted_by"]

# Sections by what they are computed from; docs of a section's own needs: plugin/store.py.
FROM_ANSWERS = frozenset(("accuracy", "retention", "fidelity", "control", "efficacy", "efficiency"))
SECTIONS_OF_FAMILY = {
    "accuracy": ("accuracy",),
    "fidelity": ("fidelity", "tokens"),
    "latency": ("latency",),
    "throughput": ("throughput",),
    "memory": ("memory",),
    "retention": ("retention", "control"),
    "efficiency": ("efficiency",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run of one student measures.

    Attributes:
        answers: whose answers to all questions.
        isolated: whose memory and load time, in a process of its own.
        batch_sizes: at which models are timed together.
        merged: adapters that are timed merged as well.
        tokens: whether next tokens are compared.
        processes: whether models are timed in several fresh processes.
        unknown: how many selected tests do not say what they will ask for.
    """

    answers: tuple[Role, ...] = ()
    isolated: tuple[Role, ...] = ()
    batch_sizes: tuple[int, ...] = ()
    merged: tuple[Role, ...] = ()
    tokens: bool = False
    processes: bool = False
    unknown: int = 0

    @property
    def loaded(self) -> tuple[Role, ...]:
        """Models that are loaded into the run's own process, whatever the score cache has."""
        timed = bool(self.batch_sizes) or self.tokens
        return TIMED_ROLES if timed else self.merged


def wanted_by(
    items: Iterable[pytest.Item], config: RunConfig, roles: Sequence[Role], adapters: Sequence[Role]
) -> Wanted:
    """What tests ask for, by their families, fixtures and parameters.

    A test without a mark of a family may ask for anything, and is counted as unknown.

    Args:
        roles: of the models of the run.
        adapters: those of them that are adapters.
    """
    asked: set[tuple[str, object]] = set()
    unknown = 0
    for item in items:
        found = _needs(item, config, roles)
        if found is None:
            unknown += 1
        else:
            asked |= found

    def of(kind: str) -> set[Any]:
        return {value for name, value in asked if name == kind}

    def in_order(kind: str) -> tuple[Role, ...]:
        return tuple(role for role in roles if role in of(kind))

    return Wanted(
        answers=in_order("answers"),
        # Once any is wanted, both are measured before a model is loaded.
        isolated=TIMED_ROLES if of("isolated") else (),
        batch_sizes=tuple(sorted(of("rounds"))),
        merged=tuple(role for role in in_order("merged") if role in adapters),
        tokens=bool(of("tokens")),
        processes=bool(of("processes")),
        unknown=unknown,
    )


def _needs(
    item: pytest.Item, config: RunConfig, roles: Sequence[Role]
) -> set[tuple[str, object]] | None:
    """Kinds of measurements with whose or of which size they are; None: the test does not say."""
    callspec = getattr(item, "callspec", None)
    params: dict[str, Any] = {} if callspec is None else callspec.params
    criterion, compared = params.get("distill_criterion"), params.get("distill_regression")
    if isinstance(criterion, Criterion):
        pair = metric(criterion.metric).scope == "pair"
        whose: Sequence[Role] = TIMED_ROLES if pair else ("student",)
        return _of_section(section_of(criterion.metric), whose, params, config, roles)
    if "distill_regression" in params or "distill_baseline" in item.fixturenames:  # type: ignore[attr-defined]
        return _of_comparison(compared, config, roles)
    families = {mark.name for mark in item.iter_markers()} & {*FAMILIES}
    if not families:
        return None
    if "distill_adapter_role" in params:
        return {("merged", params["distill_adapter_role"])}
    found: set[tuple[str, object]] = set()
    isolated = "distill_isolated" in getattr(item, "fixturenames", ())
    if isolated:
        found.add(("isolated", "student"))
    role = params.get("distill_role")
    for family in sorted(families):
        if isolated and family == "latency":  # a load time, of a process of its own
            continue
        for section in SECTIONS_OF_FAMILY.get(family, ()):
            whose = TIMED_ROLES if role is None else (role,)
            found |= _of_section(section, whose, params, config, roles)
    return found


def _of_comparison(
    name: object, config: RunConfig, roles: Sequence[Role]
) -> set[tuple[str, object]]:
    """What comparing with an earlier run takes: nothing where nobody asked for it."""
    if config.baseline is None or not isinstance(name, str):
        return set()
    found = _of_section(section_of(name), TIMED_ROLES, {}, config, roles)
    if metric(name).origin == "time":
        found.add(("processes", None))
    return found


def _of_section(
    section: str,
    whose: Sequence[Role],
    params: dict[str, Any],
    config: RunConfig,
    roles: Sequence[Role],
) -> set[tuple[str, object]]:
    if section in FROM_ANSWERS:
        control: Sequence[Role] = ("control",) if section == "control" else ()
        return {("answers", role) for role in (*whose, *control) if role in roles}
    if section == "latency":
        return {("rounds", 1)}
    if section == "throughput":
        size = params.get("distill_batch_size")
        return {("rounds", each) for each in (config.batch_sizes if size is None else (size,))}
    if section in ("memory", "load"):
        return {("isolated", "student")}
    return {("tokens", None)} if section == "tokens" else set()
