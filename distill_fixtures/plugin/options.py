"""Between pytest's options and :class:`~distill_fixtures.config.RunConfig`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.config import RunConfig
from distill_fixtures.errors import OptionError
from distill_fixtures.options.option import Option
from distill_fixtures.options.table import OPTIONS, option_named

__all__ = [
    "given_options",
    "options_in_force",
    "register_options",
    "repeated",
]


def register_options(parser: pytest.Parser) -> None:
    """Put every option of the table on the command line and into the ini file."""
    group = parser.getgroup("distill", "benchmark of a distilled model (teacher against student)")
    for option in OPTIONS:
        hidden = option.default is None or option.field == "data_password"
        default = "" if hidden else f" (default: {option.default})"
        key_help = f"the same as {option.flag}"
        if option.switch:
            group.addoption(
                option.flag,
                action="store_true",
                dest=f"distill_{option.field}",
                default=None,
                help=option.help + " (default: off)",
            )
            parser.addini(option.ini_key, key_help, type="bool", default=None)
            continue
        group.addoption(
            option.flag,
            action="append" if option.repeatable else "store",
            dest=f"distill_{option.field}",
            default=None,
            metavar=option.metavar,
            help=option.help + default,
        )
        parser.addini(option.ini_key, key_help, type="string", default=None)


def given_options(config: pytest.Config) -> dict[str, tuple[str, Path]]:
    """What the user wrote: text and the folder that relative paths start from, by field.

    Of an option that was given several times it holds the first text; ``repeated`` has all.

    Raises:
        OptionError: an ini key is no text, or two options exclude each other.
    """
    given: dict[str, tuple[str, Path]] = {}
    ini_folder = config.inipath.parent if config.inipath is not None else config.rootpath
    for option in OPTIONS:
        value: Any = config.getoption(f"distill_{option.field}")
        if isinstance(value, list):
            value = value[0]
        if value is not None:
            text = str(value).lower() if option.switch else value
            given[option.field] = (text, config.invocation_params.dir)
            continue
        ini = _ini_text(config, option)
        if ini:
            given[option.field] = (ini, ini_folder)
    return _without_beaten(config, given)


def repeated(config: pytest.Config, field: str) -> list[str]:
    """Every text of an option that may stand several times on the command line."""
    return list(config.getoption(f"distill_{field}") or ())


def _without_beaten(
    config: pytest.Config, given: dict[str, tuple[str, Path]]
) -> dict[str, tuple[str, Path]]:
    """Of the two ways to say who the students are, the command line's beats the ini file's.

    Raises:
        OptionError: both are said in the same place.
    """
    ways = ("student", "students")
    if not given.keys() >= {*ways}:
        return given
    typed = [field for field in ways if config.getoption(f"distill_{field}") is not None]
    if len(typed) != 1:
        one, file = (option_named(field) for field in ways)
        names = (one.flag, file.flag) if typed else (one.ini_key, file.ini_key)
        raise OptionError(
            f"{names[0]} and {names[1]} exclude each other",
            got=f"both, {names[1]} {given['students'][0]}",
            wanted="one of them",
            next_step="write every student into the file, or give each by --student-model",
        )
    (beaten,) = (field for field in ways if field not in typed)
    return {field: text for field, text in given.items() if field != beaten}


def _ini_text(config: pytest.Config, option: Option) -> str | None:
    """What the ini file says; None or an empty text where it says nothing."""
    try:
        value: Any = config.getini(option.ini_key)
    except (pytest.UsageError, ValueError, TypeError) as error:
        raise OptionError(
            f"{option.ini_key} ({option.flag}) cannot be used",
            got=str(error),
            wanted="true or false" if option.switch else "a text (in TOML: in quotes)",
            next_step=f"correct {option.ini_key}, or leave it out for its default",
        ) from error
    return str(value).lower() if isinstance(value, bool) else value


def options_in_force(config: RunConfig) -> dict[str, Any]:
    """Every option by its flag, as plain types."""
    return {
        option.flag: _plain(getattr(config, option.field))
        for option in OPTIONS
        if option.field != "data_password"  # a password of the user's own is no result
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
