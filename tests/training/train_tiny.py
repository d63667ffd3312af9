"""A training script as users have them, over in seconds: ``python train_tiny.py FOLDER KIND``.

Kinds: ``final`` saves the model at the end, ``checkpoints`` does not, ``slowly`` writes it in
pieces, ``stopped`` ends by early stopping, ``adapter`` trains a LoRA adapter.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

STEPS = 20
SAVE_STEPS = 5
PIECES = 6
PIECE_S = 0.7


def trainer_for(folder: Path, kind: str) -> Any:
    import torch
    from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

    from tests.tiny_models import make_llama, make_tokenizer

    class Slow(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            time.sleep(0.15)

    more: dict[str, Any] = {}
    callbacks: list[Any] = [Slow()]
    if kind == "stopped":
        more = {
            "eval_strategy": "steps",
            "eval_steps": SAVE_STEPS,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "learning_rate": 0.0,  # so that nothing ever gets better
        }
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=1))
    model = make_llama()
    if kind == "adapter":
        from peft import LoraConfig, get_peft_model

        model.save_pretrained(folder.with_name("base"))
        make_tokenizer().save_pretrained(folder.with_name("base"))
        model.config._name_or_path = model.name_or_path = str(folder.with_name("base"))
        model = get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM"))
    rows = [{"input_ids": torch.arange(8), "labels": torch.arange(8)} for _ in range(8)]
    return Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            max_steps=STEPS,
            save_steps=SAVE_STEPS,
            logging_steps=2,
            per_device_train_batch_size=2,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **more,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=make_tokenizer(),
        callbacks=callbacks,
    )


def write_slowly(trainer: Any, folder: Path) -> None:
    """Save elsewhere, and bring the weights over as a slow drive would."""
    aside = folder.with_name("aside")
    trainer.save_model(str(aside))
    for path in sorted(aside.iterdir(), key=lambda each: each.name == "training_args.bin"):
        content = path.read_bytes()
        pieces = PIECES if path.suffix == ".safetensors" else 1
        length = len(content) // pieces + 1
        with (folder / path.name).open("wb", buffering=0) as file:
            for start in range(0, len(content), length):
                file.write(content[start : start + length])
                time.sleep(PIECE_S if pieces > 1 else 0.0)


def main(folder: Path, kind: str) -> None:
    trainer = trainer_for(folder, kind)
    trainer.train()
    if kind == "slowly":
        write_slowly(trainer, folder)
    elif kind != "checkpoints":
        trainer.save_model()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
