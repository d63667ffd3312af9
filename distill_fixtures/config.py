"""What a run was asked to do: one frozen record of all options.

The table of ``options/`` says everything about each option once: flag, ini key, default, how its
text is checked. The plugin registers what stands there and hands the raw texts to
:func:`build_config`, which checks them all and never rewrites a value. Precedence is command line,
ini file, default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from distill_fixtures.options.table import OPTIONS

__all__ = ["RunConfig", "build_config"]

BUILT_IN_PAIR = ("demo:teacher", "demo:student")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run was asked to do. Paths are absolute.

    With several students each has a record of its own, in which it is ``student`` and
    ``metrics_dir`` is its folder.
    """

    teacher: str
    student: str
    students: Path | None
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
    resume: bool
    score_cache: Path | None
    no_score_cache: bool
    rehash: bool
    trust_remote_code: bool
    allow_pickle: bool
    seed: int
    mlflow: str | None
    mlflow_experiment: str
    wait_for_training: Path | None
    wait_timeout: float | None
    wait_pid: int | None
    wait_marker: Path | None
    checkpoint: Literal["best", "last"]
    executor: Literal["local", "ray"]
    ray_address: str | None
    ray_workers: int | None
    ray_gpus: float | None
    ray_cpus: int | None
    ray_timeout: float | None
    estimate: bool
    estimate_on: str | None

    @property
    def only_estimates(self) -> bool:
        """Whether the run says what it would cost, and measures nothing."""
        return self.estimate or self.estimate_on is not None


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
    if values["wait_for_training"] is not None:
        values["student"] = str(values["wait_for_training"])
    if values["control"] is None and (values["teacher"], values["student"]) == BUILT_IN_PAIR:
        values["control"] = "demo:control"
    return RunConfig(**values)
