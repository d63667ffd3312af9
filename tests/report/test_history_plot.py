"""Dots and intervals in letters."""

from __future__ import annotations

import pytest

from distill_fixtures.report.history_plot import Dot, change_text, plot


def drawn(name: str, *dots: Dot, width: int = 80) -> list[str]:
    return [line.plain for line in plot(name, dots, width)]


def dot(value: float | None, *ci95: float, whole: bool = True, mark: str = "") -> Dot:
    ends = (ci95[0], ci95[1]) if ci95 else None
    return Dot("2026-01-02 03:04", value, ends, whole, mark)


def test_a_line_a_run_on_one_scale() -> None:
    scale, *lines = drawn(
        "accuracy",
        dot(0.5, 0.4, 0.6),
        dot(0.8, 0.7, 0.9, mark="better"),
        dot(0.4, 0.3, 0.5, whole=False, mark="worse"),
    )
    assert scale.split() == ["30.0", "%", "90.0", "%"]
    assert len({line.index("├") for line in lines}) == 3
    for line in lines:
        assert line.startswith("2026-01-02 03:04 ")
        assert len(line.rstrip()) <= 80
    first, second, third = lines
    assert "50.0 %" in first
    assert first.index("├") < first.index("●") < first.index("┤")
    assert second.endswith("▲ better")
    assert third.endswith("▼ worse")
    assert "○" in third
    assert "●" not in third
    assert third.index("├") < first.index("├") < second.index("├")


def test_the_ends_of_the_scale_are_the_outermost_ends() -> None:
    scale, low, high = drawn("accuracy", dot(0.2), dot(0.8))
    assert low.index("●") == scale.index("20.0 %")
    assert high.index("●") == len(scale) - 1


@pytest.mark.parametrize("width", [80, 200, 40])
def test_it_fits(width: int) -> None:
    lines = drawn("disk_bytes", dot(1e9, mark="worse"), dot(2e9), width=width)
    assert max(map(len, lines)) <= max(width, 60)


def test_one_value_stands_in_the_middle() -> None:
    _, line = drawn("accuracy", dot(0.5))
    assert line.count("●") == 1


def test_what_is_missing_has_no_line() -> None:
    assert drawn("accuracy", dot(None), dot(None)) == []
    assert len(drawn("accuracy", dot(None), dot(0.5))) == 2


@pytest.mark.parametrize("value", [0.0, -1e308, 1e308, 5e-324])
def test_odd_numbers(value: float) -> None:
    lines = drawn("kappa", dot(value, min(value, -1e308), max(value, 1e308)), dot(0.5))
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("accuracy", 0.031, "+3.1 points"),
        ("accuracy", -0.031, "-3.1 points"),
        ("accuracy_delta", 0.02, "+2.0 points"),
        ("knowledge_retention_pct", -4.0, "-4.0 points"),
        ("disk_bytes", -2_000_000, "-2.00 MB"),
        ("kappa", 0.25, "+0.250"),
    ],
)
def test_changes_in_words(name: str, change: float, text: str) -> None:
    assert change_text(name, change) == text
