"""A figure against an earlier run's: times by process, answers in pairs, sizes exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from distill_fixtures.judge.comparability import TIMING
from distill_fixtures.judge.criteria import Gate
from distill_fixtures.judge.regression import (
    RegressionVerdict,
    fails_regression,
    judge_regression,
)
from distill_fixtures.judge.run_figures import ProcessRounds, RunFigures, figures_of_document
from distill_fixtures.metrics.process_ratios import RoundTimes
from distill_fixtures.records import Undefined
from tests.report.made_up_run import MadeUpRun

RIGHT = (True,) * 80 + (False,) * 20


def process(ratio: float, *, rounds: int = 5) -> ProcessRounds:
    """A process in which the student takes ``ratio`` times its teacher's time, round by round."""
    teacher = RoundTimes((1.0, 1.1, 0.9, 1.0, 1.05)[:rounds], (0.1,) * rounds, (0.02,) * rounds)
    student = RoundTimes(
        tuple(ratio * each for each in teacher.seconds),
        tuple(ratio * each for each in teacher.ttft_s if each is not None),
        tuple(ratio * each for each in teacher.tpot_s if each is not None),
    )
    return ProcessRounds(teacher, student)


def run(
    ratios: Sequence[float] | None = (0.5, 0.501, 0.499, 0.5, 0.5),
    *,
    student: Sequence[bool] | Undefined = RIGHT,
    teacher: Sequence[bool] | Undefined = (True,) * 90 + (False,) * 10,
    values: Mapping[str, float] | None = None,
    conditions: Mapping[str, str] | None = None,
) -> RunFigures:
    known = {"inference_time_s": 0.5, "accuracy": 0.8, "disk_bytes": 1000.0, "speedup": 2.0}
    known |= values or {}
    return RunFigures(
        conditions=dict.fromkeys(TIMING, "t")
        | dict(conditions or {"questions": "q", "torch": "2"}),
        value=lambda name: known.get(name, Undefined("not measured")),
        student_correct=student,
        teacher_correct=teacher,
        processes=Undefined("none was timed")
        if ratios is None
        else tuple(process(each) for each in ratios),
    )


def slower(percent: float) -> RunFigures:
    return run([ratio * (1 + percent / 100) for ratio in (0.5, 0.501, 0.499, 0.5, 0.5)])


@pytest.mark.parametrize(
    ("percent", "verdict"),
    [(0, "pass"), (-20, "pass"), (4, "pass"), (5, "inconclusive"), (7, "fail"), (20, "fail")],
)
def test_times_are_judged_by_the_whole_interval(percent: float, verdict: str) -> None:
    result = judge_regression("inference_time_s", 5.0, run(), slower(percent))
    assert result.verdict == verdict
    assert result.change_pct == pytest.approx(percent)
    assert result.ci95 is not None
    assert result.ci95[0] < percent < result.ci95[1]
    assert "5 and 5 processes" in result.basis


def test_a_case_by_hand() -> None:
    """Welch's interval of two samples of log ratios, from SciPy."""
    from scipy import stats

    before, after = [0.50, 0.52, 0.51, 0.49, 0.50], [0.53, 0.54, 0.52, 0.53, 0.55, 0.50]
    result = judge_regression("inference_time_s", 5.0, run(before), run(after))
    reference = stats.ttest_ind(np.log(after), np.log(before), equal_var=False)
    low, high = reference.confidence_interval(0.95)
    assert result.change_pct == pytest.approx(
        100 * math.expm1(np.log(after).mean() - np.log(before).mean())
    )
    assert result.ci95 == pytest.approx((100 * math.expm1(low), 100 * math.expm1(high)))


def test_several_looks_make_the_interval_wider() -> None:
    one, two = (
        judge_regression("inference_time_s", 5.0, run(), slower(3), looks=n) for n in (1, 2)
    )
    assert one.ci95 is not None
    assert two.ci95 is not None
    assert two.ci95[0] < one.ci95[0] < one.ci95[1] < two.ci95[1]


def test_a_rate_falls_where_the_time_rises() -> None:
    result = judge_regression("speedup", 5.0, run(), slower(10))
    assert result.verdict == "fail"
    assert result.change_pct == pytest.approx(100 * (1 / 1.1 - 1))
    assert result.ci95 is not None
    assert result.ci95[0] < 100 * (1 / 1.1 - 1) < result.ci95[1]
    # A time 5.2 % longer is a rate 4.94 % lower.
    assert judge_regression("speedup", 5.0, run(), slower(4.5)).verdict == "pass"


def test_accuracy_by_the_paired_difference() -> None:
    same = judge_regression("accuracy", 3.0, run(), run())
    assert (same.verdict, same.change_pct) == ("pass", 0)
    lost = (False,) * 20 + RIGHT[20:]
    worse = judge_regression("accuracy", 3.0, run(), run(student=lost))
    assert worse.verdict == "fail"
    assert worse.change_pct == pytest.approx(-25.0)
    assert worse.ci95 is not None
    assert worse.ci95[0] < -25 < worse.ci95[1] < -3
    unsure = (False,) * 3 + RIGHT[3:]
    assert judge_regression("accuracy", 3.0, run(), run(student=unsure)).verdict == "inconclusive"


def test_retention_compares_under_the_same_teacher_alone() -> None:
    same = judge_regression("knowledge_retention_pct", 3.0, run(), run())
    assert same.verdict == "pass"
    other = run(teacher=(True,) * 89 + (False,) * 11)
    result = judge_regression("knowledge_retention_pct", 3.0, run(), other)
    assert result.verdict == "not_comparable"
    assert result.reason is not None
    assert "teacher" in result.reason


@pytest.mark.parametrize(
    ("now", "verdict", "change"),
    [(1000.0, "pass", 0.0), (1050.0, "pass", 5.0), (1051.0, "fail", 5.1), (500.0, "pass", -50.0)],
)
def test_sizes_exactly(now: float, verdict: str, change: float) -> None:
    result = judge_regression("disk_bytes", 5.0, run(), run(values={"disk_bytes": now}))
    assert result.verdict == verdict
    assert result.change_pct == pytest.approx(change)
    assert result.ci95 is None


def test_another_machine_stops_seconds_and_not_accuracy() -> None:
    elsewhere = run(conditions={"questions": "q", "torch": "3"})
    times = judge_regression("inference_time_s", 5.0, run(), elsewhere)
    assert times.verdict == "not_comparable"
    assert "torch: 2 in the baseline, 3 now" in times.message
    assert judge_regression("accuracy", 5.0, run(), elsewhere).verdict == "pass"
    assert judge_regression("disk_bytes", 5.0, run(), elsewhere).verdict == "pass"


@pytest.mark.parametrize(
    ("name", "baseline", "current", "verdict"),
    [
        ("inference_time_s", run(None), run(), "not_comparable"),
        ("inference_time_s", run(), run(None), "not_judged"),
        ("inference_time_s", run(), run([0.5]), "not_judged"),
        ("inference_time_s", run([0.5]), run(), "not_comparable"),
        ("accuracy", run(student=(False,) * 100), run(), "not_comparable"),
        ("disk_bytes", run(values={"disk_bytes": 0.0}), run(), "not_comparable"),
        ("accuracy", run(student=Undefined("?")), run(), "not_comparable"),
        ("accuracy", run(), run(student=Undefined("?")), "not_judged"),
        ("peak_memory_bytes", run(), run(), "not_comparable"),
        ("peak_memory_bytes", run(values={"peak_memory_bytes": 1.0}), run(), "not_judged"),
    ],
)
def test_what_is_missing_where(
    name: str, baseline: RunFigures, current: RunFigures, verdict: str
) -> None:
    result = judge_regression(name, 5.0, baseline, current)
    assert result.verdict == verdict
    assert result.reason
    assert result.change_pct is None
    assert "next:" in result.message


@pytest.mark.parametrize(
    ("verdict", "by_default", "strict", "lenient"),
    [
        ("pass", False, False, False),
        ("fail", True, True, True),
        ("inconclusive", False, True, False),
        ("not_comparable", False, False, False),
        ("not_judged", True, True, False),
    ],
)
def test_what_fails_a_run(
    verdict: RegressionVerdict, by_default: bool, strict: bool, lenient: bool
) -> None:
    result = replace(judge_regression("accuracy", 3.0, run(), run()), verdict=verdict)
    gates = (Gate(), Gate(borderline="fail"), Gate(fail_on=("poor",)))
    assert [fails_regression(result, gate) for gate in gates] == [by_default, strict, lenient]


def test_a_student_that_is_never_right_passes_against_itself() -> None:
    never = run(student=(False,) * 100)
    assert judge_regression("accuracy", 3.0, never, never).verdict == "pass"


def without_tokens(one: ProcessRounds) -> ProcessRounds:
    """The same process with classifiers in it."""
    none = (None,) * len(one.teacher.seconds)
    teacher, student = (RoundTimes(each.seconds, none, none) for each in (one.teacher, one.student))
    return ProcessRounds(teacher, student)


@pytest.mark.parametrize(
    "name", ["ttft_s", "tpot_s", "tokens_per_s", "decode_tokens_per_s", "prefill_tokens_per_s"]
)
def test_figures_about_tokens_do_not_compare_between_classifiers(name: str) -> None:
    plain = run()
    assert not isinstance(plain.processes, Undefined)
    classifiers = replace(plain, processes=tuple(map(without_tokens, plain.processes)))
    result = judge_regression(name, 5.0, classifiers, classifiers)
    assert result.verdict == "not_comparable"
    assert "a classifier writes no tokens" in str(result.reason)
    assert judge_regression(name, 5.0, plain, classifiers).verdict == "not_judged"
    assert judge_regression("speedup", 5.0, classifiers, classifiers).verdict == "pass"
    assert judge_regression("inference_time_s", 5.0, classifiers, classifiers).verdict == "pass"


def test_times_of_a_machine_too_noisy_are_none() -> None:
    """Also in a file that was named: no time of it is compared."""
    document = MadeUpRun(questions=20).documents().metrics
    times = {"seconds": [1.0], "ttft_s": [0.1], "tpot_s": [None]}
    process = {"load_s": 1.0, "teacher": times, "student": times}
    document["process_timing"] = {"processes": [process] * 5}
    assert figures_of_document(document).log_ratios("seconds") == (0.0,) * 5
    problem = {"severity": "too_noisy", "sentence": "the host took half of its cores' time"}
    document["environment"]["machine_check"]["problems"] = [problem]
    found = figures_of_document(document).log_ratios("seconds")
    assert isinstance(found, Undefined)
    assert "the host took half" in found.reason


def test_figures_come_out_of_a_document() -> None:
    """The published document holds all that a comparison needs."""
    built = MadeUpRun(questions=40).documents()
    figures = figures_of_document(built.metrics)
    assert built.comparison is not None
    correct = [each["student"]["correct"] for each in built.comparison["predictions"]]
    assert figures.student_correct == tuple(correct)
    for name, path in {
        "disk_bytes": ("student", "size", "disk_bytes"),
        "accuracy": ("student", "accuracy", "accuracy"),
        "inference_time_s": ("student", "benchmark", "inference_time_s"),
        "peak_memory_bytes": ("student", "memory", "peak_memory_bytes"),
        "speedup": ("distillation", "speedup"),
        "agreement": ("distillation", "fidelity", "agreement"),
    }.items():
        value: Any = built.metrics
        for key in path:
            value = value[key]
        assert figures.value(name) == value
    assert isinstance(figures.processes, Undefined)
    assert isinstance(figures.log_ratios("seconds"), Undefined)
