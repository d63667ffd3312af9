"""The command that makes a run again, from the options in its document."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from distill_fixtures.options.table import OPTIONS

__all__ = ["command_line"]


def command_line(options: Mapping[str, Any]) -> str:
    """``pytest`` with every option that is not at its default, one a line.

    Args:
        options: by flag, as in the document's ``run.options``.

    >>> print(command_line({"--distill-limit": 5, "--distill-seed": 0, "--distill-rehash": True}))
    pytest \\
      --distill-limit=5 \\
      --distill-rehash
    """
    defaults = {option.flag: option.default for option in OPTIONS}
    words = ["pytest"]
    for flag, value in options.items():
        if value is None or value is False:
            continue
        if value is True:
            words.append(shlex.quote(flag))
            continue
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        if not _same(text, defaults.get(flag)):
            words.append(shlex.quote(f"{flag}={text}"))
    return " \\\n  ".join(words)


def _same(text: str, default: str | None) -> bool:
    """Whether a value is the default, also where a number is written otherwise."""
    if default is None:
        return False
    try:
        return text == default or float(text) == float(default)
    except ValueError:
        return False
