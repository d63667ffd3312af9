"""A badge: a label and a message on coloured ground, as an SVG that needs no network."""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape, quoteattr

from distill_fixtures.report.printable import printable

__all__ = ["COLOURS", "badge_svg"]

COLOURS = {
    "good": "#2e7d32",
    "acceptable": "#8d6e00",
    "poor": "#c62828",
    "not_judged": "#616161",
}
"""Dark enough that white letters on each have a contrast of at least 4.5 to 1."""

PLAIN = "#1565c0"
"""Of a figure that no criterion judges."""

MOST_CHARACTERS = 60
HEIGHT, MARGIN = 20, 6
NARROW, MIDDLE, WIDE = 3.8, 6.6, 11.0
"""About how wide letters of 11 pixels are; ``textLength`` makes it exact on every screen."""


def badge_svg(label: str, message: str, grade: str | None) -> str:
    """The badge.

    Args:
        label: left, on grey; text of any content.
        message: right; text of any content.
        grade: gives the colour; None: neutral.
    """
    texts = [_shortened(each) for each in (label, message)]
    widths = [_width(text) for text in texts]
    left, right = (round(width) + 2 * MARGIN for width in widths)
    colour = PLAIN if grade is None else COLOURS.get(grade, COLOURS["not_judged"])
    title = f"{texts[0]}: {texts[1]}"
    places = (MARGIN, left + MARGIN)
    words = "\n".join(
        f'  <text x="{place}" y="14" textLength="{width:.1f}">{escape(text)}</text>'
        for place, width, text in zip(places, widths, texts, strict=True)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" \
role="img" aria-label={quoteattr(title)}>
  <title>{escape(title)}</title>
  <clipPath id="r"><rect width="{left + right}" height="{HEIGHT}" rx="3"/></clipPath>
  <g clip-path="url(#r)">
    <rect width="{left}" height="{HEIGHT}" fill="#424242"/>
    <rect x="{left}" width="{right}" height="{HEIGHT}" fill="{colour}"/>
  </g>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
{words}
  </g>
</svg>
"""


def _shortened(text: str) -> str:
    line = printable(" ".join(text.split())) or "?"
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def _width(text: str) -> float:
    """About how wide a text is, pixels."""

    def of_one(letter: str) -> float:
        if unicodedata.east_asian_width(letter) in "WF":
            return WIDE
        return NARROW if letter in " .,:;'|!ijl" else MIDDLE

    return sum(map(of_one, text))
