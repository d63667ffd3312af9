"""Following each page that has commands or code to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.page_run import Reader, has_runs
from tests.docs.pages import pages

LONGEST = "docs/tutorial.md"  # has a file of its own, so that another worker may take it
PAGES = [page for page in pages() if has_runs(page)]


def test_the_main_pages_run() -> None:
    wanted = {"README.md", "docs/quick-start.md", LONGEST}
    assert wanted | {"docs/choosing-thresholds.md", "docs/writing-a-benchmark.md"} <= {*PAGES}


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page != LONGEST])
def test_it_does_what_it_says(page: str, tmp_path: Path) -> None:
    Reader(page, tmp_path).follow()
