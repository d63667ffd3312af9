"""Sections that come from rounds: latency, throughput, speed comparison.

Intervals are bootstraps over whole rounds (``resampling.round_draws``), of logarithms wherever a
value cannot be negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from distill_fixtures.metrics.intervals import percentile_interval
from distill_fixtures.metrics.latency import (
    characters_per_s,
    inference_time_s,
    paired_log_ratios,
    speed_improvement_pct,
    speedup,
    throughput_gain,
    throughput_samples_per_s,
    time_saved_s,
)
from distill_fixtures.metrics.missing import Interval, Measured
from distill_fixtures.metrics.request_figures import (
    NO_GAP,
    PERCENTILES,
    RoundTimes,
    batch_figures,
    request_figures,
)
from distill_fixtures.metrics.resampling import round_draws, speedup_draws
from distill_fixtures.metrics.section import Section, keep_draws
from distill_fixtures.records import Round, Undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Picked = NDArray[np.intp]

__all__ = ["latency_model", "latency_pair", "throughput_model", "throughput_pair"]

PERCENTILE_DRAWS = 1000
"""A resample of a percentile looks at every token's gap, so fewer than for a mean."""

NO_TIME = Undefined("the clock saw no time pass")

RATES = {
    "tokens_per_s": "inference_time_s",
    "decode_tokens_per_s": "tpot_s",
    "prefill_tokens_per_s": "ttft_s",
    "characters_per_s": "tpot_s",
}
"""Rates, and the time that each is a constant over: every round holds the same samples."""

Rounds = Sequence[Round]
T = TypeVar("T")


def latency_model(rounds: Rounds, characters_per_token: Measured, seed: int) -> Section:
    """Seconds and rates of one model at batch size 1."""
    times = RoundTimes.of(rounds)
    values: dict[str, Measured] = {
        "inference_time_s": inference_time_s(rounds),
        **request_figures(rounds, times),
        "characters_per_token": characters_per_token,
    }
    decode_rate = values["decode_tokens_per_s"]
    values["characters_per_s"] = characters_per_s(decode_rate, characters_per_token)
    intervals: dict[str, Interval | Undefined] = {
        "inference_time_s": _mean_interval(times.ends_s, seed),
        "ttft_s": _mean_interval(times.firsts_s, seed, missing=times.no_gap),
        "tpot_s": _mean_interval(times.gaps_s, seed, missing=times.no_gap),
    }
    for name, time in RATES.items():
        intervals[name] = _rate_interval(values[name], values[time], intervals[time])
    for name, (_, percent) in PERCENTILES.items():
        times_s = times.of_percentile(name)
        intervals[name] = _percentile_interval(times_s, percent, values[name], seed)
    return Section(values, intervals, samples=len(rounds))


def throughput_model(rounds_by_batch: Mapping[int, Rounds | Undefined]) -> Section:
    """Samples per second of one model, and the times of its batches, by batch size (as text, as
    JSON has it).

    A size that was not timed is undefined in the mapping; all of it is where none was timed.
    """
    figures = {
        str(size): rounds if isinstance(rounds, Undefined) else batch_figures(rounds)
        for size, rounds in rounds_by_batch.items()
    }
    name = "throughput_samples_per_s"
    rates = {
        size: each if isinstance(each, Undefined) else each[name] for size, each in figures.items()
    }
    return Section({name: _any_of(rates), "by_batch_size": _any_of(figures)})


def latency_pair(teacher: Rounds, student: Rounds, seed: int) -> Section:
    """How much faster the student is, from interleaved rounds.

    ``speedup`` and ``speed_improvement_pct``: bootstrap over paired rounds on log ratios;
    ``time_saved_s``: over the rounds' mean seconds per sample.
    """
    log_ratios = paired_log_ratios(teacher, student)
    faster = speedup(log_ratios)
    values = {
        "speedup": faster,
        "speed_improvement_pct": speed_improvement_pct(faster),
        "time_saved_s": time_saved_s(inference_time_s(teacher), inference_time_s(student)),
    }
    per_sample_s = [_seconds_per_sample(each) for each in (teacher, student)]
    saved_s = per_sample_s[0] - per_sample_s[1]
    drawn = speedup_draws(log_ratios, seed=seed)
    saved = round_draws(lambda picked: saved_s[picked].mean(axis=1), len(saved_s), seed=seed)
    saved_pct = drawn if isinstance(drawn, Undefined) else 100 * (1 - 1 / drawn)
    draws: dict[str, Floats] = {}
    intervals: dict[str, Interval | Undefined] = {}
    keep_draws("speedup", drawn, intervals, draws)
    keep_draws("speed_improvement_pct", saved_pct, intervals, draws)
    keep_draws("time_saved_s", saved, intervals, draws)
    return Section(values, intervals, draws, samples=len(log_ratios))


def throughput_pair(
    teacher: Mapping[int, Rounds | Undefined], student: Mapping[int, Rounds | Undefined], seed: int
) -> Section:
    """Student's rate over the teacher's, by batch size; intervals under ``throughput_gain.N``.

    Args:
        teacher, student: rounds of the same batch sizes; undefined ones as in
            ``throughput_model``.
        seed: of the intervals' draws.
    """
    gains: dict[str, Measured] = {}
    intervals: dict[str, Interval | Undefined] = {}
    for size in teacher:
        rounds_t, rounds_s = teacher[size], student[size]
        if isinstance(rounds_t, Undefined):
            gains[str(size)] = rounds_t
        elif isinstance(rounds_s, Undefined):
            gains[str(size)] = rounds_s
        else:
            gains[str(size)] = throughput_gain(
                throughput_samples_per_s(rounds_t), throughput_samples_per_s(rounds_s)
            )
            times_s = (_seconds_per_sample(rounds_t), _seconds_per_sample(rounds_s))
            drawn = round_draws(_log_ratio_of_means(*times_s), len(rounds_t), seed=seed)
            intervals[f"throughput_gain.{size}"] = _of_logarithms(drawn)
    return Section({"throughput_gain": _any_of(gains)}, intervals)


def _any_of(by_size: dict[str, T | Undefined]) -> dict[str, T | Undefined] | Undefined:
    """The mapping, or the first of the reasons where no size has a value."""
    missing = [value for value in by_size.values() if isinstance(value, Undefined)]
    return missing[0] if missing and len(missing) == len(by_size) else by_size


def _seconds_per_sample(rounds: Rounds) -> Floats:
    return np.array([each.seconds / each.samples for each in rounds])


def _log_ratio_of_means(numerators: Floats, denominators: Floats) -> Callable[[Picked], Floats]:
    def statistic(picked: Picked) -> Floats:
        means = [values[picked].mean(axis=1) for values in (numerators, denominators)]
        return np.asarray(np.log(means[0] / means[1]))

    return statistic


def _mean_interval(
    times_s: Floats, seed: int, *, missing: Undefined = NO_GAP
) -> Interval | Undefined:
    """Of the mean of times ``[rounds, times]``; ``missing`` where there are none."""
    if not times_s.size:
        return missing
    means = times_s.mean(axis=1)
    if means.min() <= 0:
        return NO_TIME  # a logarithm of it does not exist

    def statistic(picked: Picked) -> Floats:
        return np.asarray(np.log(means[picked].mean(axis=1)))

    return _of_logarithms(round_draws(statistic, len(means), seed=seed))


def _rate_interval(
    rate: Measured, time_s: Measured, time_interval: Interval | Undefined
) -> Interval | Undefined:
    """A rate is a constant over a time: its interval is the time's, turned over."""
    if isinstance(rate, Undefined):
        return rate
    if isinstance(time_s, Undefined):
        return time_s
    if isinstance(time_interval, Undefined):
        return time_interval
    low, high = time_interval
    return rate * time_s / high, rate * time_s / low


def _percentile_interval(
    times_s: Floats, percent: float, value: Measured, seed: int
) -> Interval | Undefined:
    """Of a percentile of all times ``[rounds, times]`` together."""
    if isinstance(value, Undefined):
        return value
    if times_s.min() <= 0:
        return NO_TIME
    statistic = _log_percentile(times_s, percent)
    return _of_logarithms(round_draws(statistic, len(times_s), seed=seed, draws=PERCENTILE_DRAWS))


def _log_percentile(times_s: Floats, percent: float) -> Callable[[Picked], Floats]:
    """Logarithm of the percentile over resampled rounds, sorting only once."""
    order = np.argsort(times_s, axis=None)
    ordered, owner = times_s.ravel()[order], order // times_s.shape[1]
    place = percent / 100 * (len(ordered) - 1)
    below, share = int(place), place - int(place)
    wanted = [below, min(below + 1, len(ordered) - 1)]

    def of_one(picked: Picked) -> float:
        reached = np.cumsum(np.bincount(picked, minlength=len(times_s))[owner])
        low, high = ordered[np.searchsorted(reached, wanted, side="right")]
        return float(np.log(low + share * (high - low)))

    return lambda picked: np.array([of_one(each) for each in picked])


def _of_logarithms(drawn: Floats | Undefined) -> Interval | Undefined:
    return drawn if isinstance(drawn, Undefined) else percentile_interval(np.exp(drawn))
