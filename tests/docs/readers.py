"""Each kind of data in the pages, read by what reads it in the package."""

from __future__ import annotations

import configparser
import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill_fixtures.judge.criteria import Thresholds
from distill_fixtures.judge.thresholds import read_thresholds
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.card_file import read_card
from distill_fixtures.options.table import OPTIONS
from distill_fixtures.plugin.students_file import read_students
from distill_fixtures.records import QuestionSet
from distill_fixtures.tasks.jsonl import read_jsonl
from distill_fixtures.tasks.prompt_template import load_prompt_template
from tests.docs.pages import Block

__all__ = ["READERS", "questions_of", "shell_of_workflow", "thresholds_of"]

INI_KEYS = frozenset(option.ini_key for option in OPTIONS)
# GitHub's and GitLab's words for a job's commands.
SCRIPT_KEYS = ("run", "script", "before_script", "after_script")


def thresholds_of(block: Block) -> Thresholds:
    """Read by the suite's own reader, which refuses whatever is doubtful."""
    with _file("thresholds.toml", block.text) as path:
        return read_thresholds(path)


def questions_of(block: Block) -> QuestionSet:
    """Likewise, a line a question."""
    with _file("questions.jsonl", block.text) as path:
        return read_jsonl(path)


def shell_of_workflow(text: str) -> Iterator[str]:
    """Every script in a workflow of GitHub or GitLab."""
    import yaml

    yield from _scripts(yaml.safe_load(text))


def _scripts(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in SCRIPT_KEYS:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _scripts(value)
    elif isinstance(part, list):
        for each in part:
            yield from _scripts(each)


def _read_toml(block: Block) -> None:
    if "[[student]]" in block.text:
        with _file("students.toml", block.text) as path:
            assert read_students(path)
        return
    if block.file_name != "pyproject.toml":
        assert thresholds_of(block).criteria or "[regression." in block.text
        return
    keys = tomllib.loads(block.text)["tool"]["pytest"]
    own = keys.get("ini_options", keys)
    _known_keys(block, own)


def _read_ini(block: Block) -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read_string(block.text)
    _known_keys(block, settings["pytest"])


def _known_keys(block: Block, keys: Mapping[str, Any]) -> None:
    named = {key for key in keys if key.startswith("distill_")}
    assert named, f"{block.place}: names no option of the suite"
    assert named <= INI_KEYS, f"{block.place}: {named - INI_KEYS}"


def _read_json(block: Block) -> None:
    if block.mark == "card":
        with _file("card.json", block.text) as path:
            address = ServedAddress("http://127.0.0.1:8000/v1", "NAME", path)
            assert read_card(address) == json.loads(block.text)
        return
    assert len(questions_of(block)) == len(block.text.splitlines())


def _read_template(block: Block) -> None:
    with _file("my.txt", block.text) as path:
        load_prompt_template(path)


def _read_yaml(block: Block) -> None:
    assert [*shell_of_workflow(block.text)], f"{block.place}: a workflow without a command"


@contextmanager
def _file(name: str, text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        yield path


READERS: Mapping[str, Callable[[Block], None]] = {
    "toml": _read_toml,
    "ini": _read_ini,
    "json": _read_json,
    "jinja": _read_template,
    "yaml": _read_yaml,
}
