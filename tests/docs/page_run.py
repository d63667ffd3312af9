"""A reader who follows a page: makes its files, runs its commands, looks at what they print."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.output_shape import difference
from tests.docs.pages import ROOT, Block, blocks_of
from tests.plugin.workspace import environment

__all__ = ["Reader", "has_runs", "runs_in_empty_folder"]

EMPTY_FOLDER = "<!-- runs in: an empty folder -->"
IN_A_CLONE = ("pytest.ini", "thresholds.toml")
LONGEST_COMMAND_S = 400.0
COLUMNS = 80
# Quicker than a user's run, not as exact, and on the CPU everywhere. What a page says itself comes
# after these and wins.
QUICK = "--distill-max-seconds=2 --distill-max-rounds=6 --benchmark-samples=3 --distill-device=cpu"
PROGRAMS = {
    "python": [],
    "python3": [],
    "pytest": [str(Path(__file__).with_name("pytest_here.py"))],
    "distill-bench": ["-m", "distill_fixtures.cli"],
    "pytest-benchmark": ["-m", "pytest_benchmark"],
}


def has_runs(page: str) -> bool:
    return any(_is_done(block) for block in blocks_of(page))


def _is_done(block: Block) -> bool:
    if block.mark == "not run":
        return False
    python = block.language == "python" and block.file_name is None
    return python or block.mark == "run" or (block.mark == "output" and bool(block.told))


def runs_in_empty_folder(page: str) -> bool:
    return EMPTY_FOLDER in (ROOT / page).read_text(encoding="utf-8")


class Reader:
    """Goes through one page's blocks.

    Args:
        page: path from the root.
        folder: for the page's folder, the programs and the scores, which no other page shares.
    """

    def __init__(self, page: str, folder: Path) -> None:
        self._page = page
        self._folder = folder / "page"
        self._programs = folder / "bin"
        self._cache = folder / "cache"
        self._printed = ""
        self._make_folder()
        self._make_programs()

    def follow(self) -> None:
        """Do all that the page says.

        Raises:
            AssertionError: a command ends otherwise than the page says, or prints something else.
        """
        for block in blocks_of(self._page):
            if block.mark == "not run":
                continue
            if block.file_name is not None:
                self._write(block)
            elif block.language == "python":
                self._run(block, [sys.executable, "-c", block.text])
            elif block.mark == "run":
                self._run(block, self._shell(block.text))
            elif block.mark == "output":
                self._compare(block)

    def _make_folder(self) -> None:
        self._folder.mkdir(parents=True)
        if runs_in_empty_folder(self._page):
            return
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "benchmarks", self._folder / "benchmarks", ignore=ignored)
        for name in IN_A_CLONE:
            shutil.copy(ROOT / name, self._folder)

    def _make_programs(self) -> None:
        self._programs.mkdir()
        for name, words in PROGRAMS.items():
            path = self._programs / name
            line = f'exec {shlex.join([sys.executable, *words])} "$@"'
            path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            path.chmod(0o755)

    def _write(self, block: Block) -> None:
        path = self._folder / str(block.file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def _shell(self, script: str) -> list[str]:
        return ["bash", "-euo", "pipefail", "-c", script]

    def _run(self, block: Block, words: list[str]) -> None:
        wanted = int(block.told.removeprefix("exit ")) if block.mark == "run" and block.told else 0
        status = self._call(words)
        assert status == wanted, (
            f"{block.place}: ended with {status}, not with {wanted}:\n{self._printed}"
        )

    def _compare(self, block: Block) -> None:
        if block.told:
            self._call(self._shell(block.told))
        wrong = difference(block.text, self._printed)
        assert wrong is None, f"{block.place}: {wrong}\n{self._printed}"

    def _call(self, words: list[str]) -> int:
        """Exit code; what it printed is kept."""
        done = subprocess.run(
            words,
            cwd=self._folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=LONGEST_COMMAND_S,
        )
        self._printed = done.stdout
        return done.returncode

    def _environment(self) -> dict[str, str]:
        found = environment()
        found.pop("CI_JOB_ID", None)  # docs/writing-a-benchmark.md shows what is there without it
        return found | {
            "PATH": f"{self._programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(self._cache),
            "COLUMNS": str(COLUMNS),
            "PYTEST_ADDOPTS": QUICK,
        }
