"""A machine too noisy to time on: times are told, and not judged."""

from __future__ import annotations

import pytest

from distill_fixtures.judge.criteria import Criterion
from distill_fixtures.metrics.sections import PAIR_SECTIONS
from distill_fixtures.plugin.judging import Judge
from distill_fixtures.plugin.store import SessionStore
from distill_fixtures.report.terminal import closing_text
from tests.measure.machine.made_up_machine import make_check, make_load
from tests.report.made_up_run import MadeUpRun

SPEED = Criterion("speed_improvement_pct", good=30.0, poor=0.0)
FIRST_TOKEN = Criterion("ttft_s", good=0.5, poor=1.0)
RETENTION = Criterion("knowledge_retention_pct", good=50.0, poor=10.0)


def store(**others_cores: float) -> SessionStore:
    """A session on two cores.

    Args:
        others_cores: that others used while each batch size was timed, ``batch_1`` and so on.
    """
    made = MadeUpRun().store()
    made.machine.before = make_check()
    for name, cores in others_cores.items():
        size = int(name.removeprefix("batch_"))
        made.machine.during[size] = make_load(others_cores=cores)
    return made


def grades(of: SessionStore) -> dict[str, str]:
    judge = Judge(of, of.inputs.thresholds, [])
    return {each.metric: judge(each).grade for each in (SPEED, FIRST_TOKEN, RETENTION)}


@pytest.mark.parametrize("others", [0.0, 1.0, 1.4])
def test_a_busy_neighbour_is_left_to_the_interval(others: float) -> None:
    assert grades(store(batch_1=others)) == grades(store())
    assert grades(store())["speed_improvement_pct"] == "good"


def test_times_are_not_judged_and_answers_are() -> None:
    noisy = store(batch_1=1.9)
    assert grades(noisy) == {
        "speed_improvement_pct": "not_judged",
        "ttft_s": "not_judged",
        "knowledge_retention_pct": grades(store())["knowledge_retention_pct"],
    }
    result = Judge(noisy, noisy.inputs.thresholds, [])(SPEED)
    assert result.reason is not None
    assert "1.9 of 2 cores" in result.reason
    assert result.value is not None


def test_only_the_noisy_batch_size_counts() -> None:
    noisy = store(batch_4=1.9)
    assert grades(noisy) == grades(store())
    assert set(noisy.pair_section("throughput").invalid) == {"throughput_gain"}
    assert not noisy.pair_section("latency").invalid


def test_every_time_of_the_pair_and_of_a_model_is_marked() -> None:
    noisy = store(batch_1=1.9)
    assert set(noisy.pair_section("latency").invalid) == set(PAIR_SECTIONS["latency"])
    of_model = noisy.model_section("student", "latency").invalid
    assert {"ttft_s", "tpot_s", "inference_time_s", "latency_p50_s"} <= set(of_model)
    assert "characters_per_token" not in of_model


def test_the_document_and_the_closing_words_tell() -> None:
    run = MadeUpRun()
    filled = run.store()
    filled.machine.before = make_check()
    filled.machine.during[1] = make_load(others_cores=1.9)
    metrics = run.documents_of(filled, run.play(filled)).metrics
    check = metrics["environment"]["machine_check"]
    assert check["during"]["1"]["others_cores"] == 1.9
    assert [each["severity"] for each in check["problems"]] == ["too_noisy"]
    assert metrics["verdict"]["gate"] == "fail"
    (speed,) = (
        each for each in metrics["verdict"]["criteria"] if each["metric"] == "speed_improvement_pct"
    )
    assert speed["grade"] == "not_judged"
    said = " ".join(closing_text(metrics, [], width=100, colour=False).split())
    assert (
        "the machine was not quiet: other processes used 1.9 of 2 cores, and torch's threads want "
        "2 (while timing batch size 1)" in said
    )


def test_a_quiet_machine_is_not_mentioned() -> None:
    assert "machine was" not in closing_text(
        MadeUpRun().documents().metrics, [], width=100, colour=False
    )
