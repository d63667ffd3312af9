"""The parts of a page: what is computed for it, and what is left out."""

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np
import pytest

from distill_fixtures.records import Undefined
from distill_fixtures.report.earlier_version import in_this_version
from distill_fixtures.report.html.calibration_plot import reliability
from distill_fixtures.report.html.command_line import command_line
from distill_fixtures.report.html.criteria_cards import cards_of, gauge_of, slices_table
from distill_fixtures.report.html.flips import flip_table
from distill_fixtures.report.html.latency_plot import latencies_of
from distill_fixtures.report.html.memory_plot import thinned
from distill_fixtures.report.html.parts import Cell, Plot, table
from distill_fixtures.report.html.slice_plot import slice_plot
from distill_fixtures.report.html.slices import slices_of
from distill_fixtures.report.html.tradeoff_plot import Candidate, candidates_of, front
from tests.report.made_up_run import MadeUpRun


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    return MadeUpRun().documents().metrics


@pytest.fixture(scope="module")
def comparison() -> dict[str, Any]:
    made = MadeUpRun().documents().comparison
    assert made is not None
    return made


# Gauges.


def criterion(value: float | None, **more: Any) -> dict[str, Any]:
    plain = {
        "metric": "knowledge_retention_pct",
        "slice": None,
        "value": value,
        "ci95": None,
        "good": 85.0,
        "poor": 70.0,
        "grade": "good",
        "stability": None,
        "borderline": False,
        "samples": None,
        "p_value": None,
        "p_value_holm": None,
        "reason": None,
        "message": "",
    }
    return plain | more


@pytest.mark.parametrize(
    ("value", "place", "beyond"),
    [(70.0, 100 / 3, 0), (85.0, 200 / 3, 0), (77.5, 50.0, 0), (99.0, 97.77, 0), (30.0, 0.0, -1),
     (130.0, 100.0, 1)],
)  # fmt: skip
def test_a_value_stands_in_its_band(value: float, place: float, beyond: int) -> None:
    gauge = gauge_of(criterion(value, ci95=[value - 3, value + 3]))
    assert gauge is not None
    assert gauge.value is not None
    assert gauge.value == pytest.approx(place, abs=0.01)
    assert gauge.beyond == beyond
    low, middle, high = gauge.low, gauge.value, gauge.high
    assert low is not None
    assert middle is not None
    assert high is not None
    assert low <= middle <= high


def test_better_is_to_the_right_also_where_lower_is_better() -> None:
    low = criterion(0.1, metric="inference_time_s", good=0.2, poor=0.5, ci95=[0.05, 0.15])
    gauge = gauge_of(low)
    assert gauge is not None
    assert gauge.value is not None
    assert gauge.value > 200 / 3
    assert gauge.low is not None
    assert gauge.high is not None
    assert gauge.low < gauge.value < gauge.high


def test_bounds_that_are_equal_leave_no_band() -> None:
    for value, side in ((80.0, 1), (60.0, -1)):
        gauge = gauge_of(criterion(value, good=70.0, poor=70.0))
        assert gauge is not None
        assert gauge.value is not None
        assert (gauge.value - 50) * side > 0


def test_a_criterion_without_a_value_has_no_gauge() -> None:
    (card,) = cards_of([criterion(None, grade="not_judged", reason="a worker died")])
    assert card.gauge is None
    assert card.value == "—"
    assert card.reason == "a worker died"


def test_slices_stand_in_a_table_of_their_own() -> None:
    some = [criterion(50.0, slice=f"subdomain {n}", p_value_holm=0.01) for n in range(205)]
    assert cards_of(some) == []
    found = slices_table(some)
    assert found is not None
    assert len(found.rows) == 200
    assert found.notes == ("5 more of 205 criteria on slices are in the JSON file.",)
    assert slices_table([criterion(1.0)]) is None


# What is computed from the answers.


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_the_bins_are_those_of_the_calibration_error(
    role: str, metrics: dict[str, Any], comparison: dict[str, Any]
) -> None:
    bins = reliability([each[role] for each in comparison["predictions"]])
    total = sum(each.questions for each in bins)
    assert total == metrics["dataset"]["questions"]
    error = sum(each.questions / total * abs(each.right - each.sure) for each in bins)
    assert error == pytest.approx(metrics[role]["accuracy"]["expected_calibration_error"])


def test_slices_are_those_of_the_document(metrics: dict[str, Any]) -> None:
    found = slices_of(metrics, "subdomain")
    assert not isinstance(found, Undefined)
    recorded = metrics["distillation"]["accuracy_loss_by_subdomain"]
    assert {each.name for each in found} == recorded.keys()
    for each in found:
        assert each.change == recorded[each.name]["accuracy_loss"]
        assert each.difference == tuple(recorded[each.name]["ci95"])
        assert each.questions == recorded[each.name]["total"]
    assert [each.change for each in found] == sorted(each.change for each in found)


def test_a_slice_without_an_interval_says_why(metrics: dict[str, Any]) -> None:
    """A name with a dot in it is still a name."""
    changed = copy.deepcopy(metrics)
    losses = changed["distillation"]["accuracy_loss_by_subdomain"]
    for part in (losses, *(changed[r]["accuracy"]["by_subdomain"] for r in ("teacher", "student"))):
        part["Opt.ics"] = part.pop("Optics")
    losses["Opt.ics"]["ci95"] = None
    place = "distillation.accuracy_loss_by_subdomain.Opt.ics.ci95"
    changed["reasons"][place] = "one source"
    found = slices_of(changed, "subdomain")
    assert not isinstance(found, Undefined)
    missing = {each.name: each.difference for each in found if each.name == "Opt.ics"}
    assert missing == {"Opt.ics": Undefined("one source")}
    plot = slice_plot(changed, "subdomain")
    assert isinstance(plot, Plot)
    assert "1 have none: one source." in plot.caption


def test_slices_of_an_earlier_file_have_no_intervals(metrics: dict[str, Any]) -> None:
    pair = {k: v for k, v in metrics["distillation"].items() if not k.startswith("accuracy_loss_")}
    found = slice_plot(
        in_this_version(metrics | {"schema_version": 4, "distillation": pair}), "subdomain"
    )
    assert isinstance(found, Plot)
    assert "no intervals: a file of schema_version 4 does not have it." in found.caption


@pytest.mark.parametrize(
    ("kind", "right", "wrong"), [("lost", "teacher", "student"), ("gained", "student", "teacher")]
)
def test_flips_are_those_that_changed_sides_surest_first(
    kind: Literal["lost", "gained"], right: str, wrong: str, comparison: dict[str, Any]
) -> None:
    flips = {
        each["id"]: max(each[right]["probabilities"])
        for each in comparison["predictions"]
        if each[right]["correct"] and not each[wrong]["correct"]
    }
    found = flip_table(comparison, kind)
    names = [row[0].text for row in found.rows]
    assert f"({len(flips)})" in found.caption
    assert set(names) <= flips.keys()
    assert len(names) == min(15, len(flips))
    sure = [flips[name] for name in names]
    assert sure == sorted(flips.values(), reverse=True)[: len(names)]


def test_an_answer_is_a_letter_with_its_probability() -> None:
    teacher = {"answer": 1, "correct": True, "probabilities": [0.25, 0.75]}
    student = {"answer": 0, "correct": False, "probabilities": [0.5, 0.5]}
    unparsed = {"answer": None, "correct": False, "text": "well\nwell"}
    base = {"id": "q", "subdomain": "Optics", "reference": 1, "teacher": teacher}
    found = flip_table(
        {"predictions": [base | {"student": student}, base | {"student": unparsed}]}, "lost"
    )
    said = [each.text.replace("\N{NO-BREAK SPACE}", " ") for each in found.rows[0]]
    assert said == ["q", "B", "B 0.750", "A 0.500, B 0.500"]
    assert found.rows[0][0].note == "Optics"
    assert found.rows[1][-1] == Cell("no answer found", note="well well")


# Times and memory.


def test_latencies_are_the_raw_samples(metrics: dict[str, Any]) -> None:
    told = latencies_of(metrics)
    assert not isinstance(told, Undefined)
    size, found = told
    assert size == 1
    for each in found:
        p50 = metrics[each.role]["benchmark"]["latency_p50_s"]
        assert float(np.median(each.seconds)) == pytest.approx(p50)
        assert each.percentiles["latency_p50_s"] == p50


def test_a_long_curve_keeps_its_peaks() -> None:
    generator = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in enumerate(generator.random(10_000))]
    points[1234] = (1234.0, 7.0)
    points[4321] = (4321.0, -3.0)
    kept = thinned(points)
    assert len(kept) <= 402
    assert {points[1234], points[4321]} <= set(kept)
    assert kept == sorted(kept)
    assert set(kept) <= set(points)


def test_nobody_on_the_front_is_beaten(metrics: dict[str, Any]) -> None:
    generator = np.random.default_rng(1)
    some = [
        Candidate(f"{n}", "student", a, None, {"disk_bytes": c}, {})
        for n, (a, c) in enumerate(generator.random((40, 2)).tolist())
    ]
    some.append(Candidate("unknown", "student", 2.0, None, {"disk_bytes": None}, {}))
    kept = front(some, "disk_bytes")

    def beaten(one: Candidate) -> bool:
        cost = one.costs["disk_bytes"]
        return cost is None or any(
            other.accuracy >= one.accuracy
            and (other.costs["disk_bytes"] or 9) <= cost
            and other is not one
            for other in some
        )

    assert {each.name for each in kept} == {each.name for each in some if not beaten(each)}
    assert [each.role for each in candidates_of(metrics)] == ["teacher", "student", "control"]


# Words.


def test_the_command_line_leaves_defaults_out() -> None:
    options = {
        "--teacher-model": "demo:teacher",
        "--student-model": "my student",
        "--control-model": None,
        "--distill-batch-sizes": [1, 8],
        "--distill-max-seconds": 60.0,
        "--distill-limit": 5,
        "--distill-rehash": True,
        "--distill-allow-pickle": False,
        "--of-another-version": [1, 2],
    }
    assert command_line(options).split(" \\\n  ") == [
        "pytest",
        "'--student-model=my student'",
        "--distill-limit=5",
        "--distill-rehash",
        "--of-another-version=1,2",
    ]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has not 2 cells"):
        table("a table", ("one", "two"), [("1",)])
