"""Sentences for pytest's summary of warnings."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest

from distill_fixtures.plugin.preparation import DistillWarning

__all__ = ["warn"]


def warn(config: pytest.Config, sentences: Sequence[str]) -> None:
    """Put sentences into pytest's summary of warnings.

    Not through the warning filters: where a user turns warnings into errors, an odd question set
    must still be measurable.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for sentence in sentences:
            warnings.warn(DistillWarning(sentence), stacklevel=1)
    for warning in caught:
        config.hook.pytest_warning_recorded.call_historic(
            kwargs={
                "warning_message": warning,
                "when": "collect",
                "nodeid": "",
                "location": None,
            }
        )
