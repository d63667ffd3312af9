"""Following the tutorial: two trainings and three runs of the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.page_run import Reader
from tests.docs.test_pages_run import LONGEST


@pytest.mark.slow
def test_it_does_what_it_says(tmp_path: Path) -> None:
    Reader(LONGEST, tmp_path).follow()
