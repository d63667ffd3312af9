"""Measuring processes take a classifier like any other model."""

from __future__ import annotations

import json

import pytest

from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.isolated import measure_isolated
from distill_fixtures.measure.processes.process_timing import time_in_this_process
from distill_fixtures.measure.processes.timing_processes import TimingProcesses
from distill_fixtures.measure.processes.timing_request import (
    TimingProcessRequest,
    timing_from_json,
    timing_to_json,
)
from distill_fixtures.measure.processes.worker_report import WorkerRequest
from tests.tiny_classifiers import make_bert, make_distilbert, save_classifier


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> TimingProcessRequest:
    folder = tmp_path_factory.mktemp("pair")
    models = {
        "teacher": ModelToLoad(str(save_classifier(folder / "teacher", make_bert()))),
        "student": ModelToLoad(str(save_classifier(folder / "student", make_distilbert()))),
    }
    return TimingProcessRequest(models, ("the quick brown fox", "the dog"), new_tokens=32, rounds=2)


def test_rounds_of_one_time_a_text(request_: TimingProcessRequest) -> None:
    timing = time_in_this_process(request_)
    for rounds in timing.rounds.values():
        assert len(rounds) == 2
        for trace in (trace for each in rounds for trace in each.traces):
            assert (len(trace.token_times_s), trace.writes_tokens) == (1, False)
    assert timing_from_json(json.loads(json.dumps(timing_to_json(timing))), request_) == timing


@pytest.mark.slow
def test_fresh_processes(request_: TimingProcessRequest) -> None:
    with TimingProcesses(request_) as processes:
        timing = processes.take()
    assert set(timing.rounds) == {"teacher", "student"}
    assert not timing.rounds["student"][0].traces[0].writes_tokens


@pytest.mark.slow
def test_memory_and_load_time(request_: TimingProcessRequest) -> None:
    report = measure_isolated(
        WorkerRequest(
            request_.models["teacher"], request_.prompts, batch_sizes=(1, 2), new_tokens=3
        )
    )
    assert min(report.load_times_s) > 0
    assert report.model_memory_bytes > 0
