"""How the student's time relates to its teacher's in each of several fresh processes.

Two runs on different days are not interleaved, so their seconds do not compare. What compares is
the student's time over its teacher's in rounds that ran next to each other; and as processes differ
in how their memory lies, each process gives one value: the median over its paired rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from distill_fixtures.metrics.missing import WRITES_NO_TOKENS
from distill_fixtures.records import Round, Undefined

__all__ = ["COMPARED_TIMES", "ComparedTime", "RoundTimes", "log_ratio_of_process", "round_times"]


@dataclass(frozen=True, slots=True)
class ComparedTime:
    """A metric of time that two runs can be compared by.

    Attributes:
        of_round: the attribute of :class:`RoundTimes` that it is, or that it is a constant over.
        is_rate: it falls where the time rises.
        of_tokens: it is about written tokens, which a classifier has none of.
    """

    of_round: str
    is_rate: bool = False
    of_tokens: bool = True


COMPARED_TIMES: Mapping[str, ComparedTime] = {
    "inference_time_s": ComparedTime("seconds", of_tokens=False),
    "ttft_s": ComparedTime("ttft_s"),
    "tpot_s": ComparedTime("tpot_s"),
    "speedup": ComparedTime("seconds", is_rate=True, of_tokens=False),
    "tokens_per_s": ComparedTime("seconds", is_rate=True),
    "decode_tokens_per_s": ComparedTime("tpot_s", is_rate=True),
    "prefill_tokens_per_s": ComparedTime("ttft_s", is_rate=True),
}


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """Times of one model's rounds in one process, one entry a round.

    Attributes:
        seconds: summed end-to-end time of the round's requests.
        ttft_s: mean time to first token; None in each place for a classifier, which writes none.
        tpot_s: mean time per further token; None in each place for a single new token or none.
    """

    seconds: tuple[float, ...]
    ttft_s: tuple[float | None, ...]
    tpot_s: tuple[float | None, ...]

    @property
    def writes_tokens(self) -> bool:
        return None not in self.ttft_s


def round_times(rounds: Sequence[Round]) -> RoundTimes:
    """What is kept of timed rounds.

    >>> from distill_fixtures.records import GenerationTrace
    >>> round_times([Round((GenerationTrace(1, 5, (0.25, 0.5, 1.25)),), 0)])
    RoundTimes(seconds=(1.25,), ttft_s=(0.25,), tpot_s=(0.5,))
    """
    return RoundTimes(
        seconds=tuple(each.seconds for each in rounds),
        ttft_s=tuple(_ttft_s(each) for each in rounds),
        tpot_s=tuple(_tpot_s(each) for each in rounds),
    )


def _ttft_s(one: Round) -> float | None:
    if not all(trace.writes_tokens for trace in one.traces):
        return None
    return fmean(trace.ttft_s for trace in one.traces)


def _tpot_s(one: Round) -> float | None:
    if any(trace.new_tokens < 2 for trace in one.traces):
        return None
    return fmean((t.end_to_end_s - t.ttft_s) / (t.new_tokens - 1) for t in one.traces)


def log_ratio_of_process(
    teacher: RoundTimes, student: RoundTimes, of_round: str, *, of_tokens: bool = False
) -> float | Undefined:
    """Median over paired rounds of log(t_S / t_T): above 0 the student is slower.

    Args:
        of_round: the attribute of :class:`RoundTimes`.
        of_tokens: it stands for a figure about written tokens, which a classifier has none of.

    Raises:
        ValueError: no rounds, or unlike numbers of them.

    >>> one = RoundTimes((1.0, 1.0, 1.0), (1.0,) * 3, (None,) * 3)
    >>> two = RoundTimes((2.0, 1.0, 4.0), (1.0,) * 3, (None,) * 3)
    >>> round(log_ratio_of_process(one, two, "seconds"), 4)
    0.6931
    >>> log_ratio_of_process(one, two, "tpot_s")
    Undefined(reason='a single new token has no time per further token')
    """
    pairs = list(zip(getattr(teacher, of_round), getattr(student, of_round), strict=True))
    if not pairs:
        raise ValueError("a process without rounds")
    writes = teacher.writes_tokens and student.writes_tokens
    if not writes and (of_tokens or of_round != "seconds"):
        return WRITES_NO_TOKENS
    if any(each is None for pair in pairs for each in pair):
        return Undefined("a single new token has no time per further token")
    if any(each <= 0 for pair in pairs for each in pair):
        return Undefined("the clock saw no time pass")
    return median(math.log(student_s) - math.log(teacher_s) for teacher_s, student_s in pairs)
