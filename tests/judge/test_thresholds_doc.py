"""docs/thresholds.md shows the shipped file, and examples that are read."""

from __future__ import annotations

import re
from pathlib import Path

from distill_fixtures.judge.criteria import GRADES, Thresholds
from distill_fixtures.judge.slices import FEWEST_QUESTIONS, MOST_CHANCE
from distill_fixtures.judge.thresholds import package_thresholds, read_thresholds

PAGE = Path(__file__).parents[2] / "docs" / "thresholds.md"


def examples(folder: Path) -> list[Thresholds]:
    read = []
    for block in re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        path = folder / "thresholds.toml"
        path.write_text(block, encoding="utf-8")
        read.append(read_thresholds(path))
    return read


def test_the_first_example_is_the_shipped_file(tmp_path: Path) -> None:
    shown, shipped = examples(tmp_path)[0], read_thresholds(package_thresholds())
    assert shown.criteria == shipped.criteria
    assert shown.gate == shipped.gate
    assert shown.regression_tolerance_pct == shipped.regression_tolerance_pct


def test_the_other_examples_are_read(tmp_path: Path) -> None:
    slices, student = examples(tmp_path)[1:]
    assert [str(criterion.slice) for criterion in slices.criteria] == [
        "every subdomain",
        "subdomain Optics",
        "question type Numerical Calculation",
    ]
    assert [criterion.student for criterion in student.criteria] == ["my-tiny-student"]


def test_the_numbers_of_the_rule_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert f"judged from **{FEWEST_QUESTIONS} questions**" in text
    assert f"is below {MOST_CHANCE:g} **after Holm's correction**" in text


def test_every_grade_is_described() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"| `{grade}` |" in text for grade in GRADES)
