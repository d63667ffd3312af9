"""Who several students are: names told apart, and a file of which nothing doubtful is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.errors import OptionError
from distill_fixtures.plugin.student_names import (
    MOST_CHARACTERS,
    TAKEN,
    is_safe_name,
    safe_name,
    told_apart,
)
from distill_fixtures.plugin.students_file import StudentEntry, read_students

# Names.


@pytest.mark.parametrize(
    ("references", "names"),
    [
        (["demo:student", "demo:poor"], ["demo-student", "demo-poor"]),
        (["runs/a", "runs/b/"], ["a", "b"]),
        (["runs/a/final", "runs/b/final", "other"], ["a-final", "b-final", "other"]),
        (["org/name@main", "org/name@v2"], ["name-main", "name-v2"]),
        (["one/m", "two/M"], ["one-m", "two-M"]),
        (["/x/small.gguf", "./big.gguf"], ["small.gguf", "big.gguf"]),
        (
            ["openai+http://h:1/v1?model=o/tiny", "openai+http://h:2/v1?model=o/tiny"],
            ["h-1-o-tiny", "h-2-o-tiny"],
        ),
        (["runs/history", "b"], ["runs-history", "b"]),
        (["history", "./Report.html"], ["student-history", "student-Report.html"]),
        (["same", "same"], ["same", "same"]),
    ],
)
def test_names_from_references(references: list[str], names: list[str]) -> None:
    assert told_apart(references, [None] * len(references)) == names


def test_a_given_name_stays_and_the_others_make_way() -> None:
    assert told_apart(["runs/a", "runs/b"], ["b", None]) == ["b", "runs-b"]


@given(st.text(min_size=1))
def test_a_safe_name_is_safe(text: str) -> None:
    name = safe_name(text)
    assert len(name) <= MOST_CHARACTERS
    assert not name or is_safe_name(name) or name.casefold() in TAKEN
    assert "/" not in name
    assert not name.startswith((".", "-"))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_every_reference_has_a_name(references: list[str]) -> None:
    names = told_apart(references, [None] * len(references))
    assert len(names) == len(references)
    assert all(names)


# The file.


def read(folder: Path, text: str) -> tuple[StudentEntry, ...]:
    path = folder / "students.toml"
    path.write_text(text, encoding="utf-8")
    return read_students(path)


def test_all_that_a_student_may_have(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        """
        [[student]]
        reference = "runs/a"

        [[student]]
        reference = "runs/b"
        name = "bee"
        control = "runs/c"
        [student.criteria.kappa]
        good = 0.8
        poor = 0.5
        """,
    )
    assert (first.reference, first.name, first.control, first.criteria) == (
        "runs/a",
        None,
        None,
        None,
    )
    assert (second.name, second.control) == ("bee", "runs/c")
    assert second.criteria == {"kappa": {"good": 0.8, "poor": 0.5}}


REFUSED = {
    "no TOML": ("[[student", "is no TOML"),
    "empty": ("", "names no student"),
    "an empty list": ("student = []", "names no student"),
    "a single section": ('[student]\nreference = "a"', "names no student"),
    "no sections": ("student = [1]", "student 1 is no section"),
    "no reference": ('[[student]]\nname = "a"', "lacks 'reference'"),
    "an empty section": ("[[student]]", "an empty section"),
    "an unknown key": ('[[student]]\nreference = "a"\nnmae = "b"', "did you mean 'name'?"),
    "an unknown section": ('[[students]]\nreference = "a"', "did you mean 'student'?"),
    "a number": ("[[student]]\nreference = 1", "reference is no text"),
    "an empty text": ('[[student]]\nreference = "a"\ncontrol = " "', "control is no text"),
    "a path as a name": ('[[student]]\nreference = "a"\nname = "../b"', "write for example 'b'"),
    "a name with a blank": ('[[student]]\nreference = "a"\nname = "a b"', "'a-b'"),
    "a name of the page's": (
        '[[student]]\nreference = "a"\nname = "report.html"',
        "name cannot be that",
    ),
    "a number of many digits": ("[[student]]\nreference = 0x" + "f" * 9000, "reference is no text"),
    "a student of many digits": ("student = [0x" + "f" * 9000 + "]", "student 1 is no section"),
    "a reference of no path": ('[[student]]\nreference = "a\\u0000b"', "reference"),
    "a taken name": ('[[student]]\nreference = "a"\nname = "history"', "name cannot be that"),
    "criteria of no kind": ('[[student]]\nreference = "a"\ncriteria = 1', "criteria is no section"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_doubtful_is_refused_in_four_parts(case: str, tmp_path: Path) -> None:
    text, said = REFUSED[case]
    with pytest.raises(OptionError) as refused:
        read(tmp_path, text)
    error = refused.value
    assert "students.toml" in error.what
    assert said in str(error)
    assert all((error.got, error.wanted, error.next_step))


def test_an_unreadable_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(OptionError, match="the students file"):
            read_students(path)
    (tmp_path / "latin").write_bytes(b'[[student]]\nreference = "\xe9"')
    with pytest.raises(OptionError, match="UTF-8"):
        read_students(tmp_path / "latin")
