"""Between pytest's options and :class:`~distill_fixtures.config.RunConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.config import OPTIONS, Option, RunConfig, build_config, option_named
from distill_fixtures.errors import OptionError

__all__ = ["given_options", "options_in_force", "register_options", "run_config", "tolerant"]


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

    Raises:
        OptionError: an option that takes one value was given several.
    """
    given: dict[str, tuple[str, Path]] = {}
    ini_folder = config.inipath.parent if config.inipath is not None else config.rootpath
    for option in OPTIONS:
        value: Any = config.getoption(f"distill_{option.field}")
        if isinstance(value, list):
            if len(value) > 1:
                raise OptionError(
                    f"{option.flag} was given {len(value)} times",
                    got=", ".join(value),
                    wanted="one student a run, in this version",
                    next_step="run pytest once for each student, each with its own --metrics-dir",
                )
            value = value[0]
        if value is not None:
            text = str(value).lower() if option.switch else value
            given[option.field] = (text, config.invocation_params.dir)
            continue
        ini = _ini_text(config, option)
        if ini:
            given[option.field] = (ini, ini_folder)
    return given


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


def run_config(config: pytest.Config) -> RunConfig:
    """The checked options.

    Raises:
        OptionError: one of them cannot be used, or has no effect beside or without another.
    """
    given = given_options(config)
    checked = build_config(given)
    if checked.wait_for_training is None:
        _refuse_idle_waiting(given)
    else:
        _refuse_student_beside_training(given)
    return checked


def _refuse_student_beside_training(given: Mapping[str, tuple[str, Path]]) -> None:
    if "student" not in given:
        return
    student, waiting = option_named("student"), option_named("wait_for_training")
    raise OptionError(
        f"{student.flag} and {waiting.flag} exclude each other",
        got=f"both, {student.flag} {given['student'][0]}",
        wanted=f"one of them: the training run that {waiting.flag} names gives the student",
        next_step=f"leave one out; -o {student.ini_key}= unsets the one of an ini file",
    )


def _refuse_idle_waiting(given: Mapping[str, tuple[str, Path]]) -> None:
    """A time-out alone may stand in an ini file for all runs; the others say what is measured."""
    waiting = option_named("wait_for_training").flag
    for field in ("wait_pid", "wait_marker", "checkpoint"):
        if field in given:
            flag = option_named(field).flag
            raise OptionError(
                f"{flag} has no effect in this run",
                got=f"{flag} {given[field][0]} without {waiting}",
                wanted="a training run to wait for",
                next_step=f"add {waiting} DIR, or leave {flag} out",
            )


def tolerant(config: pytest.Config) -> RunConfig:
    """The options for naming tests during collection: the defaults where they cannot be used.

    Collection goes on with a bad option, and the error is said once, after it, only when a
    selected test uses the suite.
    """
    try:
        return run_config(config)
    except OptionError:
        return build_config({})


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
