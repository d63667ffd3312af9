"""Options of an estimate that cannot be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distill_fixtures.errors import OptionError
from distill_fixtures.estimate.targets import find_target
from distill_fixtures.options.table import option_named

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig

__all__ = ["refuse_unfit_estimate"]


def refuse_unfit_estimate(config: RunConfig) -> None:
    """Refuse what no estimate can be made of, before anything is looked at.

    Raises:
        OptionError: the hardware is not in the table; or the student is still being trained, so
            that nothing is known of it.
    """
    if config.estimate_on is not None:
        find_target(option_named("estimate_on").flag, config.estimate_on)
    if config.wait_for_training is None:
        return
    estimate = option_named("estimate" if config.estimate else "estimate_on").flag
    waiting = option_named("wait_for_training").flag
    raise OptionError(
        f"{estimate} and {waiting} exclude each other",
        got=f"both, {waiting} {config.wait_for_training}",
        wanted="a student that is there",
        next_step=f"leave {waiting} out, and give a model of the same size by --student-model",
    )
