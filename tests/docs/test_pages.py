"""Blocks of every page: each has a test of its kind, and names nothing that does not exist."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.docs.commands import OWN_FLAGS, commands_in, faults
from tests.docs.pages import ROOT, Block, anchors, blocks_of, links, pages, prose
from tests.docs.readers import READERS, shell_of_workflow
from tests.plugin.workspace import environment

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
SHELL = ("", "sh", "bash", "console", "text")
FLAG = re.compile(
    r"--(?:distill-[a-z-]*[a-z]|\w+-model|metrics-dir|data-path|benchmark-samples)(?![\w-])"
)


@pytest.fixture(scope="module")
def pytest_flags(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """Every long option of pytest with this environment's plugins."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"],
        cwd=tmp_path_factory.mktemp("flags"),
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(re.findall(r"(?<![\w-])--[a-z][\w-]*", done.stdout))


def test_there_are_pages_and_blocks() -> None:
    assert {"README.md", "docs/quick-start.md", "docs/tutorial.md"} <= {*PAGES}
    assert len(BLOCKS) > 40


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_each_block_has_a_test(block: Block) -> None:
    if block.mark == "not run":
        assert block.told, f"{block.place}: 'not run' wants a reason"
        return
    if block.mark in ("run", "output"):
        assert block.language in SHELL, f"{block.place}: {block.mark} is for shell blocks"
        return
    known = block.language in READERS or block.language == "python" or block.mark == "file"
    assert known, (
        f"{block.place}: nothing tells a test what to do with this block; put <!-- run -->, "
        "<!-- output --> or <!-- not run: REASON --> on the line before it, see tests/docs/pages.py"
    )


READ = [block for block in BLOCKS if block.language in READERS and block.mark != "not run"]


@pytest.mark.parametrize("block", READ, ids=lambda block: block.place)
def test_what_is_data_is_read(block: Block) -> None:
    READERS[block.language](block)


PYTHON = [block for block in BLOCKS if block.language == "python" and block.mark != "not run"]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_files_of_python_are_used(block: Block) -> None:
    """A file that no later command of the page runs would be unchecked."""
    compile(block.text, block.place, "exec")
    if block.file_name is None:
        return  # run by itself, see test_pages_run.py
    later = [each for each in blocks_of(block.page) if each.line > block.line]
    runs = [each.text for each in later if each.mark == "run"]
    collected = block.file_name.startswith(("test_", "conftest"))
    asked_for = re.compile(r"\bpytest\b" if collected else re.escape(block.file_name))
    assert any(asked_for.search(text) for text in runs), f"{block.place}: no later block runs it"


def shell_scripts() -> list[tuple[str, str]]:
    """Place and text of all shell there is, that of workflows too."""
    found = []
    for block in BLOCKS:
        if block.language == "yaml":
            found += [(block.place, text) for text in shell_of_workflow(block.text)]
        elif block.language in SHELL and (block.mark != "output" or "$ " in block.text):
            found.append((block.place, block.text))
    return found


@pytest.mark.parametrize(("place", "script"), shell_scripts())
def test_commands_name_what_exists(place: str, script: str, pytest_flags: frozenset[str]) -> None:
    page = place.partition(":")[0]
    made = {block.file_name for block in blocks_of(page) if block.file_name is not None}
    wrong = [
        f"{place}: {' '.join(command)}: {fault}"
        for command in commands_in(script)
        for fault in faults(command, pytest_flags, made)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_options_exist(page: str) -> None:
    """Wherever a page names one of the suite's options."""
    named = set(FLAG.findall((ROOT / page).read_text(encoding="utf-8")))
    assert named - OWN_FLAGS == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        there = (ROOT / page).parent / path if path else ROOT / page
        if not there.exists():
            broken.append(f"{page}: {target}: no such file")
        elif anchor and anchor not in anchors(there.resolve().relative_to(ROOT).as_posix()):
            broken.append(f"{page}: {target}: no such heading")
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_was_left_to_fill_in(page: str) -> None:
    """A line of nothing but capitals stands where somebody meant to paste an output."""
    assert re.findall(r"^[A-Z]+(?:_[A-Z]+)+$", prose(page), re.MULTILINE) == []
