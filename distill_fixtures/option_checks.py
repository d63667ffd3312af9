"""How the text of an option becomes its value, or a message in four parts.

Each check takes the option's flag, its text and the folder that relative paths start from, returns
the value and raises :class:`OptionError`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from distill_fixtures.errors import OptionError

__all__ = [
    "as_baseline",
    "as_batch_sizes",
    "as_choice",
    "as_device",
    "as_gpus",
    "as_path",
    "as_reference",
    "as_seconds",
    "as_switch",
    "as_text",
    "as_tracking_uri",
    "as_whole_number",
]


def as_text(flag: str, text: str, folder: Path) -> str:
    """Any text but an empty one."""
    if not text.strip():
        raise OptionError(
            f"{flag} is empty",
            got="an empty text",
            wanted="a value",
            next_step=f"give {flag} a value, or leave it out for its default",
        )
    return text


def as_whole_number(minimum: int) -> Callable[[str, str, Path], int]:
    """A check for whole numbers from ``minimum`` to 10^9."""

    def parse(flag: str, text: str, folder: Path) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < minimum or number > 10**9:
            raise OptionError(
                f"{flag} cannot be used",
                got=repr(text),
                wanted=f"a whole number from {minimum} to 1000000000",
                next_step=f"write for example {flag} {max(minimum, 1)}, or leave it out",
            )
        return number

    return parse


def as_seconds(flag: str, text: str, folder: Path) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise OptionError(
            f"{flag} cannot be used",
            got=repr(text),
            wanted="a number of seconds above 0",
            next_step=f"write for example {flag} 60, or leave it out",
        )
    return number


def as_gpus(flag: str, text: str, folder: Path) -> float:
    """A part of a GPU, or a whole number of them."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (0 <= number <= 1 or (1 < number <= 1024 and number.is_integer())):
        raise OptionError(
            f"{flag} cannot be used",
            got=repr(text),
            wanted="a number from 0 to 1, or a whole number of GPUs up to 1024",
            next_step=f"write for example {flag} 1, or {flag} 0.5 for two replicas a GPU",
        )
    return number


def as_choice(*allowed: str) -> Callable[[str, str, Path], str]:
    """A check for one of the words in ``allowed``."""

    def parse(flag: str, text: str, folder: Path) -> str:
        if text not in allowed:
            raise OptionError(
                f"{flag} cannot be used",
                got=repr(text),
                wanted="one of " + ", ".join(allowed),
                next_step=f"write for example {flag} {allowed[0]}",
            )
        return text

    return parse


def as_device(flag: str, text: str, folder: Path) -> str:
    """A device by name; whether it is there is asked later."""
    name, _, index = text.partition(":")
    known = text in ("auto", "cpu", "mps", "cuda") or (name == "cuda" and index.isdecimal())
    if not known:
        raise OptionError(
            f"{flag} cannot be used",
            got=repr(text),
            wanted="auto, cpu, cuda, cuda:0 (or another number) or mps",
            next_step=f"write {flag} cpu, or leave it out to use what is there",
        )
    return text


def as_batch_sizes(flag: str, text: str, folder: Path) -> tuple[int, ...]:
    """Different whole numbers, separated by commas."""
    sizes: list[int] = []
    for part in text.split(","):
        part = part.strip()
        if not part.isdecimal() or not 1 <= int(part) <= 65536 or int(part) in sizes:
            raise OptionError(
                f"{flag} cannot be used",
                got=f"{part!r} in {text!r}",
                wanted="different whole numbers from 1 to 65536, separated by commas",
                next_step=f"write for example {flag} 1,8",
            )
        sizes.append(int(part))
    return tuple(sizes)


def as_path(flag: str, text: str, folder: Path) -> Path:
    """An absolute path; a relative one starts from ``folder``."""
    as_text(flag, text, folder)
    return (folder / Path(text).expanduser()).absolute()


def as_baseline(flag: str, text: str, folder: Path) -> Path | Literal["auto"]:
    """``auto``, or an absolute path."""
    return "auto" if text == "auto" else as_path(flag, text, folder)


def as_reference(flag: str, text: str, folder: Path) -> str:
    """A model reference; a path that leads somewhere from ``folder`` alone is made absolute."""
    as_text(flag, text, folder)
    path = os.path.join(folder, os.path.expanduser(text))
    return path if folder != Path.cwd() and os.path.exists(path) else text


def as_switch(flag: str, text: str, folder: Path) -> bool:
    """``true`` or ``false``."""
    return as_choice("true", "false")(flag, text, folder) == "true"


PLACES_IN_FILES = ("sqlite:///", "file:///")
"""URIs without a host, in which an @ is part of a path."""


def as_tracking_uri(flag: str, text: str, folder: Path) -> str:
    """Where MLflow keeps runs: a URI without a name, password or key in it.

    What is refused for holding one is not repeated: it would end up in logs.
    """
    as_text(flag, text, folder)
    if "@" in text and not text.startswith(PLACES_IN_FILES):
        fault = "a name or password in the URI, which would end up in results and logs"
    elif re.search("[?#]", text):
        fault = "a part after ? or #"
    elif not text.isprintable():
        fault = "a character that cannot be seen"
    elif text == "databricks" or (re.match("[A-Za-z][A-Za-z0-9+.-]+://.", text) and _host(text)):
        return text
    else:
        fault = repr(text[:80])
    raise OptionError(
        f"{flag} cannot be used",
        got=fault,
        wanted="the URI of an MLflow server, or another one that MLflow knows",
        next_step=f"write for example {flag} http://127.0.0.1:5000; a name and a password belong "
        "into the environment variables MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    )


def _host(uri: str) -> bool:
    """Whether a URI of the web names a host and a port that can be; others need none."""
    try:
        parts = urlsplit(uri)
        return parts.scheme not in ("http", "https") or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        return False
