"""From a plot to an SVG for the page and a PNG for slides, with matplotlib.

All plots are as wide as a phone, so that their text is of one size everywhere and never shrunk. The
SVG's text is text, in the page's own font, and its colours are the stylesheet's variables.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from distill_fixtures.report.html.inline_svg import inline_svg
from distill_fixtures.report.html.palette import COLOURS
from distill_fixtures.report.html.parts import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["WIDTH", "Drawn", "Sheet", "draw"]

UNITS_PER_INCH: Final = 72.0
WIDTH: Final = 360.0
LABEL_BELOW: Final = 18.15
"""From axes to the label of their x axis: below the ticks' labels."""

PNG_DPI: Final = 256
"""1,280 pixels a plot: enough for a slide, and sharp in a column of a paper."""

PNG_EFFORT: Final = 2
"""Of 9: files a fifth larger than at the usual 6, in a third of the time."""

STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "distill-bench",
    "font.family": ["DejaVu Sans"],
    "font.size": 12,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["axis"],
    "axes.facecolor": "none",
    "axes.labelcolor": COLOURS["faint"],
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    **{
        f"{axis}tick.{key}": value
        for axis in "xy"
        for key, value in {
            "color": COLOURS["axis"],
            "labelcolor": COLOURS["faint"],
            "labelsize": 11,
            "major.size": 3.0,
            "major.width": 0.8,
            "minor.size": 0.0,
        }.items()
    },
}


class Sheet:
    """A plot's surface, measured in 72nds of an inch from its upper left corner.

    Args:
        figure: ``WIDTH`` wide.
        height: of the figure.
    """

    def __init__(self, figure: Figure, height: float) -> None:
        self._figure = figure
        self._height = height

    def axes(
        self, left: float, top: float, width: float, height: float, *, bare: bool = False
    ) -> Axes:
        """Axes that fill a rectangle; their labels lie outside it, that of x under the ticks'.

        Args:
            bare: without a frame, ticks and labels.
        """
        share = (
            left / WIDTH,
            1 - (top + height) / self._height,
            width / WIDTH,
            height / self._height,
        )
        axes = self._figure.add_axes(share)
        # Left to itself an axis lays out its ticks once more, to find the place of its label.
        axes.xaxis.set_label_coords(0.5, -LABEL_BELOW / height)
        axes.yaxis.set_label_coords(0, 0.5)
        if bare:
            axes.set_axis_off()
        return axes

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        """Text whose line stands at ``top``; dollar signs in it are dollar signs."""
        self._figure.text(
            left / WIDTH, 1 - top / self._height, text, **({"parse_math": False} | style)
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot in both forms.

    Attributes:
        svg: an ``svg`` element for a page.
        png: a file's content.
    """

    svg: str
    png: bytes


def draw(plots: Iterable[Plot]) -> dict[str, Drawn]:
    """Draw plots, by name; where there are none, matplotlib is not imported."""
    wanted = list(plots)
    if not wanted:
        return {}
    with _own_style():
        return {plot.name: _drawn(plot) for plot in wanted}


def _drawn(plot: Plot) -> Drawn:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / UNITS_PER_INCH, plot.height / UNITS_PER_INCH))
    plot.draw(Sheet(figure, plot.height))
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", transparent=True)
    element = inline_svg(svg.getvalue(), f"plot-{plot.name}", plot.title, plot.alternative)
    return Drawn(element, _png(figure, plot))


def _png(figure: Figure, plot: Plot) -> bytes:
    """On white, and so without the channel of transparency that matplotlib's own file has."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels, png = io.BytesIO(), io.BytesIO()
    figure.savefig(pixels, format="rgba", dpi=PNG_DPI, facecolor="white")
    wide = round(WIDTH / UNITS_PER_INCH * PNG_DPI)
    size = (wide, pixels.getbuffer().nbytes // (4 * wide))
    words = PngInfo()
    words.add_text("Title", plot.title)
    words.add_text("Description", plot.alternative)
    Image.frombytes("RGB", size, pixels.getvalue(), "raw", "RGBX").save(
        png, format="png", dpi=(PNG_DPI, PNG_DPI), compress_level=PNG_EFFORT, pnginfo=words
    )
    return png.getvalue()


@contextmanager
def _own_style() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's settings; theirs come back."""
    with warnings.catch_warnings():
        # In a run under `-W error` a glyph that the font lacks would cost the whole page.
        warnings.simplefilter("ignore")
        import matplotlib

        # What the user has changed, and not matplotlib.rcdefaults(), which reads every style sheet
        # that comes with it. Asking for the backend would start one; none is used.
        defaults = {
            key: value
            for key, value in matplotlib.rcParamsDefault.items()
            if key != "backend" and matplotlib.rcParams[key] != value
        }
        with matplotlib.rc_context(defaults | STYLE):
            yield
