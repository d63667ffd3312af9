"""What GitHub Actions reads out of a step's output: workflow commands.

A line that begins with ``::`` is a command to the runner, and so is ``##[`` anywhere in it. Text of
users (names of models, slices, files) must not become one.
https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distill_fixtures.report.printable import printable

__all__ = ["defused", "error_lines", "on_github", "summary_file", "warning_line"]

MOST_ANNOTATIONS = 10
"""GitHub shows that many errors of a step and drops the rest."""

DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = DATA | {":": "%3A", ",": "%2C"}
BREAK = "\N{ZERO WIDTH SPACE}"


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether a runner of GitHub Actions reads the output."""
    return environ.get("GITHUB_ACTIONS") == "true"


def summary_file(environ: Mapping[str, str]) -> str | None:
    """The file whose Markdown GitHub shows as the step's summary; None elsewhere."""
    return environ.get("GITHUB_STEP_SUMMARY") or None


def error_lines(failures: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each failure, which GitHub shows beside the run.

    Args:
        failures: title and message of each, in plain text of any content.

    >>> error_lines([("accuracy", "it is poor\\n  bounds: 100 %")])
    ['::error title=accuracy::it is poor%0A  bounds: 100 %25']
    """
    shown = list(failures)
    if len(shown) > MOST_ANNOTATIONS:
        rest = len(shown) - MOST_ANNOTATIONS + 1
        more = ", ".join(title for title, _ in shown[-rest:])
        shown[-rest:] = [(f"{rest} more", more)]
    return [
        f"::error title={_escaped(title, PROPERTY)}::{_escaped(message, DATA)}"
        for title, message in shown
    ]


def warning_line(title: str, message: str) -> str:
    """A line that GitHub shows as a warning beside the run.

    >>> warning_line("it: failed", "got\\nnothing")
    '::warning title=it%3A failed::got%0Anothing'
    """
    return f"::warning title={_escaped(title, PROPERTY)}::{_escaped(message, DATA)}"


def defused(text: str) -> str:
    """The text with an unseen character in each place that would be a command.

    >>> defused("  ::add-mask::x").replace("\\u200b", "_")
    '  _::add-mask::x'
    >>> defused("a ##[error]b").replace("\\u200b", "_")
    'a ##_[error]b'
    """
    lines = text.replace("##[", f"##{BREAK}[").split("\n")
    return "\n".join(_begun_otherwise(line) for line in lines)


def _begun_otherwise(line: str) -> str:
    words = line.lstrip()
    if not words.startswith("::"):
        return line
    return line[: len(line) - len(words)] + BREAK + words


def _escaped(text: str, table: Mapping[str, str]) -> str:
    """No other control character gets into a log either."""
    return "".join(table[each] if each in table else printable(each) for each in text)
