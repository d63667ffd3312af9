"""The colours of the plots.

A plot is drawn once, in the colours below, which suit a light page, slides and paper. On the page
each of them becomes a variable of the stylesheet, so that a dark page has its own. Blue, orange and
grey can be told apart by colour-blind readers, and the models also differ by marker and dash.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COLOURS", "DASHES", "MARKERS"]

COLOURS: Final = {
    "ink": "#1c2430",
    "faint": "#586273",
    "axis": "#8b95a3",
    "grid": "#dfe4ea",
    "surface": "#fefeff",
    "teacher": "#1f6fb3",
    "student": "#c4520b",
    "control": "#6f7886",
    "good": "#086a5c",
    "acceptable": "#946200",
    "poor": "#b3261e",
}
"""By the name of the stylesheet's variable; each is there once, so that it can be told."""

MARKERS: Final = {"teacher": "o", "student": "D", "control": "^"}
DASHES: Final = {"teacher": "solid", "student": "solid", "control": (0, (3, 2))}
