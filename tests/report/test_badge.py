"""The badge: valid SVG of any text, nothing fetched."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.report.badge import COLOURS, PLAIN, badge_svg

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(svg).iter(f"{SVG}text")]


def fills(svg: str) -> list[str]:
    return [each.get("fill", "") for each in ET.fromstring(svg).iter(f"{SVG}rect")]


def test_label_and_message() -> None:
    svg = badge_svg("distilled model", "good", "good")
    assert texts(svg) == ["distilled model", "good"]
    assert COLOURS["good"] in fills(svg)
    root = ET.fromstring(svg)
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == "distilled model: good"
    width = int(root.get("width", "0"))
    assert width == sum(int(each.get("width", "0")) for each in root.iter(f"{SVG}rect")) - width


@pytest.mark.parametrize(
    ("grade", "colour"),
    [
        ("acceptable", COLOURS["acceptable"]),
        ("poor", COLOURS["poor"]),
        ("not_judged", COLOURS["not_judged"]),
        ("not_run", COLOURS["not_judged"]),
        (None, PLAIN),
    ],
)
def test_the_colour_is_the_grades(grade: str | None, colour: str) -> None:
    assert colour in fills(badge_svg("a", "b", grade))


def test_white_letters_can_be_read_on_every_colour() -> None:
    """WCAG 2.2: a contrast of at least 4.5."""

    def luminance(colour: str) -> float:
        shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in (*COLOURS.values(), PLAIN, "#424242"):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour


@given(st.text(), st.text())
def test_any_text_makes_valid_xml(label: str, message: str) -> None:
    svg = badge_svg(label, message, "good")
    svg.encode("utf-8")
    found = texts(svg)
    assert len(found) == 2
    assert all(0 < len(each) <= 60 for each in found)


def test_nothing_is_fetched_and_nothing_runs() -> None:
    hostile = '"><script>x</script><image href="https://evil.example"/>'
    svg = badge_svg(hostile, hostile, "good")
    names = {each.tag.removeprefix(SVG) for each in ET.fromstring(svg).iter()}
    assert names == {"svg", "title", "clipPath", "rect", "g", "text"}
    assert texts(svg)[1] == hostile
