"""report.html in a real browser: quiet, asking for nothing, and fitting a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from distill_fixtures.cli import main
from distill_fixtures.report.html.page import draw_report
from tests.commands.test_compare import changed
from tests.commands.written_runs import write_run
from tests.report.browser import CHROMIUM, Browser, browser
from tests.report.page_documents import CASES

PHONE, DESK = 390, 1280
JOINT = "three students"
AXE = os.environ.get("DISTILL_AXE", "")
"""The file axe.min.js of npm's package axe-core."""

AUDIT = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(
  each => [each.id, each.impact, each.help, each.nodes.slice(0, 3).map(node => node.html)]))"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to open the page with"),
]
AUDITED = ("whole", "failing", "not judged", "baseline", JOINT)
"""Between them they have everything that a page can have."""

each_page = pytest.mark.parametrize("case", [*CASES, JOINT])


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of page as a file."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for number, (case, made) in enumerate(CASES.items()):
        documents = made()
        found[case] = folder / f"{number}.html"
        html = draw_report(documents.metrics, documents.comparison).html
        found[case].write_text(html, "utf-8")
    runs = [
        write_run(folder / name, changed(student=f"m/{name}" + 80 * "x", accuracy=accuracy))
        for name, accuracy in (("one", 0.9), ("two", 0.7), ("three", 0.5))
    ]
    assert main(["report", *map(str, runs)]) == 0
    return found | {JOINT: folder / "report.html"}


@each_page
@pytest.mark.parametrize(("width", "dark"), [(PHONE, False), (DESK, False), (DESK, True)])
def test_it_is_quiet_asks_for_nothing_and_fits(
    case: str, width: int, dark: bool, chromium: Browser, pages: dict[str, Path]
) -> None:
    visit = chromium.open(pages[case], width, dark=dark)
    assert visit.requests == [pages[case].as_uri()]
    assert visit.complaints == []
    assert visit.evaluate("innerWidth") == width
    # The body may hide what overflows it, so each element is asked; tables scroll in their own box.
    assert visit.evaluate("document.documentElement.scrollWidth") <= width
    outside = visit.evaluate(
        """[...document.body.querySelectorAll("*")].filter(each =>
          !each.closest(".scroll, .skip, .unseen") && each.getClientRects().length
          && each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML)"""
    )
    assert outside == []
    visit.close()


def test_it_follows_the_readers_theme(chromium: Browser, pages: dict[str, Path]) -> None:
    colours = []
    for dark in (False, True):
        visit = chromium.open(pages["whole"], DESK, dark=dark)
        colours.append(visit.evaluate("getComputedStyle(document.body).backgroundColor"))
        visit.close()
    assert colours == ["rgb(245, 246, 248)", "rgb(15, 20, 27)"]


@pytest.mark.skipif(not AXE, reason="DISTILL_AXE does not name npm's axe-core/axe.min.js")
@pytest.mark.parametrize("case", AUDITED)
@pytest.mark.parametrize(("width", "dark"), [(PHONE, False), (DESK, True)])
def test_axe_finds_nothing_serious(
    case: str, width: int, dark: bool, chromium: Browser, pages: dict[str, Path]
) -> None:
    visit = chromium.open(pages[case], width, dark=dark)
    visit.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    visit.evaluate(Path(AXE).read_text("utf-8"))
    found = visit.evaluate(AUDIT)
    assert [each for each in found if each[1] in ("serious", "critical")] == []
    visit.close()
