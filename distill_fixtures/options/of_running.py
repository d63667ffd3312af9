"""Options that say how long and where models are timed."""

from __future__ import annotations

from distill_fixtures.option_checks import (
    as_batch_sizes,
    as_choice,
    as_device,
    as_seconds,
    as_whole_number,
)
from distill_fixtures.options.option import Option

__all__ = ["DTYPES", "RUNNING_OPTIONS"]

DTYPES = ("auto", "float32", "bfloat16", "float16")

RUNNING_OPTIONS: tuple[Option, ...] = (
    Option(
        "--benchmark-samples",
        "benchmark_samples",
        "10",
        as_whole_number(1),
        "N",
        "prompts per latency case",
    ),
    Option(
        "--distill-new-tokens",
        "new_tokens",
        "32",
        as_whole_number(1),
        "N",
        "tokens generated per latency sample, exactly",
    ),
    Option(
        "--distill-batch-sizes",
        "batch_sizes",
        "1,8",
        as_batch_sizes,
        "LIST",
        "batch sizes of the throughput cases",
    ),
    Option(
        "--distill-max-rounds",
        "max_rounds",
        "60",
        as_whole_number(5),
        "N",
        "most timing rounds per pair of models",
    ),
    Option(
        "--distill-max-seconds",
        "max_seconds",
        "60",
        as_seconds,
        "S",
        "most seconds of timing per pair of models (five rounds are always run)",
    ),
    Option("--distill-device", "device", "auto", as_device, "DEVICE", "auto, cpu, cuda[:i] or mps"),
    Option(
        "--distill-dtype",
        "dtype",
        "auto",
        as_choice(*DTYPES),
        "DTYPE",
        "number format of the weights in memory (auto: float32 on CPU, the checkpoint's on a GPU)",
    ),
)
