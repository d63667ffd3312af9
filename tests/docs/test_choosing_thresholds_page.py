"""docs/choosing-thresholds.md: its table is the study's, and its examples mean what it says."""

from __future__ import annotations

import math
import re
from statistics import NormalDist

import pytest

from distill_fixtures.judge.criteria import Thresholds
from studies.threshold_odds import cells_of, chance_of_poor, retention_interval, table
from tests.docs.pages import ROOT, blocks_of
from tests.docs.readers import thresholds_of

PAGE = "docs/choosing-thresholds.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def test_the_table_is_what_the_study_prints() -> None:
    """In numbers too, but for what another version of NumPy may draw."""
    shown = next(each.text for each in blocks_of(PAGE) if "95 % intervals" in each.text)
    printed = "\n".join(table(0.9, 80.0, 0.02)) + "\n"
    assert NUMBER.sub("#", shown) == NUMBER.sub("#", printed)
    numbers = [[float(each) for each in NUMBER.findall(text)] for text in (shown, printed)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1.0)


@pytest.mark.parametrize(("questions", "kept_pct"), [(500, 82.0), (1000, 78.0), (3000, 80.5)])
def test_odds_are_those_of_the_normal_approximation(questions: int, kept_pct: float) -> None:
    """Short of the bound: s - 0.8 t < 0, a sum over independent questions."""
    both, lost, gained, neither = cells = cells_of(0.9, kept_pct, 0.02)
    steps = ((0.2, both), (-0.8, lost), (1.0, gained), (0.0, neither))
    mean = sum(value * share for value, share in steps)
    variance = sum(value**2 * share for value, share in steps) - mean**2
    wanted = NormalDist(mean, math.sqrt(variance / questions)).cdf(0.0)
    assert chance_of_poor(cells, questions, 80.0) == pytest.approx(wanted, abs=0.02)


def test_intervals_narrow_with_the_root() -> None:
    cells = cells_of(0.9, 80.0, 0.02)
    widths = [high - low for low, high in (retention_interval(cells, n) for n in (200, 800))]
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.05)


def test_there_is_no_student_with_more_than_all_questions() -> None:
    with pytest.raises(ValueError, match="no student"):
        cells_of(0.9, 120.0, 0.02)


def examples() -> dict[str, Thresholds]:
    """By the words in bold before them; the file of the last section is one of them again."""
    text = (ROOT / PAGE).read_text("utf-8")
    lines = text.splitlines()
    found = {}
    for block in blocks_of(PAGE):
        if block.language == "toml" and block.file_name is None:
            above = "\n".join(lines[: block.line])
            found[re.findall(r"^\*\*(.+?)\*\*", above, re.MULTILINE)[-1]] = thresholds_of(block)
    return found


def test_the_examples_mean_what_the_page_says() -> None:
    found = examples()
    assert len(found) == 7
    assert found["Replace the teacher for everybody."].gate.borderline == "fail"
    assert found["Research."].gate.fail_on == ()
    alone = found["Only the comparison with the main branch."]
    assert alone.criteria == ()
    assert {*alone.regression_tolerance_pct} == {"accuracy", "inference_time_s"}
    slices = found["A subject that must not suffer."].criteria
    assert [str(each.slice) for each in slices if each.slice] == [
        "every subdomain",
        "subdomain Optics",
    ]
