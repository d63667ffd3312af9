"""What is said once about an option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Option"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        flag: on the command line.
        field: the attribute of ``RunConfig``.
        default: as text, so that it passes the same check as what a user writes; None: no value.
        parse: turns text into the value or raises :class:`OptionError`; gets flag, text and the
            folder that relative paths start from.
        metavar: for ``--help``.
        help: for ``--help`` and the docs.
        repeatable: may stand several times on the command line.
        switch: takes no value on the command line; true or false in the ini file.
    """

    flag: str
    field: str
    default: str | None
    parse: Callable[[str, str, Path], Any]
    metavar: str
    help: str
    repeatable: bool = False
    switch: bool = False

    @property
    def ini_key(self) -> str:
        """The key in pytest.ini: every one begins with ``distill_``."""
        name = self.flag.removeprefix("--").removeprefix("distill-")
        return "distill_" + name.replace("-", "_")
