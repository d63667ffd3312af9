"""From matplotlib's SVG file to an element that lies in a page.

Several lie in one page, so names are made the plot's own; colours become the page's variables, and
text takes the page's font.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

from distill_fixtures.report.html.palette import COLOURS

__all__ = ["inline_svg"]

DROPPED: Final = frozenset(("metadata", "style"))
ROUNDED: Final = ("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height")
COLOUR: Final = re.compile(r"#[0-9a-f]{6}\b")
FONT: Final = re.compile(r"font: ((?:\d+ |bold )?[\d.]+px) [^;]*")
DECIMAL: Final = re.compile(r"-?\d+\.\d+")
REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
VARIABLES: Final = {colour: f"var(--{name})" for name, colour in COLOURS.items()}


def inline_svg(file: bytes, name: str, title: str, alternative: str) -> str:
    """The drawing as an ``svg`` element with a text alternative.

    Args:
        file: as matplotlib writes it, text as text.
        name: of the plot; every name in it begins with this.
        title, alternative: what it shows, and what is to be seen in it.
    """
    root = ElementTree.fromstring(file)
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in DROPPED:
                parent.remove(child)
    named = _referenced(root)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = dict(
            pair
            for key, value in element.attrib.items()
            if (pair := _attribute(_local(key), value, name, named)) is not None
        )
    view = root.attrib["viewBox"]
    root.attrib = {
        "viewBox": view,
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", alternative))):
        words = ElementTree.Element(tag, id=f"{name}-{'description' if place else 'title'}")
        words.text = text
        root.insert(place, words)
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    """A name without its namespace, which a page does not need."""
    return name.rpartition("}")[2]


def _referenced(root: ElementTree.Element) -> set[str]:
    """Names that something in the drawing refers to."""
    found: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            if _local(key) == "href":
                found.add(value.removeprefix("#"))
            found.update(REFERENCE.findall(value))
    return found


def _attribute(key: str, value: str, name: str, named: set[str]) -> tuple[str, str] | None:
    """An attribute as it stands in the page; None: it does not."""
    if key == "id":
        return (key, f"{name}-{value}") if value in named else None
    if key == "href":
        return key, f"#{name}-{value.removeprefix('#')}"
    if key == "style":
        value = FONT.sub(r"font: \1 var(--sans)", value)
        value = COLOUR.sub(lambda found: VARIABLES.get(found[0], found[0]), value)
    if key in ROUNDED:
        value = DECIMAL.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    return key, REFERENCE.sub(lambda found: f"url(#{name}-{found[1]})", value)
