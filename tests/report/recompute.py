"""Every derived number of the two result files, computed again from their raw records.

Written from the definitions alone, in plain Python, SciPy and scikit-learn; nothing of the package
is imported. Keys are dotted paths into ``distillation_metrics.json``; None stands for a null.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import groupby, pairwise

from tests.report.recompute_answers import (
    ROLES,
    Json,
    accuracies,
    answer_pair,
    efficiency,
    fidelity,
    guesses,
    slice_losses,
)


def recompute(metrics: Json, comparison: Json | None) -> Json:
    """All derived figures, by dotted path."""
    found: Json = {}
    for role in ROLES:
        if metrics[role] is not None:
            found |= _under(f"{role}.size", sizes(metrics[role]["size"]))
            found[f"{role}.benchmark.merged"] = merged(metrics[role])
            found |= _under(f"{role}.benchmark", _speeds_of(metrics, role))
            if comparison is not None and comparison["predictions"][0][role] is not None:
                scoring = metrics["dataset"]["scoring"]
                orders = metrics["run"]["options"]["--distill-permutations"]
                found |= _under(f"{role}.accuracy", accuracies(comparison, role, scoring, orders))
    teacher, student = metrics["teacher"], metrics["student"]
    found |= _under("distillation", size_pair(teacher["size"], student["size"]))
    found |= _under("distillation", memory_pair(teacher["memory"], student["memory"]))
    found |= _under("distillation", speed_pair(teacher, student, _sizes_asked(metrics)))
    if comparison is not None:
        found |= _under("dataset", guesses(comparison["predictions"]))
        found |= _under("distillation", answer_pair(comparison["predictions"]))
        seed = metrics["run"]["options"]["--distill-seed"]
        found |= _under("distillation", slice_losses(comparison["predictions"], seed))
        found |= _under("distillation", efficiency(metrics, comparison["predictions"]))
        found |= _under("distillation.fidelity", fidelity(comparison["predictions"]))
    return found


def _under(path: str, values: Json) -> Json:
    return {f"{path}.{name}": value for name, value in values.items()}


def _reduction(before: float | None, after: float | None) -> float | None:
    if before is None or after is None or before <= 0:
        return None
    return 100 - 100 * after / before


def sizes(size: Json) -> Json:
    disk, weights, total = (size[k] for k in ("disk_bytes", "weights_bytes", "parameters_total"))
    return {
        "disk_mb": None if disk is None else disk / 1_000_000,
        "disk_gb": None if disk is None else disk / 1_000_000_000,
        "bits_per_parameter": None if weights is None or not total else weights / total * 8,
    }


def size_pair(teacher: Json, student: Json) -> Json:
    before, after = teacher["disk_bytes"], student["disk_bytes"]
    known = before is not None and after is not None
    bits = [sizes(each)["bits_per_parameter"] for each in (teacher, student)]
    return {
        "size_reduction_bytes": before - after if known else None,
        "size_reduction_pct": _reduction(before, after),
        "parameter_reduction_pct": _reduction(
            teacher["parameters_total"], student["parameters_total"]
        ),
        "compression_ratio": after / before if known else None,
        "compression_factor": before / after if known else None,
        "number_format_differs": None
        if None in bits
        else abs(bits[0] - bits[1]) > 0.01 * max(bits),
    }


def _differ(one: float | None, other: float | None) -> bool | None:
    if one is None or other is None:
        return None
    return abs(one - other) > 0.01 * max(one, other)


def memory_pair(teacher: Json, student: Json) -> Json:
    before, after = teacher["model_memory_bytes"], student["model_memory_bytes"]
    net: list[float | None] = [
        None
        if each["peak_memory_bytes"] is None
        else each["peak_memory_bytes"] - each["runtime_memory_bytes"]
        for each in (teacher, student)
    ]
    seen = all(each is not None and each >= 0 for each in net)
    loads = [
        None if not each["load_times_s"] else statistics.median(each["load_times_s"])
        for each in (teacher, student)
    ]
    return {
        "memory_reduction_bytes": None if before is None or after is None else before - after,
        "memory_reduction_pct": _reduction(before, after),
        "peak_memory_reduction_pct": _reduction(*net) if seen else None,
        "load_time_improvement_pct": _reduction(*loads),
    }


# Time, from the raw requests.


OF_TOKENS = (
    "tokens_per_s",
    "decode_tokens_per_s",
    "prefill_tokens_per_s",
    "characters_per_s",
    "ttft_s",
    "tpot_s",
    "itl_p50_s",
    "itl_p99_s",
)


def _speeds_of(metrics: Json, role: str) -> Json:
    """A classifier has nothing that is about tokens."""
    found = speeds(metrics[role], _sizes_asked(metrics))
    if metrics["dataset"]["scoring"] != "classify":
        return found
    for some in (found, *(each for each in (found["by_batch_size"] or {}).values() if each)):
        some.update({name: None for name in OF_TOKENS if name in some})
    return found


def _rounds(model: Json, batch_size: int) -> list[list[Json]]:
    """Requests by round, rounds in the order in which they ran."""
    samples = [s for s in model["benchmark"]["samples"] or () if s["batch_size"] == batch_size]
    samples.sort(key=lambda sample: int(sample["round"]))
    return [list(group) for _, group in groupby(samples, key=lambda sample: sample["round"])]


def _by_round(samples: Sequence[Json]) -> list[list[Json]]:
    ordered = sorted(samples, key=lambda sample: int(sample["round"]))
    return [list(group) for _, group in groupby(ordered, key=lambda sample: sample["round"])]


def merged(model: Json) -> Json | None:
    """Times of an adapter's merged copy, from the requests of both; the interval is no figure of
    theirs alone, and is taken over."""
    there = model["benchmark"]["merged"]
    if there is None:
        return None
    rounds = {name: _by_round(samples) for name, samples in there["samples"].items()}
    times = [each["token_times_s"] for each in there["samples"]["merged"]]
    ends = [each[-1] for each in times]
    sums = {
        name: [math.fsum(request["token_times_s"][-1] for request in each) for each in of_model]
        for name, of_model in rounds.items()
    }
    gaps = [(each[-1] - each[0]) / (len(each) - 1) for each in times if len(each) > 1]
    ratios = [
        math.log(slow / fast) for slow, fast in zip(sums["unmerged"], sums["merged"], strict=True)
    ]
    return {
        "inference_time_s": statistics.fmean(ends),
        "ttft_s": statistics.fmean(each[0] for each in times),
        "tpot_s": statistics.fmean(gaps) if gaps else None,
        "tokens_per_s": sum(map(len, times)) / math.fsum(ends),
        "speedup": math.exp(statistics.median(ratios)),
        "speedup_ci95": there["speedup_ci95"],
        "rounds": len(rounds["merged"]),
        "samples": there["samples"],
    }


def _batch_sizes(model: Json) -> list[int]:
    return sorted({sample["batch_size"] for sample in model["benchmark"]["samples"] or ()})


def _sizes_asked(metrics: Json) -> list[int]:
    return list(metrics["run"]["options"]["--distill-batch-sizes"])


def _rates(model: Json, sizes: Sequence[int]) -> Json | None:
    """Samples per second by batch size; None at one that was not timed, and where none was."""
    rates: Json = {}
    for size in sizes:
        requests = [request for each in _rounds(model, size) for request in each]
        seconds = sum(request["token_times_s"][-1] for request in requests)
        rates[str(size)] = size * len(requests) / seconds if requests else None
    return rates if any(rates.values()) else None


def _percentile(values: Sequence[float], percent: int, *, rounds: int, fewest: int) -> float | None:
    """Of all values; None where one round holds fewer than needed."""
    if len(values) // rounds < fewest or not values:
        return None
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _imports_s(phases: Sequence[Json] | None) -> float | None:
    times = [each["end_s"] - each["start_s"] for each in phases or () if each["name"] == "imports"]
    return sum(times) if times else None


def by_batch_size(model: Json, sizes: Sequence[int]) -> Json | None:
    """Figures of each size; a request is a batch."""
    found: Json = {}
    for size in sizes:
        rounds = _rounds(model, size)
        found[str(size)] = _batches(rounds, size) if rounds else None
    return found if any(found.values()) else None


def _batches(rounds: list[list[Json]], rows: int) -> Json:
    requests = [request for each in rounds for request in each]
    times = [request["token_times_s"] for request in requests]
    ends, firsts = [each[-1] for each in times], [each[0] for each in times]
    gaps = [b - a for each in times for a, b in pairwise(each)]
    after_first = math.fsum(end - first for end, first in zip(ends, firsts, strict=True))
    steps = sum(len(each) - 1 for each in times)
    n = len(rounds)
    return {
        "throughput_samples_per_s": rows * len(times) / math.fsum(ends),
        "tokens_per_s": rows * sum(map(len, times)) / math.fsum(ends),
        "decode_tokens_per_s": rows * steps / after_first if steps else None,
        "prefill_tokens_per_s": sum(r["prompt_tokens"] for r in requests) / math.fsum(firsts),
        "ttft_s": statistics.fmean(firsts),
        "tpot_s": after_first / steps if steps else None,
        "itl_p50_s": _percentile(gaps, 50, rounds=n, fewest=1),
        "itl_p99_s": _percentile(gaps, 99, rounds=n, fewest=100),
        "latency_p50_s": _percentile(ends, 50, rounds=n, fewest=1),
        "latency_p90_s": _percentile(ends, 90, rounds=n, fewest=10),
        "latency_p99_s": _percentile(ends, 99, rounds=n, fewest=100),
    }


def speeds(model: Json, sizes: Sequence[int]) -> Json:
    loads = model["memory"]["load_times_s"]
    found: Json = {
        "load_time_s": statistics.median(loads) if loads else None,
        "import_time_s": _imports_s(model["memory"]["phases"]),
    }
    found["throughput_samples_per_s"] = _rates(model, sizes)
    found["by_batch_size"] = by_batch_size(model, sizes)
    requests = [request for each in _rounds(model, 1) for request in each]
    if not requests:
        return found
    times = [request["token_times_s"] for request in requests]
    ends, firsts = [each[-1] for each in times], [each[0] for each in times]
    gaps = [b - a for each in times for a, b in pairwise(each)]
    per_token = None
    if gaps:
        per_token = statistics.fmean((t[-1] - t[0]) / (len(t) - 1) for t in times)
    rounds = len(_rounds(model, 1))
    density = model["benchmark"]["characters_per_token"]
    return found | {
        "inference_time_s": statistics.fmean(ends),
        "tokens_per_s": sum(map(len, times)) / sum(ends),
        "decode_tokens_per_s": None if per_token is None else 1 / per_token,
        "prefill_tokens_per_s": sum(r["prompt_tokens"] for r in requests) / sum(firsts),
        "characters_per_s": None if None in (per_token, density) else density / per_token,
        "ttft_s": statistics.fmean(firsts),
        "tpot_s": per_token,
        "itl_p50_s": _percentile(gaps, 50, rounds=rounds, fewest=1),
        "itl_p99_s": _percentile(gaps, 99, rounds=rounds, fewest=100),
        "latency_p50_s": _percentile(ends, 50, rounds=rounds, fewest=1),
        "latency_p90_s": _percentile(ends, 90, rounds=rounds, fewest=10),
        "latency_p99_s": _percentile(ends, 99, rounds=rounds, fewest=100),
    }


def speed_pair(teacher: Json, student: Json, sizes: Sequence[int]) -> Json:
    slow, fast = (_rates(model, sizes) for model in (teacher, student))
    gains = None
    if slow is not None and fast is not None:
        gains = {n: fast[n] / rate if rate and fast[n] else None for n, rate in slow.items()}
    found: Json = {"throughput_gain": gains}
    if not all(1 in _batch_sizes(model) for model in (teacher, student)):
        return found | dict.fromkeys(("speedup", "speed_improvement_pct", "time_saved_s"))
    sums = [
        [sum(request["token_times_s"][-1] for request in each) for each in _rounds(model, 1)]
        for model in (teacher, student)
    ]
    faster = math.exp(statistics.median(math.log(t / s) for t, s in zip(*sums, strict=True)))
    each_s = [
        statistics.fmean(r["token_times_s"][-1] for some in _rounds(model, 1) for r in some)
        for model in (teacher, student)
    ]
    return found | {
        "speedup": faster,
        "speed_improvement_pct": 100 - 100 / faster,
        "time_saved_s": each_s[0] - each_s[1],
    }
