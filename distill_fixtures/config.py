"""The options of a run: one table, one frozen record.

``OPTIONS`` says everything about each option once: flag, ini key, default, how its text is checked.
The plugin registers what stands there and hands the raw texts to :func:`build_config`, which checks
them all and never rewrites a value. Precedence is command line, ini file, default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from distill_fixtures.option_checks import (
    as_baseline,
    as_batch_sizes,
    as_choice,
    as_device,
    as_gpus,
    as_path,
    as_reference,
    as_seconds,
    as_switch,
    as_text,
    as_whole_number,
)

__all__ = [
    "DTYPES",
    "OPTIONS",
    "PUBLISHED_PASSWORD",
    "Option",
    "RunConfig",
    "build_config",
    "option_named",
]

# Printed in the README of QuantumBench's authors: it guards against training on the questions by
# accident and is no secret.
PUBLISHED_PASSWORD = "do_not_use_quantumbench_for_training"

DTYPES = ("auto", "float32", "bfloat16", "float16")

BUILT_IN_PAIR = ("demo:teacher", "demo:student")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run was asked to do. Paths are absolute."""

    teacher: str
    student: str
    control: str | None
    base_model: str | None
    data_path: Path | None
    data_password: str
    scoring: Literal["auto", "cloze", "letter", "generate", "classify"]
    prompt: Literal["zero-shot", "cot"]
    prompt_file: Path | None
    permutations: int
    cloze_pmi: bool
    limit: int | None
    benchmark_samples: int
    new_tokens: int
    batch_sizes: tuple[int, ...]
    max_rounds: int
    max_seconds: float
    device: str
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    metrics_dir: Path
    thresholds: Path | None
    baseline: Path | Literal["auto"] | None
    score_cache: Path | None
    no_score_cache: bool
    rehash: bool
    trust_remote_code: bool
    allow_pickle: bool
    seed: int
    executor: Literal["local", "ray"]
    ray_address: str | None
    ray_workers: int | None
    ray_gpus: float | None
    ray_cpus: int | None
    ray_timeout: float | None


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        flag: on the command line.
        field: the attribute of :class:`RunConfig`.
        default: as text, so that it passes the same check as what a user writes; None: no value.
        parse: turns text into the value or raises :class:`OptionError`; gets flag, text and the
            folder that relative paths start from.
        metavar: for ``--help``.
        help: for ``--help`` and the docs.
        repeatable: may stand several times on the command line.
        switch: takes no value on the command line; true or false in the ini file.
    """

    flag: str
    field: str
    default: str | None
    parse: Callable[[str, str, Path], Any]
    metavar: str
    help: str
    repeatable: bool = False
    switch: bool = False

    @property
    def ini_key(self) -> str:
        """The key in pytest.ini: every one begins with ``distill_``."""
        name = self.flag.removeprefix("--").removeprefix("distill-")
        return "distill_" + name.replace("-", "_")


OPTIONS: tuple[Option, ...] = (
    Option("--teacher-model", "teacher", "demo:teacher", as_reference, "REF", "the teacher"),
    Option(
        "--student-model",
        "student",
        "demo:student",
        as_reference,
        "REF",
        "the distilled student",
        repeatable=True,
    ),
    Option(
        "--control-model",
        "control",
        None,
        as_reference,
        "REF",
        "a model of the student's architecture trained without the teacher "
        "(default: demo:control beside the built-in pair, else none)",
    ),
    Option(
        "--distill-base-model",
        "base_model",
        None,
        as_reference,
        "REF",
        "the base of a PEFT adapter (default: what the adapter says)",
    ),
    Option(
        "--data-path",
        "data_path",
        None,
        as_path,
        "PATH",
        "questions or labelled texts: .jsonl, a QuantumBench .csv, folder or .zip "
        "(default: the built-in set)",
    ),
    Option(
        "--distill-data-password",
        "data_password",
        PUBLISHED_PASSWORD,
        as_text,
        "TEXT",
        "password of a .zip (default: the one that QuantumBench's authors publish)",
    ),
    Option(
        "--distill-scoring",
        "scoring",
        "auto",
        as_choice("auto", "cloze", "letter", "generate", "classify"),
        "KIND",
        "how an answer is taken: auto, cloze, letter, generate or classify",
    ),
    Option(
        "--distill-prompt",
        "prompt",
        "zero-shot",
        as_choice("zero-shot", "cot"),
        "KIND",
        "prompt of generate scoring: zero-shot or cot",
    ),
    Option(
        "--distill-prompt-file",
        "prompt_file",
        None,
        as_path,
        "FILE",
        "a prompt template of your own for generate scoring (jinja2, sandboxed)",
    ),
    Option(
        "--distill-permutations",
        "permutations",
        "1",
        as_whole_number(1),
        "N",
        "letter scoring averaged over N cyclic orders of the options",
    ),
    Option(
        "--distill-cloze-pmi",
        "cloze_pmi",
        "false",
        as_switch,
        "",
        "cloze scoring also by how much the question raises an option's likelihood: "
        'log p(option | question) - log p(option | "Answer:")',
        switch=True,
    ),
    Option(
        "--distill-limit",
        "limit",
        None,
        as_whole_number(1),
        "N",
        "only the first N questions; the run is marked partial",
    ),
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
    Option("--metrics-dir", "metrics_dir", "metrics", as_path, "DIR", "folder for the results"),
    Option(
        "--distill-thresholds",
        "thresholds",
        None,
        as_path,
        "FILE",
        "thresholds (default: thresholds.toml of the project, else the package's own)",
    ),
    Option(
        "--distill-baseline",
        "baseline",
        None,
        as_baseline,
        "FILE|auto",
        "an earlier distillation_metrics.json that this run must not be worse than; auto: the "
        "newest complete and passing comparable one in the history of --metrics-dir",
    ),
    Option(
        "--distill-score-cache",
        "score_cache",
        None,
        as_path,
        "DIR",
        "folder of scores already computed (default: distill-bench in the user's cache folder)",
    ),
    Option(
        "--distill-no-score-cache",
        "no_score_cache",
        "false",
        as_switch,
        "",
        "neither use nor keep scores and digests of earlier runs",
        switch=True,
    ),
    Option(
        "--distill-rehash",
        "rehash",
        "false",
        as_switch,
        "",
        "read every file of the models for its digest, also one that seems unchanged",
        switch=True,
    ),
    Option(
        "--distill-trust-remote-code",
        "trust_remote_code",
        "false",
        as_switch,
        "",
        "let Python code run that a model brings with it: read that code first",
        switch=True,
    ),
    Option(
        "--distill-allow-pickle",
        "allow_pickle",
        "false",
        as_switch,
        "",
        "read pickled weights (.bin) too: only from a source that you trust",
        switch=True,
    ),
    Option("--distill-seed", "seed", "0", as_whole_number(0), "N", "seed of all resampling"),
    # Where questions are answered; docs/scaling.md.
    Option(
        "--distill-executor",
        "executor",
        "local",
        as_choice("local", "ray"),
        "KIND",
        "where questions are answered: local, or ray: by replicas of each model on a Ray cluster",
    ),
    Option(
        "--distill-ray-address",
        "ray_address",
        None,
        as_text,
        "ADDRESS",
        "a running Ray cluster, HOST:PORT or auto (default: one on this machine, for this run)",
    ),
    Option(
        "--distill-ray-workers",
        "ray_workers",
        None,
        as_whole_number(1),
        "N",
        "replicas of a model (default: as many as the cluster has room for)",
    ),
    Option(
        "--distill-ray-gpus-per-replica",
        "ray_gpus",
        None,
        as_gpus,
        "X",
        "GPUs of a replica; a fraction shares one (default: 0, on the CPU)",
    ),
    Option(
        "--distill-ray-cpus-per-replica",
        "ray_cpus",
        None,
        as_whole_number(1),
        "N",
        "CPUs of a replica, and its threads (default: 1)",
    ),
    Option(
        "--distill-ray-timeout",
        "ray_timeout",
        None,
        as_seconds,
        "S",
        "seconds within which every replica must have found its place (default: 300)",
    ),
)


def option_named(field: str) -> Option:
    """The option behind an attribute of :class:`RunConfig`."""
    return next(option for option in OPTIONS if option.field == field)


def build_config(given: Mapping[str, tuple[str, Path]]) -> RunConfig:
    """Check all options and freeze them.

    Args:
        given: the text and the folder that relative paths start from, by field; a field that is
            missing takes its default, relative to the working folder.

    Raises:
        OptionError: the first option in the table's order that cannot be used.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        text, folder = given.get(option.field, (option.default, Path.cwd()))
        values[option.field] = None if text is None else option.parse(option.flag, text, folder)
    if values["control"] is None and (values["teacher"], values["student"]) == BUILT_IN_PAIR:
        values["control"] = "demo:control"
    return RunConfig(**values)
