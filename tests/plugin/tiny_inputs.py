"""Models and questions so small that a whole run takes seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tiny_models import VOCABULARY, save

__all__ = ["Tiny", "make_tiny", "tiny_llama", "write_questions"]

QUESTIONS = 40
OPTIONS = 8
# Room for a question with all its options in letter scoring.
WINDOW = 1024
FIELDS = ("Mathematics", "Optics")


@dataclass(frozen=True)
class Tiny:
    """Paths of models and questions.

    Attributes:
        broken: the student with NaN in its embedding.
    """

    teacher: Path
    student: Path
    broken: Path
    questions: Path

    def options(self, **changed: object) -> list[str]:
        """Options of a run on them that takes seconds; None leaves one out."""
        values: dict[str, object] = {
            "teacher_model": self.teacher,
            "student_model": self.student,
            "data_path": self.questions,
            "distill_max_seconds": 1,
            "distill_max_rounds": 6,
            "benchmark_samples": 2,
            "distill_new_tokens": 4,
            "distill_batch_sizes": "1,2",
            "distill_device": "cpu",
        }
        values |= changed
        return [
            f"--{name.replace('_', '-')}={value}"
            for name, value in values.items()
            if value is not None
        ]


def make_tiny(folder: Path) -> Tiny:
    """Write them all."""
    import torch

    student = tiny_llama(hidden=32, layers=2, seed=1)
    tiny = Tiny(
        teacher=save(tiny_llama(hidden=96, layers=3, seed=0), folder / "teacher"),
        student=save(student, folder / "student"),
        broken=folder / "broken",
        questions=write_questions(folder / "questions.jsonl"),
    )
    with torch.no_grad():
        student.get_input_embeddings().weight.fill_(float("nan"))
    save(student, tiny.broken)
    return tiny


def write_questions(path: Path) -> Path:
    """Sums with eight options each; every second question is of the other subdomain."""
    records = [
        {
            "id": f"q{number}",
            "question": f"What is {number} plus {number}?",
            "choices": [str(2 * number + place) for place in range(OPTIONS)],
            "answer": (3 * number) % OPTIONS,
            "subdomain": FIELDS[number % 2],
            "question_type": "Numerical Calculation",
            "source": f"s{number % 5}",
        }
        for number in range(QUESTIONS)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return path


def tiny_llama(*, hidden: int, layers: int, seed: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=WINDOW,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).eval()
