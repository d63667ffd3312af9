"""What a run would cost, asked of pytest: nothing is measured, nothing written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.models.served.fake_server import MODEL, Behaviour, serving
from tests.plugin.tiny_inputs import QUESTIONS, Tiny
from tests.plugin.workspace import Outcome, QuickStarter, Workspace, tree

PASSED, USAGE_ERROR, NOTHING_SELECTED = 0, 4, 5
LLAMA_70B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": False,
}


@pytest.fixture
def clone(tmp_path: Path, heavy_starter: QuickStarter) -> Workspace:
    return Workspace(tmp_path / "clone", heavy_starter)


# Other tests ask the same models, and the session's score cache has their answers.
AFRESH = "--distill-no-score-cache"


def row(outcome: Outcome, name: str) -> list[str]:
    """Cells of a line of the tables: they stand at least two blanks apart."""
    found = re.search(rf"^{re.escape(name)} .*$", outcome.output, re.MULTILINE)
    assert found, f"{name}\n{outcome.output}"
    return re.split(r"\s{2,}", found.group().strip())


@pytest.mark.slow
def test_a_run_on_this_machine(clone: Workspace, tiny: Tiny) -> None:
    before = tree(clone.folder)
    outcome = clone.quick(*tiny.options(), AFRESH, "--distill-estimate", "-v")
    assert outcome.returncode == PASSED, outcome.output
    assert "Nothing was measured" in outcome.output
    assert not re.search(r"PASSED|FAILED|\d passed", outcome.output)
    assert tree(clone.folder) == before
    teacher = row(outcome, "teacher")
    assert teacher[2:4] == [str(QUESTIONS), "0"]
    for part in (
        *("start, collection", "loading models", "comparing next tokens"),
        *("answering questions: teacher", "answering questions: student"),
        *("timing, batch size 1", "timing, batch size 2"),
        *("memory and load time: teacher", "memory and load time: student"),
    ):
        assert row(outcome, part)[-1].endswith("s"), part
    assert "of memory at the peak" in outcome.output
    assert "assumed: " in outcome.output
    assert "not known" not in outcome.output


def test_what_is_selected_decides(clone: Workspace, tiny: Tiny) -> None:
    outcome = clone.quick(*tiny.options(), AFRESH, "--distill-estimate", "-m", "accuracy")
    assert outcome.returncode == PASSED, outcome.output
    assert "answering questions: student" in outcome.output
    for absent in ("timing, batch", "memory and load", "comparing next", "assumed: "):
        assert absent not in outcome.output
    outcome = clone.quick(*tiny.options(), "--distill-estimate", "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert "answering questions" not in outcome.output


def test_the_ini_file_can_ask_for_it(clone: Workspace, tiny: Tiny) -> None:
    clone.add_ini(distill_estimate="true")
    outcome = clone.quick(*tiny.options(), "-m", "accuracy")
    assert outcome.returncode == PASSED, outcome.output
    assert "Nothing was measured" in outcome.output


@pytest.mark.slow
def test_what_is_in_the_score_cache_is_no_work(clone: Workspace, tiny: Tiny) -> None:
    kept = {"distill_score_cache": clone.folder / "kept", "distill_limit": 10}
    options = tiny.options(**kept)
    assert clone.quick(*options, "-k", "test_accuracy").returncode == PASSED
    outcome = clone.quick(*options, "--distill-estimate", "-m", "accuracy")
    assert row(outcome, "teacher")[2:5] == ["0", "10", "0"]
    assert "20 answers are in the score cache already" in outcome.output
    kept["distill_limit"] = 15
    outcome = clone.quick(*tiny.options(**kept), "--distill-estimate", "-m", "accuracy")
    assert row(outcome, "teacher")[2:4] == ["5", "10"]


@pytest.mark.slow
def test_the_cache_keeps_nothing_of_it(clone: Workspace, tiny: Tiny) -> None:
    options = tiny.options(distill_score_cache=clone.folder / "kept")
    for _ in range(2):
        outcome = clone.quick(*options, "--distill-estimate", "-m", "accuracy")
        assert row(outcome, "teacher")[2:4] == [str(QUESTIONS), "0"]


def test_written_answers(clone: Workspace, tiny: Tiny) -> None:
    options = tiny.options(distill_scoring="generate", distill_limit=9)
    outcome = clone.quick(*options, AFRESH, "--distill-estimate", "-m", "accuracy")
    assert outcome.returncode == PASSED, outcome.output
    assert row(outcome, "teacher")[2] == "9"


@pytest.mark.slow
def test_several_students(clone: Workspace, tiny: Tiny) -> None:
    """The teacher's answers are one teacher's, however many students there are."""
    arguments = [each for each in tiny.options() if "student" not in each]
    students = [f"--student-model={each}" for each in (tiny.student, tiny.teacher)]
    one = clone.quick(*tiny.options(), AFRESH, "--distill-estimate")
    outcome = clone.quick(*arguments, *students, AFRESH, "--distill-estimate")
    assert outcome.returncode == PASSED, outcome.output
    rows = re.findall(r"^(\S+) .* 40 +0 ", outcome.output, re.MULTILINE)
    assert rows[0] == "teacher"
    assert len(rows) == 3
    assert row(one, "teacher")[:7] == row(outcome, "teacher")[:7]


def test_a_model_behind_a_server(clone: Workspace, tiny: Tiny) -> None:
    behaviour = Behaviour()
    with serving(behaviour) as base_url:
        reference = f"openai+{base_url}?model={MODEL}"
        outcome = clone.quick(*tiny.options(teacher_model=reference), "--distill-estimate")
    assert outcome.returncode == PASSED, outcome.output
    assert row(outcome, "teacher").count("not known") == 4
    assert "runs behind a server" in outcome.output
    assert row(outcome, "answering questions: teacher")[-1] == "not known"
    assert "in all at least" in outcome.output


def test_a_model_that_is_not_here_on_hardware_that_is_not_here(
    clone: Workspace, tiny: Tiny
) -> None:
    config = clone.write("large/config.json", json.dumps(LLAMA_70B))
    before = tree(clone.folder)
    options = tiny.options(teacher_model=config.parent)
    outcome = clone.quick(*options, "--distill-estimate-on=h100x8", "-v")
    assert outcome.returncode == PASSED, outcome.output
    assert "8 x NVIDIA H100" in outcome.output
    teacher = row(outcome, "teacher")
    assert teacher[1] == "70.6 G"
    assert teacher[-2:] == ["2", "4"]
    assert "has no tokenizer" in outcome.output
    assert "data sheet" in outcome.output
    assert tree(clone.folder) == before
    alone = clone.quick(*options, "--distill-estimate-on=h100")
    assert alone.returncode == PASSED, alone.output
    assert row(alone, "teacher")[1] == "70.6 G"
    assert "needs 2 GPUs and does not fit: there is 1" in " ".join(alone.output.split())
    assert "in all at least" in alone.output


def test_the_same_work_here_and_there(clone: Workspace, tiny: Tiny) -> None:
    here = clone.quick(*tiny.options(), AFRESH, "--distill-estimate", "-m", "accuracy")
    there = clone.quick(*tiny.options(), AFRESH, "--distill-estimate-on=l4", "-m", "accuracy")
    assert row(here, "teacher")[:6] == row(there, "teacher")[:6]


def test_unknown_hardware(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(), "--distill-estimate-on=tpu")
    assert outcome.returncode == USAGE_ERROR
    for words in ("names no hardware of the table", "'tpu'", "h100, ", "mi300x"):
        assert words in outcome.output
    assert not outcome.loaded_heavy


def test_a_model_that_is_still_trained(workspace: Workspace, tiny: Tiny, tmp_path: Path) -> None:
    options = tiny.options(student_model=None, distill_wait_for_training=tmp_path)
    outcome = workspace.quick(*options, "--distill-estimate")
    assert outcome.returncode == USAGE_ERROR
    assert "--distill-estimate and --distill-wait-for-training exclude each other" in outcome.output


def test_what_a_run_would_refuse_is_refused(clone: Workspace, tiny: Tiny) -> None:
    outcome = clone.quick(*tiny.options(student_model="/nowhere"), "--distill-estimate")
    assert outcome.returncode == USAGE_ERROR
    assert "leads nowhere" in outcome.output
    broken = tiny.options(student_model=tiny.broken)
    outcome = clone.quick(*broken, "--distill-estimate", "-m", "accuracy")
    assert outcome.returncode == USAGE_ERROR
    assert "a score that is no number" in outcome.output


def test_without_the_suite_it_says_nothing(workspace: Workspace) -> None:
    workspace.write("own/test_own.py", "def test_nothing():\n    assert True\n")
    outcome = workspace.quick("--distill-estimate", "own")
    assert outcome.returncode == PASSED
    assert "1 passed" in outcome.output
    outcome = workspace.quick("--distill-estimate", "-k", "no_such_test")
    assert outcome.returncode == NOTHING_SELECTED


def test_own_tests_are_named(clone: Workspace, tiny: Tiny) -> None:
    clone.write("own/test_own.py", "def test_mine(teacher, questions):\n    assert False\n")
    outcome = clone.quick(*tiny.options(), "--distill-estimate", "own")
    assert outcome.returncode == PASSED, outcome.output
    assert "1 selected tests have no mark of a family" in outcome.output
