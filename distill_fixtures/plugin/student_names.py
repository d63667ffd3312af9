"""What each of several students is called: short, safe as a folder's name, and unlike the others.

A student without a name of its own takes the last part of its reference, and as many parts before
it as it needs to be told from the others: ``runs/a/final`` and ``runs/b/final`` are ``a-final`` and
``b-final``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import parse_qs, urlsplit

from distill_fixtures.report.json_files import COMPARISON_FILE, HISTORY_FOLDER, METRICS_FILE

__all__ = ["MOST_CHARACTERS", "is_safe_name", "safe_name", "told_apart"]

MOST_CHARACTERS = 80
TAKEN = frozenset(
    {HISTORY_FOLDER, METRICS_FILE, COMPARISON_FILE, "leaderboard.json", "report.html"}
)
"""What lies beside the students' folders, or lay there after a run of one student."""


def is_safe_name(name: str) -> bool:
    """Whether a name can be that of a student's folder on every system.

    >>> [is_safe_name(name) for name in ("tiny-4bit", "../tiny", "history", "")]
    [True, False, False, False]
    """
    return bool(name) and name == safe_name(name) and name.casefold() not in TAKEN


def safe_name(text: str) -> str:
    """The text with whatever is not fit for a folder's name replaced; perhaps nothing is left.

    >>> safe_name("demo:student")
    'demo-student'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[-MOST_CHARACTERS:].strip("-.")


def told_apart(references: Sequence[str], given: Sequence[str | None]) -> list[str]:
    """A name for each student; two are the same only where their references do not differ.

    Args:
        references: of the students.
        given: the name that each was given; None: it takes one from its reference.

    >>> told_apart(["runs/a/final", "runs/b/final", "org/tiny"], [None, None, None])
    ['a-final', 'b-final', 'tiny']
    >>> told_apart(["history"], [None])
    ['student-history']
    """
    parts = [_parts(reference) for reference in references]
    used = [1] * len(parts)
    while True:
        names = [
            name or _joined(own[-count:])
            for name, own, count in zip(given, parts, used, strict=True)
        ]
        counts = Counter(name.casefold() for name in names)
        longer = [
            place
            for place, name in enumerate(names)
            if (counts[name.casefold()] > 1 or not is_safe_name(name))
            and given[place] is None
            and used[place] < len(parts[place])
        ]
        if not longer:
            return [
                name if own is not None or is_safe_name(name) else f"student-{name}"
                for name, own in zip(names, given, strict=True)
            ]
        for place in longer:
            used[place] += 1


def _joined(parts: Sequence[str]) -> str:
    return safe_name("-".join(parts)) or "student"


def _parts(reference: str) -> list[str]:
    """A reference's parts, the most telling last."""
    if "://" in reference:
        address = urlsplit(reference)
        model = parse_qs(address.query).get("model", [address.path])[-1]
        return [address.netloc, *PurePath(model).parts]
    return [part for part in PurePath(reference).parts if safe_name(part)] or [reference]
