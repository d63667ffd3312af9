"""One build: questions, tokenizer, teacher, student, control and poor student."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill_fixtures.demo_build.accuracy_check import cloze_picks
from distill_fixtures.demo_build.batches import (
    EncodedQuestion,
    TrainingBatches,
    context_of,
    encode,
    option_text,
)
from distill_fixtures.demo_build.distillation import answered_by, student_loss
from distill_fixtures.demo_build.generator import Splits, build_splits, write_questions
from distill_fixtures.demo_build.record import RECORD_NAME, accuracy_entry, write_record
from distill_fixtures.demo_build.tokenizer import train_tokenizer
from distill_fixtures.demo_build.training import label_loss, new_model, train

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from distill_fixtures.demo_build.display import BuildDisplay
    from distill_fixtures.demo_build.settings import BuildSettings, ModelShape, TrainingPlan
    from distill_fixtures.demo_build.training import LossOf

__all__ = ["build", "demo_tokenizer"]

QUESTIONS_NAME = "questions.jsonl"


def demo_tokenizer(splits: Splits, settings: BuildSettings) -> PreTrainedTokenizerFast:
    """The tokenizer that the training split decides: its contexts and all its options."""
    texts: list[str] = []
    for question in splits.training:
        texts.append(context_of(question.text))
        texts.extend(option_text(choice) for choice in question.choices)
    return train_tokenizer(texts, settings.vocabulary_size, settings.window_tokens)


def build(settings: BuildSettings, out: Path, display: BuildDisplay) -> dict[str, float]:
    """Make everything, and only then put it into ``out``: a build that stops leaves it as it was.

    Returns:
        Accuracy on the test split of each model, as saved and read back.
    """
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    started_s = time.monotonic()
    splits = build_splits(settings.seed)
    display.say(f"{len(splits.training)} training questions, {len(splits.test)} test questions")
    tokenizer = demo_tokenizer(splits, settings)
    with tempfile.TemporaryDirectory(prefix="distill-demo-build-") as scratch:
        folder = Path(scratch)
        write_questions(splits.test, folder / QUESTIONS_NAME)
        workshop = _Workshop(settings, splits, tokenizer, folder, display)
        teacher = workshop.make(
            "teacher", settings.teacher, settings.teacher_plan, label_loss, workshop.encoded
        )
        distil = student_loss(
            teacher, settings.temperature, settings.soft_share, tokenizer.pad_token_id
        )
        ids = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        transfer = answered_by(teacher, workshop.encoded, *ids)
        labelled = [question for question in workshop.encoded if question.labelled]
        workshop.make("student", settings.student, settings.student_plan, distil, transfer)
        workshop.make("control", settings.student, settings.student_plan, label_loss, labelled)
        workshop.make("poor", settings.poor, settings.poor_plan, label_loss, labelled)
        counts = {
            "training": len(splits.training),
            "labelled": len(labelled),
            "test": len(splits.test),
        }
        seconds = time.monotonic() - started_s
        write_record(folder, settings, workshop.entries, counts, seconds)
        _move_into_place(folder, out)
    return {name: entry["test"]["accuracy"] for name, entry in workshop.entries.items()}


class _Workshop:
    """Makes one model after the other from the same questions, and keeps what the record needs."""

    def __init__(
        self,
        settings: BuildSettings,
        splits: Splits,
        tokenizer: PreTrainedTokenizerFast,
        folder: Path,
        display: BuildDisplay,
    ) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        self._settings = settings
        self._tokenizer = tokenizer
        self._folder = folder
        self._display = display
        self.encoded: list[EncodedQuestion] = encode(
            splits.training[: settings.training_limit], tokenizer
        )
        self._test = splits.test[: settings.test_limit]

    def make(
        self,
        name: str,
        shape: ModelShape,
        plan: TrainingPlan,
        loss_of: LossOf,
        questions: Sequence[EncodedQuestion],
    ) -> LlamaForCausalLM:
        """Train, save as float16, read back and measure; returns the model as read back."""
        settings = self._settings
        model = new_model(shape, self._tokenizer, settings.window_tokens, settings.seed)
        batches = TrainingBatches(
            questions,
            plan.questions_per_step,
            settings.seed,
            self._tokenizer.pad_token_id,
            plan.follow_losses,
        )
        started_s = time.monotonic()
        curve = train(model, plan, batches, loss_of, self._display.training(name, plan.steps))
        trained_s = time.monotonic() - started_s
        _save(model, self._tokenizer, self._folder / name)
        saved = _read_back(self._folder / name)
        picks = cloze_picks(saved, self._tokenizer, self._test)
        entry = {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "steps": plan.steps,
            "training_wall_s": round(trained_s, 1),
            "loss_curve": asdict(curve),
            "template_shares": {
                template: round(share, 5) for template, share in batches.shares_drawn.items()
            },
            "test": accuracy_entry(self._test, picks),
        }
        self.entries[name] = entry
        self._display.say(
            f"{name}: {entry['test']['correct']} of {entry['test']['total']} test questions right "
            f"after {trained_s:.0f} s"
        )
        return saved


def _save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save a float16 copy; the model itself stays float32."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _read_back(folder: Path) -> LlamaForCausalLM:
    import torch
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.eval()
    return model


def _move_into_place(built: Path, out: Path) -> None:
    """Replace what an earlier build left in ``out``, and nothing else there (its code stays)."""
    out.mkdir(parents=True, exist_ok=True)
    for item in sorted(built.iterdir()):
        target = out / item.name
        if target.is_dir():
            shutil.rmtree(target)
        # The record last: it names the digests of what must be there by then.
        if item.name != RECORD_NAME:
            shutil.move(item, target)
    (built / RECORD_NAME).replace(out / RECORD_NAME)
