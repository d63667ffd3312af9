"""Arithmetic over values that may not exist."""

from __future__ import annotations

from collections.abc import Callable

from distill_fixtures.records import Undefined

__all__ = ["WRITES_NO_TOKENS", "Interval", "Measured", "combine", "quotient"]

Measured = float | Undefined
"""A number, or the reason why there is none."""

Interval = tuple[float, float]
"""(low, high)."""


WRITES_NO_TOKENS = Undefined("a classifier writes no tokens: its time is inference_time_s")
"""Why a classifier has no figure about tokens."""


def combine(formula: Callable[..., Measured], *values: Measured) -> Measured:
    """``formula(*values)``, or the first of the values that is undefined.

    >>> combine(lambda a, b: a - b, 3.0, 1.0)
    2.0
    >>> combine(lambda a, b: a - b, 3.0, Undefined("not measured"))
    Undefined(reason='not measured')
    """
    for value in values:
        if isinstance(value, Undefined):
            return value
    return formula(*values)


def quotient(numerator: Measured, denominator: Measured, name: str) -> Measured:
    """numerator / denominator; undefined where either is, or unless the denominator is above 0.

    Args:
        name: of the denominator, for the reason.

    >>> quotient(1.0, 4.0, "the number of parameters")
    0.25
    >>> quotient(1.0, 0.0, "the number of parameters").reason
    'the number of parameters must be above 0 to divide by, and is 0'
    """

    def formula(over: float, under: float) -> Measured:
        if under <= 0:
            return Undefined(f"{name} must be above 0 to divide by, and is {under:g}")
        return over / under

    return combine(formula, numerator, denominator)
