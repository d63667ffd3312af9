"""What is shown of a training run while it is waited for."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.report.waiting_lines import LinesNowAndThen, live_line, sentence_of
from distill_fixtures.training.trainer_state import TrainerState
from distill_fixtures.training.watcher import Sighting

RUN = Path("runs/a")
SEEN = Sighting(0.0, TrainerState(300, 1000, loss=2.31456), 754.0, "training goes on")


def test_how_far_it_is() -> None:
    assert sentence_of(RUN, SEEN) == (
        "training in runs/a: step 300 of 1000, loss 2.315, about 0:12:34 left; training goes on"
    )


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Sighting(0.0, None, None, "nothing is in it yet"), "runs/a: nothing is in it yet"),
        (replace(SEEN, state=TrainerState(5)), "runs/a: step 5, about"),
        (replace(SEEN, state=TrainerState(5, loss=math.nan)), "loss NaN or inf"),
        (replace(SEEN, left_s=100_000.0), "about 27:46:40 left"),
        (replace(SEEN, silent_since=1_750_000_000.0), "no sign of life since 2025-06-15 "),
        (
            replace(SEEN, silent_since=1_750_000_000.0, usual_s=61.0),
            "(changes came every 0:01:01 or sooner): it may have died",
        ),
        (replace(SEEN, reason="\x1b[2J"), "; \N{REPLACEMENT CHARACTER}[2J"),
    ],
)
def test_what_else_is_said(seen: Sighting, words: str) -> None:
    assert words in sentence_of(RUN, seen)


def test_lines_come_with_news_and_now_and_then() -> None:
    lines: list[str] = []
    own = LinesNowAndThen(RUN, lines.append)
    for second in range(0, 3600, 5):
        step = 0 if second < 1000 else second  # stands still, and then runs
        own.show(Sighting(float(second), TrainerState(step, 4000), None, "training goes on"))
    assert len(lines) == 2 + (3600 - 1000) // 60 + 1
    assert "step 0 of" in lines[1]


def test_silence_is_news() -> None:
    lines: list[str] = []
    own = LinesNowAndThen(RUN, lines.append)
    own.show(SEEN)
    own.show(replace(SEEN, waited_s=65.0))
    own.show(replace(SEEN, waited_s=70.0, silent_since=1_750_000_000.0))
    assert len(lines) == 2
    assert "no sign of life" in lines[1]


def test_a_terminal_shows_one_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with live_line(RUN, terminal, no_colour=True) as show:
        show(SEEN)
    assert "step 300 of 1000" in terminal.getvalue()
