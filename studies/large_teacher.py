"""What the suite foretells for a teacher of 70 billion parameters over a million questions.

    python -m studies.large_teacher                      minutes: the questions are really read
    python -m studies.large_teacher --questions 10000

Two folders with `config.json` alone, in the shapes of Llama 3's 70B and 8B models, and a file of
questions of the built-in generator; then `pytest --distill-estimate-on` for several layouts of
GPUs. No weight is there and nothing is timed: operations and bytes by data sheets, under the
assumptions of docs/scaling.md. Tokens are counted by SmolLM2's tokenizer. The time of a run's
other parts (reading the questions, its memory) is that of this machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studies.accuracy_growth import make_pool, many_questions
from studies.estimate_check import Outcome, watched
from studies.real_model import real_model_folder
from studies.study_page import PAGES, markdown_table, say, setting, write_page

NAME = "large_teacher"
PACKAGES = ("distill-bench", "torch", "transformers")
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "vocab_size": 128_256,
    "max_position_embeddings": 8_192,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
}
SHAPES = {
    "teacher-70b": {
        "hidden_size": 8_192,
        "intermediate_size": 28_672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
    },
    "student-8b": {
        "hidden_size": 4_096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
}
TARGETS = ("h100x8", "h100x64", "b200x64")
WHOLE_SUITE_ON = "h100x64"


@dataclass(frozen=True, slots=True)
class Foretold:
    """One layout.

    Attributes:
        target: as `--distill-estimate-on` takes it.
        suite: what was asked for.
        outcome: what pytest said, and what it took here.
    """

    target: str
    suite: str
    outcome: Outcome


def make_model(folder: Path, shape: dict[str, int], tokenizer_of: Path) -> Path:
    """A folder that tells a model's shape, and how it splits texts."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA | shape), encoding="utf-8")
    for file in tokenizer_of.glob("*token*"):
        shutil.copy(file, folder)
    return folder


def write_questions(path: Path, count: int) -> None:
    """A line for each question."""
    with path.open("w", encoding="utf-8") as file:
        for each in many_questions(make_pool(), count):
            line = {"question": each.question, "choices": each.choices, "answer": each.answer}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def foretell(folder: Path, targets: Sequence[str]) -> list[Foretold]:
    """Every layout's answers, and at last the whole suite on one of them."""
    options = ["--teacher-model", str(folder / "teacher-70b")]
    options += ["--student-model", str(folder / "student-8b")]
    options += ["--data-path", str(folder / "questions.jsonl"), "--distill-dtype", "bfloat16"]
    found = []
    for target in targets:
        asked = [*options, "-m", "accuracy", "--distill-estimate-on", target]
        outcome = watched(asked, folder / target)
        found.append(Foretold(target, "-m accuracy", outcome))
        say(f"{target}: {outcome.note['parts']}")
    outcome = watched([*options, "--distill-estimate-on", WHOLE_SUITE_ON], folder / "whole")
    found.append(Foretold(WHOLE_SUITE_ON, "everything", outcome))
    say(f"{WHOLE_SUITE_ON}, everything: {outcome.note['parts']}")
    return found


def page(found: Sequence[Foretold], questions: int) -> list[str]:
    """The page in Markdown."""
    return [
        f"# A teacher of 70 billion parameters over {questions:,} questions, foretold",
        "",
        *setting(*PACKAGES),
        "",
        f"Made by `python -m studies.{NAME}`: `pytest --distill-estimate-on` for a teacher and a "
        "student in the shapes of Llama 3's 70B and 8B models in bfloat16, cloze scoring of the "
        "built-in generator's questions. NOTHING OF THIS WAS MEASURED on such hardware: operations "
        "and bytes come from data sheets, under the assumptions in docs/scaling.md.",
        "",
        *_answers(found),
        "",
        *_whole_suite(found[-1]),
        "",
        *_here(found),
    ]


def _answers(found: Sequence[Foretold]) -> list[str]:
    cells = []
    for each in found[:-1]:
        models, parts = _dict(each.outcome.note["models"]), _dict(each.outcome.note["parts"])
        for role in ("teacher", "student"):
            model, seconds = models[role], parts[f"answering questions: {role}"]
            cells.append(
                [
                    each.target,
                    role,
                    f"{model['tokens'] / 1e6:.0f}",
                    f"{model['flops'] / 1e15:,.0f}",
                    f"{model['memory_bytes'] / 1e9:.1f}",
                    f"{model['gpus']}",
                    f"{model['replicas']}",
                    "does not fit" if seconds is None else f"{seconds:,.0f}",
                ]
            )
    head = ["hardware", "model", "million tokens", "10^15 operations", "GB", "GPUs a replica"]
    table = markdown_table([*head, "replicas", "answering, s"], cells)
    return ["## Answers (`-m accuracy --distill-executor ray`)", "", *table]


def _whole_suite(whole: Foretold) -> list[str]:
    parts = _dict(whole.outcome.note["parts"])
    known = {name: seconds for name, seconds in parts.items() if seconds is not None}
    cells = [
        [name, f"{seconds:,.0f}", f"{100 * seconds / sum(known.values()):.0f}"]
        for name, seconds in sorted(known.items(), key=lambda part: -part[1])
    ]
    return [
        f"## The whole suite on {whole.target}, the most expensive part first",
        "",
        *markdown_table(["part", "seconds", "% of all"], cells),
    ]


def _here(found: Sequence[Foretold]) -> list[str]:
    """What reading the questions takes is measured: it is this machine's."""
    seconds = sorted(each.outcome.wall_s for each in found)
    peak = max(each.outcome.peak_bytes for each in found)
    return [
        f"Each estimate itself took {seconds[0]:.0f} to {seconds[-1]:.0f} s here, most of it "
        f"for reading and checking the questions, and at most {peak / 1e9:.1f} GB: what the "
        "process that runs pytest needs for so many questions.",
    ]


def _dict(value: object) -> dict[str, Any]:
    assert isinstance(value, dict), value
    return value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=1_000_000)
    parser.add_argument("--targets", nargs="+", default=list(TARGETS))
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model, shape in SHAPES.items():
            make_model(folder / model, shape, real_model_folder())
        write_questions(folder / "questions.jsonl", given.questions)
        found = foretell(folder, given.targets)
    raw = {f"{each.target}, {each.suite}": asdict(each) for each in found}
    write_page(NAME, page(found, given.questions), raw, folder=given.out)


if __name__ == "__main__":
    main()
