"""Whole runs with a teacher behind a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distill_fixtures.plugin.export import check_document
from tests.models.served.fake_server import MODEL, Behaviour, serving
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Outcome, Workspace

FAILED = 1
CARD = {"disk_bytes": 10_000_000, "weights_bytes": 9_000_000, "parameters_total": 5_000_000}


@pytest.fixture
def server() -> Iterator[tuple[str, Behaviour]]:
    behaviour = Behaviour()
    with serving(behaviour) as base_url:
        yield f"openai+{base_url}?model={MODEL}", behaviour


def run(workspace: Workspace, tiny: Tiny, reference: str, *more: str) -> Outcome:
    return workspace.run(*tiny.options(teacher_model=reference), *more, "-rs")


def test_what_a_server_tells_is_measured_and_the_rest_is_null(
    workspace: Workspace, tiny: Tiny, server: tuple[str, Behaviour]
) -> None:
    reference, behaviour = server
    outcome = run(workspace, tiny, reference)
    assert outcome.returncode == FAILED, "criteria of size and memory cannot be judged"
    document = workspace.document()
    check_document(document)
    teacher, reasons = document["teacher"], document["reasons"]
    assert teacher["reference"] == reference
    assert teacher["accuracy"]["total"] == 40
    assert teacher["benchmark"]["inference_time_s"] > 0
    assert teacher["benchmark"]["ttft_s"] > 0
    assert set(teacher["benchmark"]["throughput_samples_per_s"]) == {"1", "2"}
    assert document["distillation"]["speedup"] > 0
    assert document["distillation"]["fidelity"]["agreement"] >= 0
    for path in (
        "teacher.size.disk_bytes",
        "teacher.memory.model_memory_bytes",
        "teacher.benchmark.load_time_s",
        "distillation.size_reduction_pct",
        "distillation.memory_reduction_pct",
        "distillation.fidelity.token_kl_nats",
    ):
        assert path in reasons, path
    assert "&card=FILE" in reasons["teacher.size.disk_bytes"]
    assert "not ours" in reasons["teacher.memory.model_memory_bytes"]
    assert document["student"]["memory"]["model_memory_bytes"] > 0
    grades = {each["metric"]: each["grade"] for each in document["verdict"]["criteria"]}
    assert grades["size_reduction_pct"] == "not_judged"
    assert document["run"]["partial"] is False
    skipped = [line for line in outcome.output.splitlines() if line.startswith("SKIPPED")]
    assert any("not ours" in line for line in skipped)
    assert any("disk_bytes is not known" in line for line in skipped)
    scored = [body for body in behaviour.completions if body.get("echo")]
    assert len(scored) == 40 * 8, "every option once; no answer of a server is kept"


def test_a_card_tells_the_size(
    workspace: Workspace, tiny: Tiny, server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    card = tmp_path / "card.json"
    card.write_text(json.dumps(CARD))
    run(workspace, tiny, f"{server[0]}&card={card}", "-m", "size or efficiency")
    document = workspace.document()
    assert document["teacher"]["size"]["disk_bytes"] == CARD["disk_bytes"]
    student = document["student"]["size"]["disk_bytes"]
    expected = 100 * (1 - student / CARD["disk_bytes"])
    assert document["distillation"]["size_reduction_pct"] == pytest.approx(expected)


def test_a_server_that_cannot_be_timed_costs_its_times_alone(
    workspace: Workspace, tiny: Tiny, server: tuple[str, Behaviour]
) -> None:
    reference, behaviour = server
    behaviour.stops_after, behaviour.knows_ignore_eos = 2, False
    outcome = run(workspace, tiny, reference, "-m", "accuracy or latency or throughput")
    document = workspace.document()
    assert document["teacher"]["accuracy"]["total"] == 40
    assert document["teacher"]["benchmark"]["inference_time_s"] is None
    assert "ends texts early" in document["reasons"]["teacher.benchmark.inference_time_s"]
    assert "ends texts early" in outcome.output
