"""Steps in a history: which are significant, and between which runs."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from distill_fixtures.judge.steps import PastRun, Step, step_between, steps_of, why_no_steps
from distill_fixtures.records import Undefined
from tests.judge.judged_runs import as_json
from tests.report.made_up_run import MadeUpRun

Json = dict[str, Any]
NAMES = ("accuracy", "kappa", "inference_time_s", "disk_bytes", "peak_memory_bytes", "ttft_s")


@pytest.fixture(scope="module")
def made() -> Json:
    found: Json = as_json(MadeUpRun(questions=400).documents().metrics)
    return found


@pytest.fixture
def document(made: Json) -> Json:
    return copy.deepcopy(made)


def past(document: Json) -> PastRun:
    return PastRun(document, NAMES)


def told(before: Json, after: Json, name: str) -> Step:
    found = step_between(past(before), past(after), name)
    assert isinstance(found, Step), found
    return found


def with_accuracy(document: Json, correct: str) -> Json:
    """The run with other answers: its accuracy and a matching interval."""
    changed = copy.deepcopy(document)
    share = correct.count("1") / len(correct)
    half = 1.96 * math.sqrt(share * (1 - share) / len(correct))
    changed["student"]["accuracy"] |= {
        "correct_by_question": correct,
        "accuracy": share,
        "intervals": {"accuracy": [share - half, share + half]},
    }
    return changed


def with_speedup(document: Json, speedup: float, half_pct: float = 1.0) -> Json:
    changed = copy.deepcopy(document)
    changed["distillation"]["speedup"] = speedup
    width = 1 + half_pct / 100
    changed["distillation"]["intervals"]["speedup"] = [speedup / width, speedup * width]
    return changed


def test_the_same_run_takes_no_step(document: Json) -> None:
    for name in ("accuracy", "kappa", "inference_time_s", "disk_bytes"):
        step = told(document, document, name)
        assert (step.kind, step.change) == ("none", 0.0)


def test_answers_in_pairs(document: Json) -> None:
    """20 of 400 questions lost, and none gained, is no chance; the two intervals alone overlap."""
    one = "1" * 200 + "0" * 200
    two = "1" * 180 + "0" * 220
    step = told(with_accuracy(document, one), with_accuracy(document, two), "accuracy")
    assert step.kind == "worse"
    assert step.change == pytest.approx(-0.05)
    assert step.ci95 is not None
    assert step.ci95[0] < -0.05 < step.ci95[1] < 0
    # As many lost where as many others were gained: no pairing helps.
    shuffled = "0" * 110 + "1" * 180 + "0" * 110
    unsure = told(with_accuracy(document, one), with_accuracy(document, shuffled), "accuracy")
    assert unsure.kind == "none"
    back = told(with_accuracy(document, two), with_accuracy(document, one), "accuracy")
    assert back.kind == "better"


def test_other_figures_from_answers_by_their_own_intervals(document: Json) -> None:
    better = copy.deepcopy(document)
    better["distillation"]["fidelity"]["kappa"] += 0.3
    low, high = better["distillation"]["intervals"]["kappa"]
    better["distillation"]["intervals"]["kappa"] = [low + 0.3, high + 0.3]
    assert told(document, better, "kappa").kind == "better"


def test_times_by_the_speedup(document: Json) -> None:
    """The seconds themselves may say what they like."""
    before, after = with_speedup(document, 2.0), with_speedup(document, 1.8)
    after["student"]["benchmark"]["inference_time_s"] /= 10
    step = told(before, after, "inference_time_s")
    assert step.kind == "worse"
    assert step.change == pytest.approx(-10.0)
    assert step.ci95 is not None
    assert step.ci95[1] < 0
    assert told(after, before, "inference_time_s").kind == "better"
    assert told(with_speedup(document, 2.0, 20), after, "inference_time_s").kind == "none"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: d["environment"]["machine"].update(cpu="another"), "processor"),
        (lambda d: d["teacher"].update(digest="another"), "teacher"),
    ],
)
def test_times_only_between_comparable_runs(change: Any, what: str, document: Json) -> None:
    other = with_speedup(document, 9.0)
    change(other)
    found = step_between(past(document), past(other), "inference_time_s")
    assert isinstance(found, Undefined)
    assert what in found.reason
    assert isinstance(step_between(past(document), past(other), "accuracy"), Step)


def test_a_noisy_machine_takes_no_step(document: Json) -> None:
    noisy = with_speedup(document, 9.0)
    noisy["environment"]["machine_check"]["problems"] = [
        {"severity": "too_noisy", "sentence": "the host took the cores"}
    ]
    assert isinstance(step_between(past(document), past(noisy), "inference_time_s"), Undefined)


def test_any_change_of_a_size_is_a_step(document: Json) -> None:
    other = copy.deepcopy(document)
    other["student"]["size"]["disk_bytes"] += 1
    assert told(document, other, "disk_bytes") == Step("worse", 1.0, None)


def test_what_carries_no_interval_has_no_steps() -> None:
    assert why_no_steps("accuracy") is why_no_steps("inference_time_s") is None
    assert "measured once" in str(why_no_steps("peak_memory_bytes"))
    assert "speedup" in str(why_no_steps("ttft_s"))


def test_steps_are_from_the_latest_run_that_compares(document: Json) -> None:
    """The second run has other questions, so the third is held against the first."""
    other = copy.deepcopy(document)
    other["dataset"]["digest"] = "another"
    third = with_accuracy(document, "0" * 400)
    runs = [past(each) for each in (document, other, third, third)]
    kinds = [None if each is None else each.kind for each in steps_of(runs, "accuracy")]
    assert kinds == [None, None, "worse", "none"]


@pytest.mark.parametrize("values", [(None, 1.0), (1.0, None), (None, None)])
def test_a_missing_figure_takes_no_step(values: tuple[Any, Any], document: Json) -> None:
    one, other = copy.deepcopy(document), copy.deepcopy(document)
    for each, value in zip((one, other), values, strict=True):
        each["student"]["size"]["disk_bytes"] = value
    assert isinstance(step_between(past(one), past(other), "disk_bytes"), Undefined)


@pytest.mark.parametrize("speedup", [0.0, -1.0])
def test_a_speedup_that_is_none(speedup: float, document: Json) -> None:
    other = with_speedup(document, speedup)
    assert isinstance(step_between(past(document), past(other), "speedup"), Undefined)
