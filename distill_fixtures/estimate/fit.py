"""Seconds of passes from a few that were timed: a + b * tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["PassTime", "fit_passes"]


@dataclass(frozen=True, slots=True)
class PassTime:
    """What passes take.

    Attributes:
        pass_s: of a pass, however many tokens it holds.
        token_s: of each token in it.
    """

    pass_s: float
    token_s: float

    def seconds(self, passes: float, tokens: float) -> float:
        return passes * self.pass_s + tokens * self.token_s


def fit_passes(tokens: Sequence[float], seconds: Sequence[float]) -> PassTime:
    """Least squares over timed passes, with neither part below 0.

    Where the line would have a part below 0, that part is 0, and the other is the least squares'
    without it. A single pass, or passes of one length, tell the time a token alone.

    Args:
        tokens: of each pass, above 0.
        seconds: that it took.

    >>> fit_passes([100, 200, 400], [0.3, 0.5, 0.9])
    PassTime(pass_s=0.1, token_s=0.002)
    >>> fit_passes([100, 200], [0.1, 0.3])
    PassTime(pass_s=0.0, token_s=0.0014)
    """
    if not tokens or len(tokens) != len(seconds):
        raise ValueError(f"{len(tokens)} passes and {len(seconds)} times")
    count = len(tokens)
    mean_t, mean_s = sum(tokens) / count, sum(seconds) / count
    spread = sum((each - mean_t) ** 2 for each in tokens)
    if spread > 0:
        both = zip(tokens, seconds, strict=True)
        slope = sum((t - mean_t) * (s - mean_s) for t, s in both) / spread
        begin = mean_s - slope * mean_t
        if slope < 0:
            return PassTime(mean_s, 0.0)
        if begin >= 0:
            return PassTime(round(begin, 12), round(slope, 12))
    products = sum(t * s for t, s in zip(tokens, seconds, strict=True))
    return PassTime(0.0, round(products / sum(t * t for t in tokens), 12))
