"""``distill-bench history``: the runs of a folder, and each metric over time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill_fixtures.catalog import metric
from distill_fixtures.commands.named_metrics import named_metric
from distill_fixtures.commands.past_runs import Kept, history_folder, read_history
from distill_fixtures.commands.screen import Screen
from distill_fixtures.errors import OptionError
from distill_fixtures.judge.steps import Step, steps_of, why_no_steps
from distill_fixtures.report.grade_words import GRADE_STYLES, short_label
from distill_fixtures.report.history_plot import Dot, change_text, plot
from distill_fixtures.report.interval_words import from_to
from distill_fixtures.report.page import Page
from distill_fixtures.report.printable import printable

__all__ = ["add_arguments", "history_text", "run"]

SHOWN = (
    "accuracy",
    "knowledge_retention_pct",
    "inference_time_s",
    "speedup",
    "disk_bytes",
    "peak_memory_bytes",
)
LAST = 30
RULES = {
    "answers": "from answers: the 95 % interval of the difference of two runs, by both runs' own "
    "intervals, excludes 0; of accuracy in pairs of questions",
    "time": "times: between comparable runs alone, where the interval of the change of the "
    "speedup (teacher's time over student's) excludes 0",
    "size": "sizes: any change, they have no noise",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("metrics"),
        metavar="DIR",
        help="a metrics folder or its history (default: metrics)",
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        action="append",
        help="what to draw; may be given several times (default: " + ", ".join(SHOWN) + ")",
    )
    parser.add_argument(
        "--last",
        type=int,
        default=LAST,
        metavar="N",
        help=f"the newest N runs of each pair of models (default: {LAST}; 0: all)",
    )


def run(given: argparse.Namespace) -> int:
    names = [named_metric(name, "--metric").name for name in given.metric or SHOWN]
    if given.last < 0:
        raise OptionError(
            "--last is too small",
            got=str(given.last),
            wanted="a number of runs, or 0 for all",
            next_step="leave it out to see the newest " + str(LAST),
        )
    kept, skipped = read_history(history_folder(given.folder), names)
    screen = Screen.of()
    text = history_text(kept, skipped, list(dict.fromkeys(names)), given.last, screen)
    sys.stdout.write(text)
    return 0


def history_text(
    kept: Sequence[Kept],
    skipped: Sequence[tuple[str, str]],
    names: Sequence[str],
    last: int,
    screen: Screen,
) -> str:
    """List and plots, models by models.

    Args:
        kept, skipped: from ``read_history``.
        names: metrics to draw.
        last: how many runs of each pair of models; 0: all.
        screen: where it is shown.
    """
    page = Page(screen.width, colour=screen.colour)
    groups: dict[tuple[str, str], list[Kept]] = {}
    for each in kept:
        groups.setdefault((each.teacher, each.student), []).append(each)
    for (teacher, student), runs in groups.items():
        shown = runs[-last:] if last else runs
        counted = f"{len(runs)} run{'s' * (len(runs) > 1)}"
        if len(shown) < len(runs):
            counted += f", the newest {len(shown)} are shown (--last)"
        page.write(f"teacher {teacher}, student {student}: {counted}")
        page.add(_list(shown))
        for name in names:
            _add_plot(page, name, shown, screen.width)
        page.blank()
    _add_rules(page, names, any(len(runs) > 1 for runs in groups.values()))
    for name, reason in skipped:
        page.write(f"skipped {name}: {reason}")
    return page.text


def _list(runs: Sequence[Kept]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("began (UTC)", "verdict", "gate", ""):
        table.add_column(heading, no_wrap=True)
    for each in runs:
        overall = Text(each.overall.replace("_", " "), GRADE_STYLES.get(each.overall, ""))
        gate = Text(each.gate, "green" if each.gate == "pass" else "red")
        table.add_row(each.when, overall, gate, "" if each.whole else "partial")
    return table


def _add_plot(page: Page, name: str, runs: Sequence[Kept], width: int) -> None:
    pasts = [each.past for each in runs]
    steps = steps_of(pasts, name)
    dots = [
        Dot(
            when=each.when,
            value=each.past.values[name],
            ci95=each.past.intervals[name],
            whole=each.whole,
            mark="" if step is None else step.kind,
        )
        for each, step in zip(runs, steps, strict=True)
    ]
    lines = plot(name, dots, width)
    page.blank()
    if not lines:
        page.write(f"{short_label(name)}: none of these runs has it")
        return
    page.write(short_label(name))
    for line in lines:
        page.add(line)
    for each, step in zip(runs, steps, strict=True):
        if step is not None and step.kind != "none":
            page.write(f"{each.when}: {_told(name, step)}")


def _told(name: str, step: Step) -> str:
    """A significant step in words."""
    by_speedup = metric(name).origin == "time"

    def shown(change: float) -> str:
        return f"{change:+.1f} %" if by_speedup else change_text(name, change)

    words = f"{step.kind}, {shown(step.change)}"
    if step.ci95 is not None:
        words += f" (95 %: {from_to(*map(shown, step.ci95))})"
    return words + " in the speedup" * by_speedup


def _add_rules(page: Page, names: Sequence[str], several: bool) -> None:
    """What a mark means; nothing where no group has a second run."""
    if not several:
        return
    marked = [name for name in names if why_no_steps(name) is None]
    origins = dict.fromkeys(metric(name).origin for name in marked)
    if origins:
        page.write("▲ ▼ mark steps from the latest earlier run that compares:")
    for origin in origins:
        page.write(f"- {RULES[origin]}")
    if "answers" in origins or "time" in origins:
        page.write("- of twenty steps without a change about one is marked by chance")
    for name in names:
        unmarked = why_no_steps(name)
        if unmarked is not None:
            page.write(f"- {short_label(name)} has no marks: {printable(unmarked)}")
