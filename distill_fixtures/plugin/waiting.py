"""Waiting for a training run before its model is benchmarked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.config import RunConfig
from distill_fixtures.plugin.preparation import prepare_inputs
from distill_fixtures.plugin.progress import ProgressDisplay
from distill_fixtures.plugin.warned import warn
from distill_fixtures.records import Role
from distill_fixtures.report.waiting_lines import LinesNowAndThen, live_line
from distill_fixtures.training.alarm import alarm_for
from distill_fixtures.training.order import Flags, WaitOrder, check_order
from distill_fixtures.training.watcher import Sighting, TrainingWatcher

__all__ = ["AWAITED", "after_training"]

AWAITED: tuple[Role, ...] = ("student",)


def after_training(asked: RunConfig, config: pytest.Config) -> RunConfig:
    """Wait until the training run is over.

    Whatever else is wrong with what the user gave is found before, not hours later.

    Returns:
        The same options with the run's model as the student.

    Raises:
        UsageError: something else cannot be used, or the run leaves no model that can.
    """
    assert asked.wait_for_training is not None
    order = WaitOrder(
        asked.wait_for_training,
        asked.checkpoint,
        timeout_s=asked.wait_timeout,
        pid=asked.wait_pid,
        marker=asked.wait_marker,
    )
    check_order(order, Flags())
    prepare_inputs(asked, config.rootpath, awaited=AWAITED)
    with _shown(config, order.folder) as show, alarm_for(order.folder) as alarm:
        model = TrainingWatcher(order, alarm, show).wait()
    _write_line(config, f"the student is {model.folder}: {model.said}")
    if model.doubt is not None:
        warn(config, [model.doubt])
    return replace(asked, student=str(model.folder))


@contextmanager
def _shown(config: pytest.Config, folder: Path) -> Iterator[Callable[[Sighting], None]]:
    """One line that changes on a terminal, lines now and then elsewhere, nothing with ``-q``."""
    display = ProgressDisplay(config)
    if not display.is_shown:
        yield LinesNowAndThen(folder, lambda line: _write_line(config, line)).show
        return
    assert sys.__stderr__ is not None
    with (
        display.uncaptured(),
        live_line(folder, sys.__stderr__, no_colour=display.no_colour) as show,
    ):
        yield show


def _write_line(config: pytest.Config, line: str) -> None:
    """Put a line among pytest's own; ``-q`` leaves it out."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or config.get_verbosity() < 0:
        return
    reporter.ensure_newline()
    reporter.write_line(line)
    reporter.flush()
