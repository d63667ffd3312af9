"""Options that say which training run to wait for, and which of its models is the student."""

from __future__ import annotations

from distill_fixtures.option_checks import as_choice, as_path, as_seconds, as_whole_number
from distill_fixtures.options.option import Option

__all__ = ["WAITING_OPTIONS"]

WAITING_OPTIONS: tuple[Option, ...] = (
    Option(
        "--distill-wait-for-training",
        "wait_for_training",
        None,
        as_path,
        "DIR",
        "wait until the training run in this folder is over: its model is the student",
    ),
    Option(
        "--distill-wait-timeout",
        "wait_timeout",
        None,
        as_seconds,
        "S",
        "longest wait for a training run (default: without end)",
    ),
    Option(
        "--distill-wait-pid",
        "wait_pid",
        None,
        as_whole_number(1),
        "PID",
        "the process that trains: its end is the end of training",
    ),
    Option(
        "--distill-wait-marker",
        "wait_marker",
        None,
        as_path,
        "FILE",
        "a file of your own whose appearance says that training is over",
    ),
    Option(
        "--distill-checkpoint",
        "checkpoint",
        "last",
        as_choice("best", "last"),
        "WHICH",
        "of a training run: last (the final model, else the newest checkpoint) or best by the "
        "trainer's own metric",
    ),
)
