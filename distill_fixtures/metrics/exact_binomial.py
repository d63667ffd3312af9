"""Exact bounds of a probability, for claims such as "at most 1 % false alarms".

Clopper and Pearson (1934), one-sided: the claim is wrong in at most 1 - level of all studies.
"""

from __future__ import annotations

__all__ = ["clopper_pearson_lower", "clopper_pearson_upper"]


def clopper_pearson_upper(successes: int, trials: int, level: float = 0.95) -> float:
    """The largest probability at which so few successes are not too unlikely.

    Solves P(X <= successes) = 1 - level, X ~ Binomial(trials, p); 1 where all succeeded.

    Raises:
        ValueError: the counts are no proportion, or the level is not between 0 and 1.

    >>> round(clopper_pearson_upper(0, 299), 5)
    0.00997
    """
    from scipy.special import betaincinv

    _check(successes, trials, level)
    if successes == trials:
        return 1.0
    return float(betaincinv(successes + 1, trials - successes, level))


def clopper_pearson_lower(successes: int, trials: int, level: float = 0.95) -> float:
    """The smallest probability at which so many successes are not too unlikely.

    Solves P(X >= successes) = 1 - level, X ~ Binomial(trials, p); 0 where none succeeded.

    Raises:
        ValueError: as ``clopper_pearson_upper``.

    >>> round(clopper_pearson_lower(59, 59), 3)
    0.95
    """
    from scipy.special import betaincinv

    _check(successes, trials, level)
    if successes == 0:
        return 0.0
    return float(betaincinv(successes, trials - successes + 1, 1 - level))


def _check(successes: int, trials: int, level: float) -> None:
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} of {trials} is no proportion")
    if not 0 < level < 1:
        raise ValueError(f"a level of {level} is not between 0 and 1")
