"""Width and colour of the place that output goes to."""

from __future__ import annotations

import io

import pytest

from distill_fixtures.commands.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "environ", "colour"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (False, {"TERM": "xterm"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
    ],
)
def test_colour(terminal: bool, environ: dict[str, str], colour: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert Screen.of(stream, environ).colour is colour


@pytest.mark.parametrize(("columns", "width"), [("200", 200), ("40", 80)])
def test_width(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert Screen.of(Terminal(), {}).width == width
    assert Screen.of(io.StringIO(), {}).width == 80
