"""The page's templates, which escape all that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill_fixtures.report.html.canvas import Drawn
from distill_fixtures.report.html.clean_text import clean

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]


def render(name: str, drawn: Mapping[str, Drawn], **values: Any) -> str:
    """A whole page.

    Args:
        name: of the template.
        drawn: the plots in it; their SVG is the one thing that is not escaped here.
        values: what the template shows.
    """
    from markupsafe import Markup

    drawings = {plot: Markup(each.svg) for plot, each in drawn.items()}
    return _environment().get_template(name).render(drawn=drawings, **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def _printable(value: Any) -> Any:
    """Plain text without the characters that have no place in a page; all else as it is."""
    return clean(value) if type(value) is str else value
