"""Options that say which models are compared."""

from __future__ import annotations

from distill_fixtures.option_checks import as_path, as_reference
from distill_fixtures.options.option import Option

__all__ = ["MODEL_OPTIONS"]

MODEL_OPTIONS: tuple[Option, ...] = (
    Option("--teacher-model", "teacher", "demo:teacher", as_reference, "REF", "the teacher"),
    Option(
        "--student-model",
        "student",
        "demo:student",
        as_reference,
        "REF",
        "the distilled student; given several times: each in turn beside the one teacher",
        repeatable=True,
    ),
    Option(
        "--distill-students",
        "students",
        None,
        as_path,
        "FILE",
        "several students: a TOML file of references, names, controls and thresholds of their own",
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
)
