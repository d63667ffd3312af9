"""Several students with models: timing in pairs, and memory back to its level after each."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.test_several_students import board_of, options, students_file
from tests.plugin.tiny_inputs import Tiny, tiny_llama
from tests.plugin.whole_runs import SPYING
from tests.plugin.workspace import Workspace
from tests.tiny_models import save, save_adapter

PASSED, FAILED = 0, 1
STUDENTS = 10
MOST_GROWTH = 0.05

# Resident memory whenever a student was let go, and before the first one's models were loaded.
NOTING_MEMORY = """
import pathlib
import psutil

EVENTS = pathlib.Path("memory.txt")

def note():
    with EVENTS.open("a") as stream:
        stream.write(f"{psutil.Process().memory_info().rss}\\n")

def pytest_collection_finish(session):
    from distill_fixtures.plugin.shared import SharedByStudents

    let_go = SharedByStudents.let_go

    def noted(self, **how):
        let_go(self, **how)
        note()

    SharedByStudents.let_go = noted
"""


def large(folder: Path, seed: int, *, layers: int) -> Path:
    """A model of so many weights (some 20 MB) that one that is not let go shows."""
    return save(tiny_llama(hidden=512, layers=layers, seed=seed), folder)


@pytest.mark.slow
def test_memory_is_back_at_its_level_after_each_of_ten_students(
    workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    teacher = large(tmp_path / "teacher", 0, layers=4)
    student = large(tmp_path / "student", 1, layers=2)
    weights = (student / "model.safetensors").stat().st_size
    references = {f"s{number}": student for number in range(STUDENTS)}
    file = students_file(workspace, **references)
    workspace.write("noting.py", NOTING_MEMORY)
    workspace.write("spying.py", SPYING)
    outcome = workspace.run(
        *options(tiny, file, teacher_model=teacher, distill_max_rounds=5),
        *("--distill-no-score-cache", "-p", "spying", "-p", "noting", "-q"),
        *("-m", "accuracy or fidelity or latency", "-k", "not load"),
    )
    assert outcome.returncode in (PASSED, FAILED), outcome.output
    assert len(board_of(workspace)["runs"]) == STUDENTS
    levels = [int(line) for line in (workspace.folder / "memory.txt").read_text().split()]
    assert len(levels) == STUDENTS
    growth = [later / earlier - 1 for earlier, later in itertools.pairwise(levels)]
    assert max(growth) < MOST_GROWTH, levels
    # Ten models that were never let go would have added more than this.
    assert levels[-1] - levels[0] < 2 * weights, levels
    events = (workspace.folder / "events.txt").read_text(encoding="utf-8").splitlines()
    assert events.count("answers teacher") == 1
    assert events.count("load teacher") == 1
    assert events.count("load student") == STUDENTS


def rounds_of(document: dict[str, Any], role: str) -> list[tuple[int, float]]:
    """Places of the rounds of batch size 1, and when each sample was done."""
    return [
        (each["round"], each["token_times_s"][-1])
        for each in document[role]["benchmark"]["samples"]
        if each["batch_size"] == 1
    ]


@pytest.mark.slow
def test_each_student_is_timed_in_rounds_of_its_own_with_the_teacher(
    workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    wide = save(tiny_llama(hidden=96, layers=3, seed=5), tmp_path / "wide")
    file = students_file(workspace, small=tiny.student, wide=wide, broken=tiny.broken)
    workspace.write("spying.py", SPYING)
    outcome = workspace.run(*options(tiny, file), "-p", "spying")
    assert outcome.returncode == FAILED, outcome.output
    assert " ERROR" not in outcome.output
    board = board_of(workspace)
    assert {run["name"] for run in board["runs"]} == {"small", "wide"}
    assert [each["name"] for each in board["not_measured"]] == ["broken"]
    assert not (workspace.folder / "metrics" / "broken").exists(), "nothing of it was measured"
    documents = {name: workspace.document(f"metrics/{name}") for name in ("small", "wide")}
    for document in documents.values():
        assert document["run"]["partial"] is False, document["run"]["partial_reasons"]
        for role in ("teacher", "student"):
            assert document[role]["benchmark"]["inference_time_s"] > 0
            assert document[role]["memory"]["peak_memory_bytes"] > 0
            assert document[role]["benchmark"]["load_time_s"] > 0
        places = [
            {place for place, _ in rounds_of(document, role)} for role in ("teacher", "student")
        ]
        assert sorted(places[0] | places[1]) == list(range(2 * len(places[0]))), "interleaved"
    teachers = [rounds_of(document, "teacher") for document in documents.values()]
    assert teachers[0] != teachers[1], "the teacher is timed anew beside each student"
    memory = [document["teacher"]["memory"] for document in documents.values()]
    assert memory[0] == memory[1], "its memory is measured once"
    events = (workspace.folder / "events.txt").read_text(encoding="utf-8").splitlines()
    for once in ("isolated teacher", "answers teacher", "card teacher"):
        assert events.count(once) == 1
    assert events.count("isolated student") == 3
    assert events.count("answers student") == 2, "the third one's weights were found out before"
    # Memory is left free for the next student's process, so the teacher is loaded again, for the
    # third one too: what is wrong with its weights is found out beside the teacher.
    kinds = [event for event in events if event in ("isolated student", "load teacher")]
    assert kinds == ["isolated student", "load teacher"] * 3


@pytest.mark.slow
def test_an_adapter_among_the_students(workspace: Workspace, tiny: Tiny, tmp_path: Path) -> None:
    """Beside its own base: each is the model that it is, with the figures that it has alone."""
    adapter = save_adapter(tmp_path / "adapter", tiny.student)
    chosen = ("-m", "size or accuracy or fidelity")
    file = students_file(workspace, base=tiny.student, adapter=adapter)
    outcome = workspace.run(*options(tiny, file), *chosen)
    assert outcome.returncode in (PASSED, FAILED), outcome.output
    assert {run["name"] for run in board_of(workspace)["runs"]} == {"base", "adapter"}
    base, found = (workspace.document(f"metrics/{name}") for name in ("base", "adapter"))
    assert base["student"]["architecture"] == "LlamaForCausalLM"
    assert found["student"]["architecture"] == "LlamaForCausalLM + LORA"
    own = tiny.options(student_model=adapter, metrics_dir="alone")
    outcome = workspace.run(*own, *chosen, "--distill-no-score-cache")
    assert outcome.returncode in (PASSED, FAILED), outcome.output
    alone = workspace.document("alone")
    for part in ("size", "accuracy"):
        assert found["student"][part] == alone["student"][part]
    assert found["distillation"]["fidelity"] == alone["distillation"]["fidelity"]
