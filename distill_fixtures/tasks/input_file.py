"""Opening a file that somebody else wrote, without trusting it.

Nothing here waits (a pipe), runs away (a device) or fills the memory: what is no plain file or is
larger than its limit is refused before it is read.
"""

from __future__ import annotations

import difflib
import reprlib
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distill_fixtures.errors import DistillBenchError, QuestionFileError

__all__ = [
    "did_you_mean",
    "nearest",
    "read_bytes",
    "read_toml",
    "shorten",
    "shown_value",
    "utf8_text",
]


def read_bytes(
    path: Path,
    *,
    limit_bytes: int,
    what: str = "the questions file",
    error: type[DistillBenchError] = QuestionFileError,
) -> bytes:
    """All bytes of a plain file of at most ``limit_bytes``.

    Args:
        what: the file's role, for messages.
        error: the kind of error raised, always with the path in it.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise error(
                f"{what} {path} cannot be read",
                got="a folder, pipe or device",
                wanted="a plain file",
                next_step="check the path",
            )
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except (OSError, ValueError) as fault:
        # ValueError: a path with a NUL character.
        raise error(
            f"{what} {shorten(str(path), 300)} cannot be read",
            got=getattr(fault, "strerror", None) or str(fault),
            wanted="a file that exists and may be read",
            next_step="check the path and its permissions",
        ) from fault
    if len(content) > limit_bytes:
        raise error(
            f"{what} {path} is too large",
            got=f"{max(status.st_size, len(content))} bytes",
            wanted=f"at most {limit_bytes} bytes",
            next_step="check that this is the file you mean; split it if it is",
        )
    return content


def read_toml(
    path: Path,
    *,
    limit_bytes: int,
    what: str,
    error: type[DistillBenchError],
    wanted: str,
    next_step: str,
) -> dict[str, Any]:
    """The parsed content of a TOML file.

    Args:
        what, error: as for :func:`read_bytes`.
        wanted, next_step: said of a file that is no TOML.
    """
    content = read_bytes(path, limit_bytes=limit_bytes, what=what, error=error)
    text = utf8_text(content, f"{what} {path}", error=error)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise error(
            f"{path} is no TOML",
            got=shorten(str(fault), 200),
            wanted=wanted,
            next_step=next_step,
        ) from fault


def utf8_text(
    content: bytes,
    where: str,
    *,
    start_byte: int = 0,
    error: type[DistillBenchError] = QuestionFileError,
) -> str:
    """Decode UTF-8; a byte order mark at the start is dropped.

    Args:
        where: file (and line), for messages.
        start_byte: the offset of ``content`` in its file.
    """
    try:
        return content.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as fault:
        raise error(
            f"{where} is not UTF-8",
            got=f"byte 0x{content[fault.start]:02x} at offset {start_byte + fault.start}",
            wanted="text in UTF-8",
            next_step="save the file as UTF-8 (iconv -t UTF-8 converts it)",
        ) from fault


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'answer'?"``, or nothing where no known name is near.

    >>> did_you_mean("anwser", ["question", "answer"])
    "; did you mean 'answer'?"
    >>> did_you_mean("x", ["question", "answer"])
    ''
    """
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody may have meant; None where none is near.

    >>> nearest("anwser", ["question", "answer"])
    'answer'
    """
    found = difflib.get_close_matches(shorten(name, 80), list(known), n=1)
    return found[0] if found else None


def shown_value(value: Any) -> str:
    """A value of a file, whatever it is, in short.

    >>> shown_value([1, "a"])
    "[1, 'a']"
    """
    try:
        return reprlib.repr(value)
    except ValueError:
        # TOML reads numbers to base 16 of any length; Python writes none of so many digits.
        return "a whole number of thousands of digits"


def shorten(text: str, most: int = 80) -> str:
    """``text`` on one line, cut to ``most`` characters, safe to print.

    >>> shorten("a" * 10, 5)
    'aaaa…'
    """
    # Cut before the costly steps: the text may be a megabyte.
    line = text[: most + 1].replace("\n", "\\n").replace("\r", "\\r")
    line = line.encode("utf-8", "backslashreplace").decode("utf-8")
    return line if len(line) <= most else line[: most - 1] + "…"
