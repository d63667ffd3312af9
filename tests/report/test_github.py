"""Workflow commands: escaped by GitHub's rules, and none out of users' text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.report.github import defused, error_lines, on_github, summary_file


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """As the runner reads it: name, properties, message."""
    found = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
    assert found, line
    properties = dict(each.split("=", 1) for each in found[2].split(","))

    def unescaped(text: str, *codes: str) -> str:
        for code in codes:
            text = text.replace(code, chr(int(code[1:], 16)))
        return text.replace("%25", "%")

    return (
        found[1],
        {k: unescaped(v, "%0D", "%0A", "%3A", "%2C") for k, v in properties.items()},
        unescaped(found[3], "%0D", "%0A"),
    )


@given(st.text(), st.text())
def test_any_text_comes_back_as_one_command(title: str, message: str) -> None:
    (line,) = error_lines([(title, message)])
    assert "\n" not in line
    assert "\r" not in line
    assert read_command(line) == ("error", {"title": shown(title)}, shown(message))


def shown(text: str) -> str:
    """As it is told: of control characters line ends alone."""
    return "".join(each if each.isprintable() or each in "\r\n" else "\ufffd" for each in text)


def test_a_name_cannot_begin_a_command() -> None:
    (line,) = error_lines([("x\n::add-mask::secret", "y\r\n::stop-commands::z, title=a::b")])
    assert line.startswith("::error title=x%0A%3A%3Aadd-mask%3A%3Asecret::y%0D%0A")
    assert line.count("\n") == 0


def test_github_shows_ten() -> None:
    lines = error_lines([(f"criterion {n}", "poor") for n in range(25)])
    assert len(lines) == 10
    assert lines[-1].startswith("::error title=16 more::criterion 9, criterion 10, ")
    assert lines[-1].endswith("criterion 24")
    assert len(error_lines([(f"criterion {n}", "poor") for n in range(10)])) == 10
    assert error_lines([]) == []


HOSTILE = ("::error::x", "  ::add-mask::y", "a\n::set-output name=b::c", "x ##[group]y", "\t::z")


@pytest.mark.parametrize("text", HOSTILE)
def test_other_output_holds_no_command(text: str) -> None:
    """The runner looks for :: at the start of a line, blanks left out, and for ##[ anywhere."""
    safe = defused(text)
    assert not any(line.strip().startswith("::") for line in safe.split("\n"))
    assert "##[" not in safe
    assert safe.replace("\u200b", "") == text


def test_ordinary_output_is_left_as_it_is() -> None:
    for text in ("verdict: good\n", "a::b\n", "## heading [x]\n", ""):
        assert defused(text) == text


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [({}, False), ({"GITHUB_ACTIONS": "false"}, False), ({"GITHUB_ACTIONS": "true"}, True)],
)
def test_where_it_runs(environ: dict[str, str], wanted: bool) -> None:
    assert on_github(environ) is wanted
    assert summary_file(environ) is None
    assert summary_file({"GITHUB_STEP_SUMMARY": ""}) is None
    assert summary_file({"GITHUB_STEP_SUMMARY": "/tmp/x"}) == "/tmp/x"
