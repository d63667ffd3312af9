"""Put measured figures and their rounds into pytest-benchmark's table and storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distill_fixtures.errors import MissingFigureError
from distill_fixtures.plugin.replay import REPLAY, replay_rounds
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.metrics.section import Section

__all__ = ["FIGURES", "REPLAY", "need", "show"]

FIGURES = "figures, stored in extra_info: seconds to compute them"
"""Group of the tests whose figures are no times: their row tells how long computing took."""


def show(
    benchmark: Any,
    section: Section,
    *,
    only: Sequence[str] | None = None,
    rounds_s: Sequence[float] | None = None,
) -> None:
    """Store values and intervals in ``extra_info``, undefined ones as null with their reason.

    Args:
        benchmark: pytest-benchmark's fixture, of a test marked with ``timer=REPLAY``.
        section: the values.
        only: names to store; None for all.
        rounds_s: the rounds to show; None shows how long the section took to compute.
    """
    for name in section.values if only is None else only:
        value = section.values[name]
        benchmark.extra_info[name] = _plain(benchmark, name, value)
        interval = section.intervals.get(name)
        if isinstance(interval, tuple):
            benchmark.extra_info.setdefault("intervals", {})[name] = list(interval)
    replay_rounds(benchmark, [section.computing_s] if rounds_s is None else rounds_s)


def need(section: Section, *names: str) -> None:
    """See that values are there which not every model tells, as the size of a served one.

    Raises:
        MissingFigureError: one is undefined; says why.
    """
    for name in names:
        reason = section.reason(name)
        if reason is not None:
            raise MissingFigureError(
                f"{name} is not known",
                got=reason,
                wanted="a number",
                next_step="see the reason; a criterion on it is not judged",
            )


def _plain(benchmark: Any, path: str, value: Any) -> Any:
    """The value; null for one that is undefined, with its reason stored, in mappings too."""
    if isinstance(value, Mapping):
        return {key: _plain(benchmark, f"{path}.{key}", each) for key, each in value.items()}
    if not isinstance(value, Undefined):
        return value
    benchmark.extra_info.setdefault("reasons", {})[path] = value.reason
    return None
