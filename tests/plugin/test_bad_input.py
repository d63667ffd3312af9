"""Bad input: one message of four parts, exit code 4, at once, no weights read, nothing written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.plugin.tiny_inputs import WINDOW, Tiny
from tests.plugin.workspace import HEAVY, Outcome, Workspace, tree
from tests.tasks.test_quantumbench import both_members, encrypted_zip

# Of the processor: seconds on the clock hang on what else a shared machine does.
MOST_PROCESSOR_S = 5.0
USAGE_ERROR = 4
EARLIER = {
    "metrics/distillation_metrics.json": '{"earlier": "metrics"}\n',
    "metrics/comparison_results.json": '{"earlier": "comparison"}\n',
    "metrics/history/20200101T000000Z_a_b.json": '{"earlier": "history"}\n',
}
GOOD = {"id": "a", "question": "Why?", "choices": ["x", "y"], "answer": 0}


def line(**changed: object) -> bytes:
    """One line of a questions file; None leaves a field out."""
    record = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return json.dumps(record).encode() + b"\n"


@dataclass(frozen=True)
class Case:
    """What a user gave.

    Attributes:
        options: by name; ``{here}`` stands for the folder of the files.
        named: what the message must name.
        files: written before the run.
    """

    options: dict[str, object]
    named: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)


def questions(content: bytes, *named: str) -> Case:
    return Case({"data_path": "{here}/bad.jsonl"}, ("bad.jsonl", *named), {"bad.jsonl": content})


def thresholds(text: str, *named: str) -> Case:
    return Case(
        {"distill_thresholds": "{here}/bad.toml"}, ("bad.toml", *named), {"bad.toml": text.encode()}
    )


MODELS = {
    "teacher leads nowhere": Case({"teacher_model": "/nowhere/at/all"}, ("/nowhere/at/all",)),
    "student leads nowhere": Case({"student_model": "./nowhere"}, ("./nowhere",)),
    "a folder that is no model": Case(
        {"teacher_model": "{here}/none"}, ("none is no model", "notes.txt"), {"none/notes.txt": b""}
    ),
    "an unknown reference": Case({"student_model": "demo:nobody"}, ("demo:nobody", "demo:student")),
    "a misspelt reference": Case({"student_model": "demo:studnet"}, ("did you mean demo:student",)),
    "pickled weights unasked": Case(
        {"student_model": "{here}/pickled"},
        ("pytorch_model.bin", "--distill-allow-pickle"),
        {
            "pickled/config.json": b"{}",
            "pickled/tokenizer.json": b"{}",
            "pickled/pytorch_model.bin": b"",
        },
    ),
    "code of its own unasked": Case(
        {"student_model": "{here}/coded"},
        ("auto_map", "--distill-trust-remote-code"),
        {"coded/config.json": b'{"auto_map": {"AutoModelForCausalLM": "own.Model"}}'},
    ),
    "a control of another shape": Case(
        {"control_model": "{teacher}"}, ("no control for the student", "parameters")
    ),
}
QUESTIONS = {
    "questions missing": Case({"data_path": "{here}/none.jsonl"}, ("none.jsonl",)),
    "questions empty": questions(b""),
    "questions not UTF-8": questions(line() + b'{"question": "\xff"}\n', "line 2"),
    "questions cut off": questions(line() + line(id="b")[:30], "line 2"),
    "an unknown field": questions(line() + line(id="b", chioces=["x"]), "line 2", "'choices'"),
    "a field of the wrong type": questions(line(question=5), "line 1", "question"),
    "an answer out of range": questions(line() + line(id="b", answer=2), "line 2", "0 to 1"),
    "an id twice": questions(line() + line(id="b") + line(), "line 3", "line 1", "'a'"),
    "one distinct option": questions(line(choices=["x", "x"]), "line 1", "different"),
    "a blank question": questions(line() + line(id="b", question=" \t"), "line 2"),
    "a wrong password": Case(
        {"data_path": "{here}/quantum.zip", "distill_data_password": "wrong"},
        ("quantum.zip", "password"),
    ),
    "free text in cloze": Case(
        {"data_path": "{here}/free.jsonl", "distill_scoring": "cloze"},
        ("--distill-scoring", "generate"),
        {"free.jsonl": b'{"question": "Why?", "answer": "so"}\n'},
    ),
}
THRESHOLDS = {
    "thresholds missing": Case({"distill_thresholds": "{here}/none.toml"}, ("none.toml",)),
    "no TOML": thresholds("[criteria", "TOML"),
    "an unknown metric": thresholds(
        "[criteria.acuracy_retention]\ngood = 85\npoor = 70\n",
        "acuracy_retention",
        "accuracy_retention_pct",
    ),
    "an unknown key": thresholds(
        "[criteria.size_reduction_pct]\ngood = 50\npoor = 30\nbda = 1\n", "bda"
    ),
    "swapped bounds": thresholds(
        "[criteria.size_reduction_pct]\ngood = 30\npoor = 50\n", "size_reduction_pct", "30", "50"
    ),
    "text for a number": thresholds(
        '[criteria.size_reduction_pct]\ngood = "much"\npoor = 30\n', "size_reduction_pct", "much"
    ),
    "no finite number": thresholds(
        "[criteria.size_reduction_pct]\ngood = nan\npoor = 30\n", "size_reduction_pct", "nan"
    ),
}
OPTIONS = {
    "limit 0": Case({"distill_limit": 0}, ("--distill-limit", "'0'")),
    "limit below 0": Case({"distill_limit": -1}, ("--distill-limit", "'-1'")),
    "a letter among batch sizes": Case(
        {"distill_batch_sizes": "1,x"}, ("--distill-batch-sizes", "'x'")
    ),
    "no batch size": Case({"distill_batch_sizes": ""}, ("--distill-batch-sizes",)),
    "no new tokens": Case({"distill_new_tokens": 0}, ("--distill-new-tokens", "'0'")),
    "more new tokens than a window has": Case(
        {"distill_new_tokens": WINDOW},
        ("--distill-new-tokens", f"window of {WINDOW}", f"at most {WINDOW - 1}"),
    ),
    "no benchmark samples": Case({"benchmark_samples": 0}, ("--benchmark-samples", "'0'")),
    "no seconds": Case({"distill_max_seconds": "nan"}, ("--distill-max-seconds", "'nan'")),
    "an unknown scoring": Case({"distill_scoring": "guess"}, ("--distill-scoring", "cloze")),
    "an unknown device": Case({"distill_device": "tpu"}, ("--distill-device", "'tpu'")),
    "a file for the metrics folder": Case(
        {"metrics_dir": "{here}/taken"}, ("metrics folder", "taken"), {"taken": b""}
    ),
    "a file above the metrics folder": Case(
        {"metrics_dir": "{here}/taken/deep/deeper"}, ("metrics folder", "taken"), {"taken": b""}
    ),
    "permutations in cloze": Case(
        {"distill_permutations": 2}, ("--distill-permutations", "--distill-scoring letter")
    ),
    "a prompt in cloze": Case(
        {"distill_prompt": "cot"}, ("--distill-prompt", "--distill-scoring generate")
    ),
    "an empty reference": Case({"teacher_model": ""}, ("--teacher-model is empty",)),
}
CASES = MODELS | QUESTIONS | THRESHOLDS | OPTIONS


def attempt(workspace: Workspace, tiny: Tiny, case: Case, here: Path) -> Outcome:
    """Run the suite with earlier results in place; they must survive it, and nothing be added."""
    for name, content in case.files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content)
    encrypted_zip(here / "quantum.zip", both_members(), "secret")
    for name, text in EARLIER.items():
        workspace.write(name, text)
    before = tree(workspace.folder), tree(here)
    filled = {
        name: value.format(here=here, teacher=tiny.teacher) if isinstance(value, str) else value
        for name, value in case.options.items()
    }
    outcome = workspace.quick(*tiny.options(**filled))
    assert (tree(workspace.folder), tree(here)) == before
    return outcome


def four_parts(output: str) -> list[str]:
    """The message's parts, in their order."""
    lines = output.splitlines()
    start = next(number for number, text in enumerate(lines) if text.startswith("ERROR: "))
    message = lines[start:]
    parts = [text for text in message[1:] if text.startswith(("  got: ", "  wanted:", "  next: "))]
    return [message[0], *parts]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where a user's files lie, away from the clone."""
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, workspace: Workspace, tiny: Tiny, here: Path) -> None:
    case = CASES[name]
    outcome = attempt(workspace, tiny, case, here)
    assert outcome.returncode == USAGE_ERROR, outcome.output
    parts = four_parts(outcome.output)
    assert [part.split()[0] for part in parts] == ["ERROR:", "got:", "wanted:", "next:"]
    assert all(len(part.split()) > 1 for part in parts)
    for word in case.named:
        assert word in outcome.output
    assert outcome.output.count("ERROR: ") == 1
    assert "Traceback" not in outcome.output
    assert not outcome.loaded_heavy
    assert outcome.processor_s < MOST_PROCESSOR_S


def test_a_device_that_is_not_there(workspace: Workspace, tiny: Tiny, here: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    outcome = attempt(workspace, tiny, Case({"distill_device": "cuda"}, ()), here)
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert len(four_parts(outcome.output)) == 4
    assert "--distill-device cuda" in outcome.output
    assert "0 CUDA devices" in outcome.output
    assert not outcome.loaded_heavy - {"torch"}, "no model library: no weights were read"


def test_one_student_given_twice(workspace: Workspace, tiny: Tiny, here: Path) -> None:
    outcome = workspace.quick(*tiny.options(), f"--student-model={tiny.student}")
    assert outcome.returncode == USAGE_ERROR
    assert len(four_parts(outcome.output)) == 4
    assert "a student is given twice" in outcome.output


def test_broken_weights_are_no_matter_of_the_check(
    workspace: Workspace, tiny: Tiny, here: Path
) -> None:
    """What lies in the tensors is not looked at: a later fault of the input is still found."""
    options = tiny.options(student_model=tiny.broken, distill_limit=0)
    outcome = workspace.quick(*options)
    assert outcome.returncode == USAGE_ERROR
    assert "--distill-limit" in outcome.output
    assert not outcome.loaded_heavy


@pytest.mark.parametrize("arguments", [["--distill-nonsense"], ["--distill-limit"]])
def test_what_argparse_refuses_writes_nothing(
    arguments: list[str], workspace: Workspace, tiny: Tiny
) -> None:
    before = tree(workspace.folder)
    outcome = workspace.quick(*tiny.options(), *arguments)
    assert outcome.returncode == USAGE_ERROR
    assert arguments[0] in outcome.output
    assert tree(workspace.folder) == before
    assert not HEAVY & outcome.modules
