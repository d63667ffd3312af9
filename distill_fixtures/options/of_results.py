"""Options that say where results go, what judges them, and what is allowed."""

from __future__ import annotations

from distill_fixtures.option_checks import (
    as_baseline,
    as_path,
    as_switch,
    as_text,
    as_tracking_uri,
    as_whole_number,
)
from distill_fixtures.options.option import Option

__all__ = ["RESULT_OPTIONS"]

RESULT_OPTIONS: tuple[Option, ...] = (
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
        "--distill-resume",
        "resume",
        "false",
        as_switch,
        "",
        "of several students, leave out those that an earlier run finished by the same options",
        switch=True,
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
    Option(
        "--distill-mlflow",
        "mlflow",
        None,
        as_tracking_uri,
        "URI",
        "log the run to this MLflow server too (needs the extra mlflow)",
    ),
    Option(
        "--distill-mlflow-experiment",
        "mlflow_experiment",
        "distill-bench",
        as_text,
        "NAME",
        "MLflow's experiment of the run; made where it is not there",
    ),
)
