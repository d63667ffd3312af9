"""All options of a run, in the order in which they are checked and shown.

The plugin registers what stands here. Nothing else names an option's flag, default or check.
"""

from __future__ import annotations

from distill_fixtures.options.of_estimate import ESTIMATE_OPTIONS
from distill_fixtures.options.of_models import MODEL_OPTIONS
from distill_fixtures.options.of_questions import QUESTION_OPTIONS
from distill_fixtures.options.of_results import RESULT_OPTIONS
from distill_fixtures.options.of_running import RUNNING_OPTIONS
from distill_fixtures.options.of_scale import SCALE_OPTIONS
from distill_fixtures.options.of_waiting import WAITING_OPTIONS
from distill_fixtures.options.option import Option

__all__ = ["OPTIONS", "option_named"]

OPTIONS: tuple[Option, ...] = (
    *MODEL_OPTIONS,
    *QUESTION_OPTIONS,
    *RUNNING_OPTIONS,
    *RESULT_OPTIONS,
    *SCALE_OPTIONS,
    *WAITING_OPTIONS,
    *ESTIMATE_OPTIONS,
)


def option_named(field: str) -> Option:
    """The option behind an attribute of ``RunConfig``."""
    return next(option for option in OPTIONS if option.field == field)
