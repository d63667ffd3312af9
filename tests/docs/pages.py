"""The documentation's pages: their fenced blocks, headings and links.

A comment on the line before a fence says what a test does with the block:

- ``<!-- run -->``: a shell block whose commands are run, in order, in the page's folder;
  ``<!-- run: exit 1 -->`` where they end with another code than 0.
- ``<!-- output -->``: what the run or the Python block before it prints. ``<!-- output: COMMAND
  -->``: what this command prints, which is run for it.
- ``<!-- file: NAME -->``: a file of the page's folder. A block whose first line is a comment with
  nothing but a file name is one too.
- ``<!-- card -->``: JSON that tells a served model's size.
- ``<!-- not run: REASON -->``: no test can run it.

Python is run, TOML, JSON, YAML, ini and jinja2 are read by whatever reads them, without a comment.
A page that runs in an empty folder, and not in a clone, says so: ``<!-- runs in: an empty folder
-->``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "anchors", "blocks_of", "links", "pages", "prose"]

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(`{3,})(\w*)\s*$")
MARK = re.compile(r"^<!-- (run|output|file|card|not run)(?:: (.+))? -->$")
FILE_NAME = re.compile(r"^# ([\w./-]+\.\w+)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: path from the root.
        line: where its fence opens, from 1.
        language: the word after the fence, or nothing.
        mark: ``run``, ``output``, ``file``, ``card``, ``not run``, or nothing.
        told: what the comment says after its colon, or nothing.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str
    told: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that this block is; None where it is none."""
        if self.mark == "file":
            return self.told
        found = FILE_NAME.match(self.text.split("\n", 1)[0])
        return found.group(1) if found else None


def pages() -> list[str]:
    """Every page, by its path from the root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def blocks_of(page: str) -> list[Block]:
    """The page's blocks in order.

    Raises:
        ValueError: a fence is not closed, or the line before one is a comment of no known kind.
    """
    lines = _lines(page)
    found: list[Block] = []
    number = 0
    while number < len(lines):
        opened = FENCE.match(lines[number])
        if opened is None:
            number += 1
            continue
        fence, language = opened.groups()
        start = number + 1
        if fence not in lines[start:]:
            raise ValueError(f"{page}:{start}: the block is not closed")
        number = lines.index(fence, start)
        mark, told = _mark(page, start, lines[start - 2] if start > 1 else "")
        text = "".join(f"{line}\n" for line in lines[start:number])
        found.append(Block(page, start, language, text, mark, told))
        number += 1
    return found


def _mark(page: str, line: int, before: str) -> tuple[str, str]:
    found = MARK.match(before)
    if found:
        return found.group(1), found.group(2) or ""
    if before.startswith("<!--"):
        raise ValueError(f"{page}:{line}: {before!r} is no comment of tests/docs/pages.py")
    return "", ""


def prose(page: str) -> str:
    """The page without its blocks."""
    kept, fence = [], None
    for line in _lines(page):
        opened = FENCE.match(line)
        if opened and fence in (None, opened.group(1)):
            fence = opened.group(1) if fence is None else None
        elif fence is None:
            kept.append(line)
    return "\n".join(kept)


def links(page: str) -> list[str]:
    """Targets of all links, code left out."""
    return LINK.findall(re.sub(r"`[^`]*`", "code", prose(page)))


def anchors(page: str) -> set[str]:
    """What a link may name after ``#``, made of the headings as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        number, name = 0, slug
        while name in found:
            number += 1
            name = f"{slug}-{number}"
        found.add(name)
    return found


def _lines(page: str) -> list[str]:
    return (ROOT / page).read_text(encoding="utf-8").splitlines()
