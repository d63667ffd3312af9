"""``distill-bench watch``: wait until a training run is over, then start the suite on its model.

The waiting needs neither torch nor pytest, so that it costs the training nothing.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from distill_fixtures.errors import OptionError
from distill_fixtures.option_checks import as_path, as_seconds, as_whole_number
from distill_fixtures.report.waiting_lines import LinesNowAndThen, live_line
from distill_fixtures.training.alarm import alarm_for
from distill_fixtures.training.order import Flags, WaitOrder, check_order
from distill_fixtures.training.watcher import Sighting, TrainingWatcher

__all__ = ["add_arguments", "run"]

FLAGS = Flags("DIR", "--timeout", "--pid", "--marker", "--checkpoint")
STUDENT = "--student-model"
OWN_OF_PYTEST = ("--distill-students", "--distill-wait-", "--distill-checkpoint")
SIGNALLED = 128
"""As a shell counts a process that a signal ended."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "distill-bench watch DIR [options] [-- PYTEST ARGUMENTS]"
    parser.epilog = f"What follows -- is given to pytest, behind {STUDENT} and the model."
    parser.add_argument("folder", metavar="DIR", help="the training run's output folder")
    parser.add_argument("--timeout", metavar="S", help="longest wait (default: without end)")
    parser.add_argument("--pid", metavar="PID", help="the process that trains")
    parser.add_argument(
        "--marker", metavar="FILE", help="a file whose appearance says that training is over"
    )
    parser.add_argument(
        "--checkpoint",
        choices=("best", "last"),
        default="last",
        help="last: the final model, else the newest checkpoint; best: by the trainer's own "
        "metric (default: last)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show nothing while waiting")


def run(given: argparse.Namespace) -> int:
    """Wait, then run pytest; its exit code is this command's."""
    order = _order(given)
    _refuse_other_students(given.passed_on)
    check_order(order, FLAGS)
    try:
        with (
            _shown(order.folder, quiet=given.quiet) as show,
            alarm_for(order.folder) as alarm,
        ):
            model = TrainingWatcher(order, alarm, show, flags=FLAGS).wait()
    except KeyboardInterrupt:
        _write_line("stopped waiting; nothing was run")
        return SIGNALLED + signal.SIGINT
    if not given.quiet:
        _write_line(f"the student is {model.folder}: {model.said}")
    if model.doubt is not None:
        _write_line(f"warning: {model.doubt}")
    return _exit_code_of_pytest([f"{STUDENT}={model.folder}", *given.passed_on])


def _order(given: argparse.Namespace) -> WaitOrder:
    """The command's options, checked as pytest's of the same meaning are."""
    here = Path.cwd()
    timeout, pid, marker = given.timeout, given.pid, given.marker
    return WaitOrder(
        as_path(FLAGS.folder, given.folder, here),
        given.checkpoint,
        timeout_s=None if timeout is None else as_seconds(FLAGS.timeout, timeout, here),
        pid=None if pid is None else as_whole_number(1)(FLAGS.pid, pid, here),
        marker=None if marker is None else as_path(FLAGS.marker, marker, here),
    )


def _refuse_other_students(arguments: Sequence[str]) -> None:
    """Pytest would refuse them too, but only when training is over.

    Raises:
        OptionError: pytest is given a student, or told to wait itself.
    """
    for each in arguments:
        if each.startswith((STUDENT, *OWN_OF_PYTEST)):
            raise OptionError(
                f"{each.partition('=')[0]} cannot be given to pytest here",
                got=each,
                wanted="the training run in DIR as the one source of the student",
                next_step="leave it out; `distill-bench watch --help` lists this command's options",
            )


@contextmanager
def _shown(folder: Path, *, quiet: bool) -> Iterator[Callable[[Sighting], None]]:
    if quiet:
        yield lambda sighting: None
    elif sys.stderr.isatty():
        with live_line(folder, sys.stderr) as show:
            yield show
    else:
        yield LinesNowAndThen(folder, _write_line).show


def _write_line(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _exit_code_of_pytest(arguments: Sequence[str]) -> int:
    """Run pytest as a child that gets the signals meant for this process.

    An interrupt from the keyboard reaches the child by itself; it then writes what it has, and is
    waited for.
    """
    child = subprocess.Popen([sys.executable, "-m", "pytest", *arguments])
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None),
        signal.SIGTERM: signal.signal(
            signal.SIGTERM, lambda number, frame: child.send_signal(number)
        ),
    }
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else SIGNALLED - code
