"""One run of everything, forward and reversed: what it writes, stores and says."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from distill_fixtures.report.schema import schema_file
from tests.plugin.whole_runs import WholeRun
from tests.plugin.workspace import environment

CRITERIA_FAILED = 1
ANSWERED = ("accuracy", "size")
ANSWERED_CRITERIA = ("knowledge_retention_pct", "performance_efficiency")


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


def criterion(document: dict[str, Any], metric: str) -> dict[str, Any]:
    (found,) = (each for each in document["verdict"]["criteria"] if each["metric"] == metric)
    return dict(found)


def benchmark(run: WholeRun, name: str) -> dict[str, Any]:
    (found,) = (each for each in run.stored["benchmarks"] if each["name"] == name)
    return dict(found)


def round_seconds(samples: list[dict[str, Any]], batch_size: int) -> list[float]:
    """Length of each round, from raw samples."""
    chosen = [each for each in samples if each["batch_size"] == batch_size]
    grouped = itertools.groupby(chosen, key=lambda each: each["round"])
    return [sum(each["token_times_s"][-1] for each in group) for _, group in grouped]


# Files.


def test_a_failing_criterion_fails_the_run_and_files_are_written(forward: WholeRun) -> None:
    assert forward.outcome.returncode == CRITERIA_FAILED, forward.outcome.output
    assert forward.document["verdict"]["gate"] == "fail"
    assert criterion(forward.document, "knowledge_retention_pct")["grade"] == "not_judged"
    assert criterion(forward.document, "size_reduction_pct")["grade"] == "good"


def test_a_failing_criterion_shows_interval_and_samples(backward: WholeRun) -> None:
    found = criterion(backward.document, "agreement")
    assert found["grade"] == "poor"
    low, high = found["ci95"]
    assert low <= found["value"] <= high
    assert found["samples"] == 40
    references = [backward.document[role]["reference"] for role in ("teacher", "student")]
    for word in ("bounds:", "interval:", "samples:  40 questions", "next:", *references):
        assert word in found["message"]
    for line in found["message"].splitlines():
        assert line in backward.outcome.output


def test_every_other_test_passed(forward: WholeRun) -> None:
    outcomes = {each["nodeid"]: each["outcome"] for each in forward.json_report["tests"]}
    odd = {name: outcome for name, outcome in outcomes.items() if outcome != "passed"}
    skipped = {name for name, outcome in odd.items() if outcome == "skipped"}
    without_baseline = {name for name in skipped if "test_regression[" in name}
    assert len(without_baseline) == 4
    assert {name.rpartition("::")[2] for name in skipped - without_baseline} == {
        "test_gain_over_control",
        "test_there_is_no_control",
        # Neither model is an adapter.
        "test_merged_adapter[NOTSET]",
    }
    assert all("test_criterion[" in name for name in odd.keys() - skipped)
    assert len(outcomes) > 40


@pytest.mark.parametrize("name", ["distillation_metrics", "comparison_results"])
def test_the_files_fit_the_published_schemas(name: str, forward: WholeRun) -> None:
    schema = json.loads(schema_file(name).read_text(encoding="utf-8"))
    content = forward.document if name == "distillation_metrics" else forward.comparison
    jsonschema.validate(content, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content | {"schema_version": "one"}, schema)


def test_a_whole_run_is_not_partial(forward: WholeRun) -> None:
    """Also where a user's test was skipped for want of a control: nothing else was to be done."""
    run = forward.document["run"]
    assert run["partial_reasons"] == []
    assert run["partial"] is False
    assert run["interrupted"] is False
    assert run["tests_selected"] == run["tests_run"] > 40
    assert forward.document["dataset"]["questions"] == 40


def test_no_number_is_nan(forward: WholeRun) -> None:
    for content in (forward.document, forward.comparison):
        assert all(math.isfinite(number) for number in numbers(content))


def test_the_history_holds_the_same_document(forward: WholeRun) -> None:
    (archived,) = (forward.workspace.folder / "forward" / "history").iterdir()
    relative = str(archived.relative_to(forward.workspace.folder))
    assert forward.workspace.read_json(relative) == forward.document


def test_predictions_stand_in_the_order_of_the_questions(forward: WholeRun) -> None:
    predictions = forward.comparison["predictions"]
    assert [each["id"] for each in predictions] == [f"q{number}" for number in range(40)]
    for role in ("teacher", "student"):
        right = sum(each[role]["correct"] for each in predictions)
        assert right == forward.document[role]["accuracy"]["correct"]


# What a person sees.


def test_the_closing_words(forward: WholeRun) -> None:
    output = forward.outcome.output
    for word in ("accuracy", "speed_improvement", "verdict: ", "gate: fail", "not judged"):
        assert word in output
    for name in ("distillation_metrics.json", "comparison_results.json", "history", "report.html"):
        assert f"forward/{name}" in output


def test_no_progress_bar_without_a_terminal(forward: WholeRun) -> None:
    for word in ("answering questions", "alone in a process", "loading", "\x1b["):
        assert word not in forward.outcome.output


# Order.


def test_the_document_holds_the_same_answers_in_reverse_order(
    forward: WholeRun, backward: WholeRun
) -> None:
    assert first_test(forward).startswith("benchmarks/test_accuracy.py")
    assert first_test(backward).startswith("own/test_own.py")
    for role in ("teacher", "student"):
        for section in ANSWERED:
            assert forward.document[role][section] == backward.document[role][section]
    assert forward.comparison["summary"] == backward.comparison["summary"]
    assert forward.comparison["predictions"] == backward.comparison["predictions"]
    assert forward.document["dataset"] == backward.document["dataset"]


def first_test(run: WholeRun) -> str:
    return str(run.json_report["tests"][0]["nodeid"])


def test_reverse_order_gives_the_same_grades(forward: WholeRun, backward: WholeRun) -> None:
    for metric in (*ANSWERED_CRITERIA, "size_reduction_pct"):
        assert criterion(forward.document, metric) == criterion(backward.document, metric)
    for name in ("retention", "agreement", "kappa", "efficacy", "kl_nats"):
        same = {
            key: value for key, value in pair_values(forward).items() if name in key.split(".")[-1]
        }
        assert same
        assert same == {key: pair_values(backward)[key] for key in same}


def pair_values(run: WholeRun) -> dict[str, Any]:
    pair = dict(run.document["distillation"])
    return {**pair, **{f"fidelity.{k}": v for k, v in pair["fidelity"].items()}}


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_memory_is_measured_before_any_model_is_loaded(
    order: str, request: pytest.FixtureRequest
) -> None:
    run: WholeRun = request.getfixturevalue(order)
    kinds = [event.split()[0] for event in run.events]
    assert sorted(run.events[kinds.index("isolated") :][:2]) == [
        "isolated student",
        "isolated teacher",
    ]
    assert "load" not in kinds[: kinds.index("isolated") + 2]
    for role in ("teacher", "student"):
        memory = run.document[role]["memory"]
        assert memory["peak_memory_bytes"] > memory["runtime_memory_bytes"] > 0
        assert run.document[role]["benchmark"]["load_time_s"] > 0


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_each_measurement_is_taken_once(order: str, request: pytest.FixtureRequest) -> None:
    run: WholeRun = request.getfixturevalue(order)
    assert len(run.events) == len(set(run.events)) == 8, run.events


# pytest-json-report and the user's hook.


def test_the_json_report_holds_the_document(forward: WholeRun) -> None:
    assert forward.json_report["distillation"] == forward.document


def test_the_users_hook_amends_both(forward: WholeRun) -> None:
    assert forward.document["build"] == {"job": 7}
    assert forward.json_report["distillation"]["build"] == {"job": 7}


# pytest-benchmark.


@pytest.mark.parametrize("order", ["forward", "backward"])
@pytest.mark.parametrize("role", ["teacher", "student"])
def test_replayed_rounds_are_the_raw_samples(
    order: str, role: str, request: pytest.FixtureRequest
) -> None:
    run: WholeRun = request.getfixturevalue(order)
    section = run.document[role]["benchmark"]
    for name, batch_size in (
        (f"test_time_per_sample[{role}]", 1),
        (f"test_throughput[{role}-batch1]", 1),
        (f"test_throughput[{role}-batch2]", 2),
    ):
        shown = benchmark(run, name)
        assert shown["stats"]["data"] == round_seconds(section["samples"], batch_size)
        assert shown["extra_info"]["replayed"] is True
    single = [each["token_times_s"] for each in section["samples"] if each["batch_size"] == 1]
    first = benchmark(run, f"test_time_to_first_token[{role}]")
    assert first["stats"]["data"] == [times[0] for times in single]
    gaps = benchmark(run, f"test_time_per_output_token[{role}]")
    assert gaps["stats"]["data"] == [
        later - earlier for times in single for earlier, later in itertools.pairwise(times)
    ]
    loads = benchmark(run, f"test_load_time[{role}]")
    assert loads["stats"]["data"] == run.document[role]["memory"]["load_times_s"]


def test_extra_info_holds_the_metrics(forward: WholeRun) -> None:
    found = {each["name"]: each["extra_info"] for each in forward.stored["benchmarks"]}
    for role in ("teacher", "student"):
        model = forward.document[role]
        accuracy = found[f"test_accuracy[{role}]"]
        assert accuracy["accuracy"] == model["accuracy"]["accuracy"]
        assert accuracy["ci95"] == model["accuracy"]["ci95"]
        assert found[f"test_size[{role}]"]["disk_bytes"] == model["size"]["disk_bytes"]
        assert (
            found[f"test_time_per_sample[{role}]"]["inference_time_s"]
            == model["benchmark"]["inference_time_s"]
        )
        memory = found[f"test_memory[{role}]"]
        assert memory["peak_memory_bytes"] == model["memory"]["peak_memory_bytes"]
    pair = forward.document["distillation"]
    assert found["test_speed_improvement"]["speedup"] == pair["speedup"]
    assert found["test_knowledge_retention"]["accuracy_delta"] == pair["accuracy_delta"]


def test_an_undefined_figure_is_null_with_its_reason_in_extra_info(forward: WholeRun) -> None:
    shown = benchmark(forward, "test_gain_over_control")["extra_info"]
    assert shown["distillation_gain"] is None
    assert "control" in shown["reasons"]["distillation_gain"]


def test_two_saved_runs_can_be_compared(forward: WholeRun, backward: WholeRun) -> None:
    saved = sorted((forward.workspace.folder / ".benchmarks").rglob("*.json"))
    assert len(saved) == 2
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "pytest_benchmark", "compare"),
            *("--group-by=name", "--columns=median", "--sort=name"),
        ],
        cwd=forward.workspace.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for path in saved:
        number = path.name.partition("_")[0]
        assert f"test_time_per_sample[teacher] ({number}" in done.stdout
    assert Path(saved[0]).parent == Path(saved[1]).parent
