"""docs/thresholds.md shows the shipped file, and says what the code does."""

from __future__ import annotations

from distill_fixtures.judge.criteria import GRADES, Thresholds
from distill_fixtures.judge.slices import FEWEST_QUESTIONS, MOST_CHANCE
from distill_fixtures.judge.thresholds import package_thresholds, read_thresholds
from tests.docs.pages import ROOT, blocks_of
from tests.docs.readers import thresholds_of

PAGE = "docs/thresholds.md"
TEXT = (ROOT / PAGE).read_text("utf-8")


def examples() -> list[Thresholds]:
    return [thresholds_of(block) for block in blocks_of(PAGE) if block.language == "toml"]


def test_the_first_example_is_the_shipped_file() -> None:
    shown, shipped = examples()[0], read_thresholds(package_thresholds())
    assert shown.criteria == shipped.criteria
    assert shown.gate == shipped.gate
    assert shown.regression_tolerance_pct == shipped.regression_tolerance_pct


def test_the_other_examples_are_read_as_the_page_says() -> None:
    slices, student = examples()[1:]
    assert [str(criterion.slice) for criterion in slices.criteria] == [
        "every subdomain",
        "subdomain Optics",
        "question type Numerical Calculation",
    ]
    assert [criterion.student for criterion in student.criteria] == ["my-tiny-student"]


def test_the_numbers_of_the_rule_are_those_of_the_code() -> None:
    assert f"judged from **{FEWEST_QUESTIONS} questions**" in TEXT
    assert f"is below {MOST_CHANCE:g} **after Holm's correction**" in TEXT


def test_every_grade_is_described() -> None:
    assert all(f"| `{grade}` |" in TEXT for grade in GRADES)
