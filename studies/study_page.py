"""How a study's page begins and where it is written."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from distill_fixtures.report.environment import describe_environment

__all__ = ["PAGES", "ROOT", "markdown_table", "say", "setting", "write_page"]

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "studies"


def say(text: str) -> None:
    """A line of progress with the time of day, at once also where the output is a file."""
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def setting(*packages: str, threads: int | None = None) -> list[str]:
    """Date, machine and versions, as lines of Markdown."""
    section, _ = describe_environment(device="cpu", dtype="float32", rootpath=ROOT)
    machine, now = section.machine, datetime.date.today()
    used = "" if threads is None else f", {threads} threads"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return [
        f"Measured on {now:%d %B %Y}: {machine['cpu']}, {machine['usable_cores']} cores{used}, "
        f"{machine['memory_bytes'] / 1e9:.0f} GB of memory; Python "
        f"{section.versions['python']}, {versions}.",
    ]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines; the first column to the left, figures to the right.

    >>> markdown_table(["a", "b"], [["x", "1"]])
    ['| a | b |', '| --- | ---: |', '| x | 1 |']
    """
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def write_page(
    name: str, lines: Sequence[str], raw: Mapping[str, object], *, folder: Path = PAGES
) -> None:
    """Print the page, and write it with its raw figures beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{name}.md"
    text = "\n".join(lines) + "\n"
    page.write_text(text, encoding="utf-8")
    figures = json.dumps(raw, indent=2, allow_nan=False, sort_keys=True)
    (folder / f"{name}.json").write_text(figures + "\n", encoding="utf-8")
    print(f"\n{text}\nwritten to {page}", flush=True)
