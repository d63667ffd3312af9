"""What a person reads about a criterion: value, bounds, interval, samples, models, next step."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from distill_fixtures.catalog import format_value
from distill_fixtures.judge.criteria import Criterion, Grade
from distill_fixtures.options.table import option_named

if TYPE_CHECKING:
    from distill_fixtures.judge.slices import SliceTest

__all__ = ["describe_graded", "describe_ungraded", "questions_needed", "samples_needed"]

Z_TWO_SIDED_95 = 1.959964
Z_ONE_SIDED_95 = 1.645
_SAMPLE_NAMES = {"answers": "questions", "time": "rounds", "memory": "measurements"}


def describe_graded(
    criterion: Criterion,
    grade: Grade,
    value: float,
    *,
    interval: tuple[float, float] | None,
    samples: int | None,
    borderline: bool,
    models: tuple[str, str],
    test: SliceTest | None = None,
) -> str:
    """Several lines about a criterion that got a grade.

    Args:
        interval: 95 % interval, if there is one.
        samples: questions or rounds.
        borderline: the interval holds a bound; of a slice: it is short of ``poor``, not surely.
        models: references of student and teacher.
        test: of a slice.
    """
    headline = f"{criterion.name} is {grade}{' (borderline)' if borderline else ''}: "
    headline += _exact_enough(criterion, value)
    lines = [headline, *_context(criterion, interval, samples, models)]
    if test is not None and criterion.beats(criterion.poor, value):
        lines.insert(-1, f"  chance:   {_chance(test)}")
    if borderline and test is not None:
        advice = _advice_on_slice(criterion, value, samples, test)
        lines.append(f"  next:     {advice}")
    elif borderline and interval is not None:
        lines.append(f"  next:     {_advice_on_noise(criterion, interval, samples)}")
    elif grade == "poor":
        lines.append(
            "  next:     compare the two models' figures in the report; where the bound does not "
            f"fit your use, change {criterion.section} in the thresholds"
        )
    return "\n".join(lines)


def describe_ungraded(
    criterion: Criterion,
    grade: Grade,
    reason: str,
    value: float | None,
    *,
    models: tuple[str, str] | None,
) -> str:
    """Several lines about a criterion that got no grade, with the reason."""
    lines = [f"{criterion.name} is {grade.replace('_', ' ')}: {reason}"]
    if value is not None:
        lines.append(f"  value:    {format_value(criterion.metric, value)}, but not judged")
    if grade == "not_judged":
        lines += _context(criterion, None, None, models)
        lines.append(
            f"  next:     remove the cause, or take {criterion.section} out of the thresholds"
        )
    return "\n".join(lines)


def samples_needed(criterion: Criterion, interval: tuple[float, float], samples: int) -> int | None:
    """Samples in all until the nearer bound that the interval holds is likely to be left.

    n (1.645 SE / distance)^2, with the interval's middle as the figure. None where it holds no
    bound, or where the middle lies on one: then no number of samples is enough.

    >>> speed = Criterion("speed_improvement_pct", good=30.0, poor=0.0)
    >>> samples_needed(speed, (-1.959964, 5.879892), samples=10)
    29
    """
    low, high = interval
    held = [bound for bound in (criterion.good, criterion.poor) if low <= bound <= high]
    distance = min((abs((low + high) / 2 - bound) for bound in held), default=0.0)
    standard_error = (high - low) / (2 * Z_TWO_SIDED_95)
    if distance <= 1e-9 * standard_error or distance == 0:
        return None
    return math.ceil(samples * (Z_ONE_SIDED_95 * standard_error / distance) ** 2)


def questions_needed(
    criterion: Criterion, value: float, samples: int, test: SliceTest
) -> int | None:
    """Questions in all until a slice of this value is likely to be surely short of ``poor``.

    n (z SE / distance)^2, z one-sided at 5 % shared by the slices judged together. None where the
    value lies on the bound.
    """
    distance = abs(value - criterion.poor)
    if distance <= 1e-9 * test.standard_error or distance == 0:
        return None
    z = NormalDist().inv_cdf(1 - test.most_chance / test.slices)
    return math.ceil(samples * (z * test.standard_error / distance) ** 2)


def _exact_enough(criterion: Criterion, value: float) -> str:
    """The value for people; with all its digits where rounding would put it on a bound."""
    text = format_value(criterion.metric, value)
    bounds = [bound for bound in (criterion.good, criterion.poor) if bound != value]
    tied = any(text == format_value(criterion.metric, bound) for bound in bounds)
    return f"{text} (exactly {value!r})" if tied else text


def _context(
    criterion: Criterion,
    interval: tuple[float, float] | None,
    samples: int | None,
    models: tuple[str, str] | None,
) -> list[str]:
    def shown(bound: float) -> str:
        return format_value(criterion.metric, bound)

    better = criterion.entry.direction
    beyond, short = ("above", "below") if better == "higher" else ("below", "above")
    lines = [
        f"  bounds:   good {beyond} {shown(criterion.good)}, poor {short} "
        f"{shown(criterion.poor)} ({better} is better)"
    ]
    if interval is not None:
        low, high = (_exact_enough(criterion, end) for end in interval)
        lines.append(f"  interval: {low} to {high} (95 %)")
    if samples is not None:
        lines.append(
            f"  samples:  {samples} {_SAMPLE_NAMES.get(criterion.entry.origin, '')}".rstrip()
        )
    if models is not None:
        lines.append(f"  models:   student {models[0]}, teacher {models[1]}")
    return lines


def _chance(test: SliceTest) -> str:
    """By how much chance is an excuse for a slice that is short of ``poor``."""
    found = f"p = {test.p_value:.2g}, one-sided"
    if test.slices > 1:
        found += f", {test.p_value_holm:.2g} with Holm's correction over {test.slices} slices"
    return f"{found}; poor under {test.most_chance:g}"


def _advice_on_slice(
    criterion: Criterion, value: float, samples: int | None, test: SliceTest
) -> str:
    needed = None if samples is None else questions_needed(criterion, value, samples, test)
    # Nobody writes a hundred times as many questions for one slice.
    if samples is None or needed is None or needed > 100 * samples:
        return "the figure lies close to the bound; more questions would hardly tell"
    return f"about {max(needed, samples + 1)} questions of this slice would tell, if it stays so"


def _advice_on_noise(
    criterion: Criterion, interval: tuple[float, float], samples: int | None
) -> str:
    flags = [option_named(field).flag for field in ("max_rounds", "max_seconds")]
    quieter = "or use a quieter machine"
    if samples is None:
        return f"raise {flags[0]} and {flags[1]}, {quieter}"
    needed = samples_needed(criterion, interval, samples)
    # More rounds than this would be no advice, and more of the same noise rarely averages out.
    if needed is None or needed > 10_000:
        return "the figure lies on the bound; more rounds would hardly tell"
    needed = max(needed, 2 * samples)
    return (
        f"about {needed} rounds would tell: let {flags[0]} be at least that, and {flags[1]} about "
        f"{needed / samples:.2g} times what these {samples} took, {quieter}"
    )
