"""The commands in shell blocks, and whether what they name exists."""

from __future__ import annotations

import argparse
import configparser
import importlib
import importlib.util
import io
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import redirect_stderr

from distill_fixtures.cli import COMMANDS, PASSING_ON
from distill_fixtures.options.table import OPTIONS
from tests.docs.pages import ROOT

__all__ = ["OWN_FLAGS", "commands_in", "faults"]

OWN_FLAGS = frozenset(option.flag for option in OPTIONS)
OWN_PACKAGES = ("distill_fixtures", "studies")
OPERATORS = {"&&", "||", ";", "|", ";;"}
SHELL_WORDS = {"if", "then", "else", "fi", "do", "done", "while", "for", "!", "time"}
ASSIGNMENT = re.compile(r"^\w+=")


def commands_in(script: str) -> Iterator[list[str]]:
    """The words of each command, redirections and assignments left out.

    In a script of which some lines begin with ``$ `` those alone are commands.
    """
    lines = script.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    begun = ""
    for line in lines:
        words = _words_of(begun + line)
        begun = f"{begun}{line}\n" if words is None else ""
        yield from _commands_of(words or ())


def _words_of(text: str) -> list[str] | None:
    """None where a quotation goes on in the next line."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&<>()")
    lexer.whitespace_split = True
    try:
        return [*lexer]
    except ValueError:
        return None


def _commands_of(words: Iterable[str]) -> Iterator[list[str]]:
    command: list[str] = []
    skip = False
    for word in words:
        if word in OPERATORS or set(word) <= set("()"):
            yield from _nonempty(command)
            command = []
        elif set(word) <= set("<>&"):
            skip = True
        elif skip:
            skip = False
        elif command or not (word in SHELL_WORDS or ASSIGNMENT.match(word)):
            command.append(word)
    yield from _nonempty(command)


def _nonempty(command: list[str]) -> Iterator[list[str]]:
    if command:
        yield command


def faults(command: list[str], pytest_flags: Collection[str], files: Collection[str]) -> list[str]:
    """What a command names that does not exist.

    Args:
        command: its words.
        pytest_flags: every option of pytest, plugins included.
        files: names of the files that the page has the reader make.
    """
    program, *words = command
    program = program.rpartition("/")[2]
    if program in ("python", "python3"):
        return _faults_of_python(words, pytest_flags, files)
    if program == "pytest":
        return _faults_of_pytest(words, pytest_flags, files)
    if program == "distill-bench":
        own, passed_on = _parted(words)
        return _faults_of_distill_bench(own) + _faults_of_pytest(passed_on, pytest_flags, files)
    if program == "tox":
        return _faults_of_tox(words)
    return []


def _faults_of_python(
    words: list[str], pytest_flags: Collection[str], files: Collection[str]
) -> list[str]:
    if words[:1] == ["-m"] and len(words) > 1:
        module = words[1]
        if module in ("pytest", "tox"):
            return faults(words[1:], pytest_flags, files)
        if module.partition(".")[0] in OWN_PACKAGES and not importlib.util.find_spec(module):
            return [f"there is no module {module}"]
    scripts = [word for word in words[:1] if word.endswith(".py")]
    return _missing(scripts, files)


def _faults_of_pytest(
    words: list[str], pytest_flags: Collection[str], files: Collection[str]
) -> list[str]:
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    known = {_plain(flag) for flag in pytest_flags}
    unknown = [f"pytest has no option {flag}" for flag in flags if _plain(flag) not in known]
    tests = [word.partition("::")[0] for word in words]
    return unknown + _missing([word for word in tests if word.endswith(".py")], files)


def _plain(flag: str) -> str:
    """pytest's help shows one spelling of ``--junitxml`` and ``--junit-xml``."""
    return flag.replace("-", "")


def _missing(names: list[str], files: Collection[str]) -> list[str]:
    known = [name for name in names if name in files or (ROOT / name).exists()]
    return [f"there is no file {name}" for name in names if name not in known]


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """A command's own words, and those that it hands to pytest."""
    if words[:1] and words[0] in PASSING_ON and "--" in words:
        place = words.index("--")
        return words[:place], words[place + 1 :]
    return words, []


def _faults_of_distill_bench(words: list[str]) -> list[str]:
    if not words or words[0] not in COMMANDS:
        return [] if words == ["--help"] else [f"distill-bench has no command {words[:1]}"]
    parser = argparse.ArgumentParser(prog="distill-bench")
    importlib.import_module(f"distill_fixtures.commands.{words[0]}").add_arguments(parser)
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parser.parse_args(words[1:])
    except SystemExit:
        return [said.getvalue().splitlines()[-1]]
    return []


def _faults_of_tox(words: list[str]) -> list[str]:
    if "-e" not in words:
        return []
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    name = words[words.index("-e") + 1]
    return [] if f"testenv:{name}" in settings else [f"tox.ini has no environment {name}"]
