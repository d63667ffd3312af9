"""``distill-bench``: what works on results that are there already, or waits for a training run,
without pytest and torch."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from distill_fixtures.errors import UsageError

__all__ = ["COMMANDS", "PASSING_ON", "main"]

COMMANDS: Mapping[str, str] = {
    "gate": "judge a run's distillation_metrics.json again, without running anything",
    "compare": "a table of several runs: what compares, who is ahead, and how surely",
    "history": "list the runs of a folder and draw each metric over time",
    "report": "draw report.html and its plots again, of one run or of several together",
    "summary": "a run in Markdown, for a pull request or a job's summary",
    "log": "log a run's files to an MLflow server",
    "badge": "write a badge of a run's verdict as an SVG file",
    "watch": "wait until a training run is over, then start pytest with its model as the student",
    "metrics": "list the metrics that thresholds can name",
}
"""Each is a module of its own name in ``distill_fixtures.commands``."""

PASSING_ON = ("watch",)
"""Those that hand what follows ``--`` to another program, as ``passed_on``."""

USAGE_ERROR = 4
READER_GONE = 141
"""As a shell counts a process that wrote into a pipe nobody reads: 128 + SIGPIPE."""

EXIT_CODES = """exit codes:
  0  done; of gate: it holds
  1  gate: a criterion fails, or a figure is worse than the baseline's
  2  arguments that cannot be understood
  4  a file or an option that cannot be used: one message says what, and what to do
"""


class Command(Protocol):
    """What a module in ``commands`` has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its own arguments."""

    def run(self, given: argparse.Namespace) -> int:
        """Do it, and return the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code, as ``distill-bench --help`` lists them; argparse itself exits with 2.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="distill-bench",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        own = commands.add_parser(name, help=purpose, description=purpose)
        if name in words[:1]:
            _command(name).add_arguments(own)
    passed_on: list[str] = []
    if words[:1] and words[0] in PASSING_ON and "--" in words:
        place = words.index("--")
        words, passed_on = words[:place], words[place + 1 :]
    given = parser.parse_args(words, argparse.Namespace(passed_on=passed_on))
    _never_fail_to_print(sys.stdout)
    try:
        return _command(given.command).run(given)
    except UsageError as error:
        from distill_fixtures.report.printable import printable_lines

        sys.stderr.write(printable_lines(str(error)) + "\n")
        return USAGE_ERROR
    except BrokenPipeError:
        # Python would try once more as it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE


def _command(name: str) -> Command:
    return cast(Command, importlib.import_module(f"distill_fixtures.commands.{name}"))


def _never_fail_to_print(stream: object) -> None:
    """A terminal that lacks a character shows a question mark in its place."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


if __name__ == "__main__":
    raise SystemExit(main())
