"""Comparisons with a baseline judged again: as they would have been by the other tolerance."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from distill_fixtures.judge.plain_results import regression_record
from distill_fixtures.judge.regression import RegressionResult, judge_regression
from distill_fixtures.judge.regression_again import compare_documents, regression_again
from distill_fixtures.judge.run_figures import ProcessRounds, RunFigures
from distill_fixtures.metrics.process_ratios import RoundTimes
from distill_fixtures.records import Undefined
from tests.judge.judged_runs import as_json
from tests.report.made_up_run import MadeUpRun

TOLERANCES = (0.0, 1.0, 5.0, 20.0, 60.0)
CONDITIONS = {"teacher": "t", "timing device": "cpu", "timing number format": "f", "threads": "2"}
SAME = np.arange(200) % 3 != 0
WORSE = SAME & (np.arange(200) % 10 != 1)


def a_run(slower: float, seed: int, correct: np.ndarray[Any, Any], size: float) -> RunFigures:
    generator = np.random.default_rng(seed)

    def times(scale: float) -> RoundTimes:
        seconds = tuple((scale * (1 + 0.02 * generator.random(5))).tolist())
        return RoundTimes(seconds, seconds, seconds)

    values: dict[str, float] = {"disk_bytes": size, "accuracy": float(correct.mean())}
    return RunFigures(
        conditions=CONDITIONS,
        value=lambda name: values.get(name, Undefined("not told")),
        student_correct=correct.tolist(),
        teacher_correct=SAME.tolist(),
        processes=[ProcessRounds(times(2.0), times(slower)) for _ in range(5)],
    )


BEFORE = a_run(1.0, 0, SAME, 1000)
AFTER = {
    "the same": BEFORE,
    "a little slower": a_run(1.06, 1, SAME, 1050),
    "much slower": a_run(1.5, 2, WORSE, 1600),
    "faster": a_run(0.7, 3, SAME | (np.arange(200) % 30 == 0), 500),
}
METRICS = ("inference_time_s", "speedup", "decode_tokens_per_s", "accuracy", "disk_bytes")


def compared(name: str, tolerance: float, after: RunFigures) -> RegressionResult:
    return judge_regression(name, tolerance, BEFORE, after, looks=2)


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("name", METRICS)
def test_it_comes_out_as_by_that_tolerance(name: str, after: str) -> None:
    for recorded in TOLERANCES:
        record = as_json(regression_record(compared(name, recorded, AFTER[after])))
        for tolerance in TOLERANCES:
            (again,) = regression_again([record], {name: tolerance})
            wanted = compared(name, tolerance, AFTER[after])
            assert as_json(regression_record(again)) == as_json(regression_record(wanted))


def test_all_verdicts_are_among_them() -> None:
    found = {
        compared(name, tolerance, after).verdict
        for name in METRICS
        for tolerance in TOLERANCES
        for after in AFTER.values()
    }
    assert found == {"pass", "fail", "inconclusive"}


def test_what_did_not_compare_still_does_not() -> None:
    elsewhere = RunFigures(
        CONDITIONS | {"torch": "1"}, lambda name: 1.0, [True], [True], BEFORE.processes
    )
    here = RunFigures(
        CONDITIONS | {"torch": "2"}, lambda name: 1.0, [True], [True], BEFORE.processes
    )
    result = judge_regression("inference_time_s", 5.0, elsewhere, here)
    assert result.verdict == "not_comparable"
    (again,) = regression_again([as_json(regression_record(result))], {"inference_time_s": 50.0})
    assert (again.verdict, again.reason) == ("not_comparable", result.reason)
    assert [each.what for each in again.differences] == ["torch"]


def test_a_metric_without_a_tolerance_is_dropped() -> None:
    record = as_json(regression_record(compared("accuracy", 5.0, BEFORE)))
    assert regression_again([record], {"disk_bytes": 5.0}) == ()


def test_two_documents_are_compared() -> None:
    before = as_json(MadeUpRun().documents().metrics)
    after = copy.deepcopy(before)
    after["student"]["size"]["disk_bytes"] *= 2
    found = compare_documents(before, after, {"disk_bytes": 5.0, "accuracy": 5.0}, ())
    assert {each.metric: each.verdict for each in found} == {
        "disk_bytes": "fail",
        "accuracy": "pass",
    }


def test_answers_to_unlike_numbers_of_questions() -> None:
    few = RunFigures(CONDITIONS, lambda name: 0.5, [True, False], [True, True], BEFORE.processes)
    result = judge_regression("accuracy", 5.0, BEFORE, few)
    assert result.verdict == "not_comparable"
    assert result.reason == "200 answers there and 2 here"


def test_times_of_any_size_lead_to_a_number() -> None:
    def run(seconds: float) -> RunFigures:
        times = [
            ProcessRounds(RoundTimes((1.0,), (1.0,), (1.0,)), RoundTimes((each,), (1.0,), (1.0,)))
            for each in (seconds, seconds * 1.1)
        ]
        return RunFigures(CONDITIONS, lambda name: 1.0, [True], [True], times)

    result = judge_regression("inference_time_s", 5.0, run(1e-300), run(1e300))
    assert result.verdict == "fail"
    assert result.change_pct is not None
    assert np.isfinite(result.change_pct)
