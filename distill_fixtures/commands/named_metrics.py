"""Metrics that an option names, to be shown: each must be one number of a run."""

from __future__ import annotations

from distill_fixtures.catalog import CATALOG, Metric, nearest
from distill_fixtures.errors import OptionError
from distill_fixtures.metrics.sections import section_of
from distill_fixtures.tasks.input_file import shorten

__all__ = ["named_metric"]


def named_metric(name: str, flag: str) -> Metric:
    """The metric that an option names.

    Raises:
        OptionError: there is none of this name, or a run has no one number of it.
    """
    found = CATALOG.get(name)
    if found is None:
        near = nearest(name[:80])
        hint = f"; did you mean {near!r}?" if near else ""
        raise _refused(f"{flag} names no metric", repr(shorten(name)), hint)
    if found.keyed:
        raise _refused(f"{flag} {name} cannot be shown", f"a {found.keyed_by} has one each", "")
    try:
        section_of(name)
    except KeyError:
        where = "it is no figure of a student in distillation_metrics.json"
        raise _refused(f"{flag} {name} cannot be shown", where, "") from None
    return found


def _refused(what: str, got: str, hint: str) -> OptionError:
    return OptionError(
        what,
        got=got,
        wanted=f"a metric that is one number{hint}",
        next_step="`distill-bench metrics --all` lists them",
    )
