"""Which of a run's tests of slices stand when its criteria are judged again.

A slice's corrected p-value hangs on the slices judged beside it and on each one's ``poor``. Where
these are still the same, so is the p-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.judge.messages import Z_TWO_SIDED_95
from distill_fixtures.judge.plain_results import slice_text
from distill_fixtures.judge.slices import SliceTest

__all__ = ["standing_tests"]

Record = Mapping[str, Any]
Records = Mapping[tuple[str, str | None], Record]


def standing_tests(criteria: Sequence[Criterion], records: Records) -> dict[Criterion, SliceTest]:
    """The run's own tests, of the criteria for which they stand.

    Args:
        criteria: all that the student is now held to.
        records: the run's results, by metric and slice.
    """
    families: dict[tuple[str, str], list[Criterion]] = {}
    for criterion in criteria:
        if criterion.slice is not None:
            families.setdefault((criterion.metric, criterion.slice.kind), []).append(criterion)
    found: dict[Criterion, SliceTest] = {}
    for (metric, kind), family in families.items():
        own = {each: records.get((metric, slice_text(each.slice))) for each in family}
        tested = {each: r for each, r in own.items() if r is not None and _is_tested(r)}
        moved = any(each.poor != record["poor"] for each, record in tested.items())
        if moved or None in own.values() or _drops_one(records, metric, kind, family):
            continue
        for each, record in tested.items():
            found[each] = _test(record, len(tested))
    return found


def _drops_one(records: Records, metric: str, kind: str, family: Sequence[Criterion]) -> bool:
    """Whether the run tested a slice that is not judged any more."""
    kept = {slice_text(each.slice) for each in family}
    prefix = kind.replace("_", " ") + " "
    return any(
        name == metric
        and part is not None
        and part.startswith(prefix)
        and part not in kept
        and _is_tested(record)
        for (name, part), record in records.items()
    )


def _is_tested(record: Record) -> bool:
    return record["p_value"] is not None and record["p_value_holm"] is not None


def _test(record: Record, slices: int) -> SliceTest:
    """The standard error, which is for advice alone, by the slice's interval."""
    low, high = record["ci95"] or (0.0, 0.0)
    error = abs(high - low) / (2 * Z_TWO_SIDED_95)
    return SliceTest(record["p_value"], record["p_value_holm"], slices, error)
