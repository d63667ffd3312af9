"""Small text files in which the kernel tells its state: /proc and /sys.

A system without them, or one that holds something else in them, is no error: what cannot be told
is :class:`Undefined` with the reason.
"""

from __future__ import annotations

import os
from pathlib import Path

from distill_fixtures.records import Undefined

__all__ = ["ROOT", "pages_in_bytes", "read_field", "read_number", "read_text", "whole_number"]

ROOT = Path("/")
"""Below which /proc and /sys lie, where nothing else is said."""


def read_text(root: Path, name: str) -> str | Undefined:
    """A file's text.

    Args:
        root: in place of ``/``.
        name: the path below it, such as ``proc/stat``.
    """
    try:
        return (root / name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Undefined(f"/{name} cannot be read: {error.strerror}")


def whole_number(text: str, where: str) -> int | Undefined:
    """A number of at least 0.

    >>> whole_number(" 12\\n", "x"), whole_number("twelve", "/proc/x")
    (12, Undefined(reason="/proc/x: 'twelve' is no whole number"))
    """
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        return int(stripped)
    return Undefined(f"{where}: {stripped[:40]!r} is no whole number")


def read_number(root: Path, name: str) -> int | Undefined:
    """A file that holds one number."""
    text = read_text(root, name)
    return text if isinstance(text, Undefined) else whole_number(text, f"/{name}")


def read_field(root: Path, name: str, key: str) -> int | Undefined:
    """The number after a key, in a file of lines ``key number`` or ``key: number kB``."""
    text = read_text(root, name)
    if isinstance(text, Undefined):
        return text
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].rstrip(":") == key:
            return whole_number(words[1], f"{key} in /{name}")
    return Undefined(f"/{name} has no {key}")


def pages_in_bytes(pages: int | Undefined) -> int | Undefined:
    """A number of memory pages, in bytes."""
    if isinstance(pages, Undefined):
        return pages
    return pages * (os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096)
