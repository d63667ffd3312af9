"""A page as a browser's parser sees it: its elements, texts and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Element", "Page", "parse"]

VOID = frozenset(("meta", "link", "br", "hr", "img", "input"))


@dataclass
class Element:
    """One element.

    Attributes:
        inside: names of the elements around it, the outermost first.
        words: all text in it; spaces that do not break lines are spaces.
    """

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    words: str = ""


@dataclass
class Page:
    """All elements in their order."""

    elements: list[Element] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements of this name with these attributes; ``role_`` stands for ``role``."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            each
            for each in self.elements
            if each.tag == tag and wanted.items() <= each.attributes.items()
        ]

    def named(self, name: str) -> Element:
        """The one element with this id."""
        (found,) = [each for each in self.elements if each.attributes.get("id") == name]
        return found

    @property
    def words(self) -> str:
        """All text of the body, white space made single."""
        return " ".join(self.all("body")[0].words.split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = tuple(each.tag for each in self._open)
        element = Element(tag, {key: value or "" for key, value in attrs}, inside)
        assert len(element.attributes) == len(attrs), f"an attribute twice in {element}"
        self.page.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        closed = self._open.pop()
        assert closed.tag == tag, f"</{tag}> closes {closed}"

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.words += data.replace("\N{NO-BREAK SPACE}", " ")

    def close(self) -> None:
        super().close()
        assert not self._open, f"never closed: {self._open}"


def parse(html: str) -> Page:
    """The elements of a page; every one but the void must be closed, inside out."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.page
