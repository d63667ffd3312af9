"""Settings for the tests of measuring."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_old_to_collect() -> Iterator[None]:
    """Timing collects garbage first, which takes half a second beside all of a test session."""
    gc.freeze()
    yield
    gc.unfreeze()
