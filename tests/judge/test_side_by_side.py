"""Several runs side by side: what compares, the front, pairs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from scipy.stats import binomtest

from distill_fixtures.judge.replay import replayed_questions
from distill_fixtures.judge.side_by_side import (
    Cell,
    Contestant,
    cell_of,
    front,
    pair_tests,
)
from distill_fixtures.metrics.multiple import holm
from distill_fixtures.records import Undefined
from tests.judge.judged_runs import as_json
from tests.report.made_up_run import MadeUpRun

Json = dict[str, Any]


@pytest.fixture(scope="module")
def documents() -> tuple[Json, Json]:
    made = MadeUpRun().documents()
    return as_json(made.metrics), as_json(made.comparison)


@pytest.fixture
def document(documents: tuple[Json, Json]) -> Json:
    return copy.deepcopy(documents[0])


def with_answers(document: Json, changed: int) -> Json:
    """The same run with that many of the student's answers turned from the front."""
    text = document["student"]["accuracy"]["correct_by_question"]
    turned = "".join("10"[int(each)] for each in text[:changed]) + text[changed:]
    copied = copy.deepcopy(document)
    copied["student"]["accuracy"]["correct_by_question"] = turned
    return copied


def test_a_run_compares_with_itself_and_its_like(document: Json) -> None:
    one, other = Contestant(document, None), Contestant(copy.deepcopy(document), None)
    for name in ("accuracy", "inference_time_s", "disk_bytes", "speedup", "peak_memory_bytes"):
        cell = cell_of(other, one, name)
        assert cell.value is not None, (name, cell.why)
        assert cell.why is None
    assert cell_of(other, one, "accuracy").ci95 is not None
    assert cell_of(other, one, "disk_bytes").ci95 is None


CHANGES: dict[str, Callable[[Json], object]] = {
    "torch": lambda d: d["environment"]["versions"].update(torch="1.0"),
    "processor": lambda d: d["environment"]["machine"].update(cpu="another"),
    "teacher": lambda d: d["teacher"].update(digest="another"),
    "threads": lambda d: d["timing"]["1"].update(threads=64),
    "questions": lambda d: d["dataset"].update(digest="another"),
    "prompt": lambda d: d["dataset"].update(prompt_digest="another"),
    "control": lambda d: d["control"].update(digest="another"),
}
NAMES = (
    *("accuracy", "knowledge_retention_pct", "inference_time_s", "disk_bytes"),
    *("size_reduction_pct", "peak_memory_bytes", "control_difference"),
)


@pytest.mark.parametrize(
    ("change", "kept_apart"),
    [
        ("torch", {"inference_time_s", "peak_memory_bytes"}),
        ("processor", {"inference_time_s", "peak_memory_bytes"}),
        ("threads", {"inference_time_s"}),
        (
            "teacher",
            {
                *("knowledge_retention_pct", "inference_time_s"),
                *("size_reduction_pct", "control_difference"),
            },
        ),
        ("questions", set(NAMES) - {"disk_bytes", "size_reduction_pct"}),
        ("prompt", set(NAMES) - {"disk_bytes", "size_reduction_pct"}),
        ("control", {"control_difference"}),
    ],
)
def test_what_differs_keeps_apart_what_hangs_on_it(
    change: str, kept_apart: set[str], document: Json
) -> None:
    other = copy.deepcopy(document)
    CHANGES[change](other)
    one = Contestant(document, None)
    cells = {name: cell_of(Contestant(other, None), one, name) for name in NAMES}
    assert {name for name, cell in cells.items() if cell.value is None} == kept_apart
    for name in kept_apart:
        assert str(cells[name].why).startswith(f"{change}: ")
        assert "here, " in str(cells[name].why)


def test_what_was_not_measured_says_why(document: Json) -> None:
    one = Contestant(document, None)
    cell = cell_of(one, one, "load_time_cold_s")
    assert cell == Cell(None, why="the files are mapped")


def test_times_of_a_noisy_machine_are_not_shown(document: Json) -> None:
    document["environment"]["machine_check"]["problems"] = [
        {"severity": "too_noisy", "sentence": "the host took the cores"}
    ]
    one = Contestant(document, None)
    assert "too noisy to judge by: the host" in str(cell_of(one, one, "ttft_s").why)
    assert cell_of(one, one, "accuracy").value is not None


# The front.


def cells(*values: float | None) -> list[Cell]:
    return [Cell(value) for value in values]


def test_the_front_of_each_cost() -> None:
    marks = front(
        {
            "accuracy": cells(0.9, 0.8, 0.7, None),
            "inference_time_s": cells(2.0, 1.0, 3.0, 0.1),
            "disk_bytes": cells(50.0, None, 40.0, 1.0),
        }
    )
    assert marks == [("time", "size"), ("time",), ("size",), ()]


def test_no_front_without_figures() -> None:
    marks = front(
        {
            "accuracy": cells(None, None),
            "inference_time_s": cells(1.0, 2.0),
            "disk_bytes": cells(1.0, 2.0),
        }
    )
    assert marks == [(), ()]


# Pairs.


def test_pairs_are_mcnemars_with_holms_correction(documents: tuple[Json, Json]) -> None:
    document, comparison = documents
    questions = replayed_questions(comparison)
    runs = [Contestant(with_answers(document, count), questions) for count in (0, 9, 40)]
    found = pair_tests(runs)
    assert [(each.first, each.second) for each in found] == [(0, 1), (0, 2), (1, 2)]
    texts = [each.document["student"]["accuracy"]["correct_by_question"] for each in runs]
    p_values = []
    for each in found:
        pairs = list(zip(texts[each.first], texts[each.second], strict=True))
        only = (pairs.count(("1", "0")), pairs.count(("0", "1")))
        assert (each.only_first, each.only_second) == only
        assert each.difference == pytest.approx((only[0] - only[1]) / len(pairs))
        p_values.append(binomtest(only[0], sum(only)).pvalue)
        assert each.p == pytest.approx(p_values[-1])
        assert not isinstance(each.ci95, Undefined)
        assert each.ci95[0] < each.difference < each.ci95[1]
        assert each.sources_known
    assert [each.p_holm for each in found] == pytest.approx(list(holm(p_values)))


def test_the_order_of_the_files_changes_signs_alone(document: Json) -> None:
    one, other = (Contestant(with_answers(document, changed), None) for changed in (3, 20))
    (there,), (back,) = pair_tests([one, other]), pair_tests([other, one])
    assert not isinstance(there.ci95, Undefined)
    assert not isinstance(back.ci95, Undefined)
    assert back.ci95 == (-there.ci95[1], -there.ci95[0])
    assert back.difference == -there.difference
    assert back.p == there.p


def test_shared_sources_widen_the_interval(documents: tuple[Json, Json]) -> None:
    document, comparison = documents
    for record in comparison["predictions"]:
        record["source"] = f"page {int(record['id'][1:]) // 10}"
    questions = replayed_questions(comparison)
    other = with_answers(document, 40)
    known = pair_tests([Contestant(document, questions), Contestant(other, None)])[0]
    alone = pair_tests([Contestant(document, None), Contestant(other, None)])[0]
    assert known.sources_known
    assert not alone.sources_known
    widths = [
        each.ci95[1] - each.ci95[0] for each in (known, alone) if isinstance(each.ci95, tuple)
    ]
    assert len(widths) == 2
    assert widths[0] > widths[1]


@pytest.mark.parametrize("change", ["questions", "prompt"])
def test_other_questions_make_no_pair(change: str, document: Json) -> None:
    other = copy.deepcopy(document)
    CHANGES[change](other)
    assert pair_tests([Contestant(document, None), Contestant(other, None)]) == []


def test_another_teacher_and_machine_make_a_pair(document: Json) -> None:
    other = copy.deepcopy(document)
    CHANGES["teacher"](other)
    CHANGES["processor"](other)
    assert len(pair_tests([Contestant(document, None), Contestant(other, None)])) == 1


def test_who_answered_nothing_is_in_no_pair(document: Json) -> None:
    other = copy.deepcopy(document)
    other["student"]["accuracy"]["correct_by_question"] = None
    assert pair_tests([Contestant(document, None), Contestant(other, None)]) == []
    assert pair_tests([Contestant(document, None)]) == []
