"""Everything that decides what the built-in models become, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["BuildSettings", "ModelShape", "TrainingPlan", "full_settings", "quick_settings"]


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Size of a Llama model; ``heads`` must divide ``hidden``."""

    hidden: int
    layers: int
    heads: int
    intermediate: int


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """One training.

    Attributes:
        steps: optimiser steps.
        questions_per_step: training questions in one step.
        matrix_rate: Muon's peak learning rate, for the layers' matrices.
        other_rate: AdamW's peak learning rate, for the embedding and the norms.
        weight_decay: of the layers' matrices, per step in units of ``matrix_rate``.
        warmup_steps: length of the linear warm-up.
        follow_losses: draw questions of templates with a higher loss more often.
        cooldown_share: share of the steps, at the end, in which the rates fall to zero.
    """

    steps: int
    questions_per_step: int
    matrix_rate: float = 0.02
    other_rate: float = 3e-3
    weight_decay: float = 0.1
    warmup_steps: int = 30
    cooldown_share: float = 0.6
    follow_losses: bool = False


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """One build of the built-in questions and models.

    Student and control share shape, plan, seed and initial weights, so also the number of steps
    and of questions in a step. The control learns from the labelled questions alone; the student
    also from the teacher: its softened distribution there, and its answers where no label is.

    Attributes:
        seed: questions, tokenizer, initial weights and order of the training questions.
        threads: torch threads; another number can give other weights.
        vocabulary_size: upper bound on the tokenizer's tokens.
        window_tokens: longest sequence the models take.
        temperature: softening of teacher and student in distillation.
        soft_share: weight of the teacher against the labels in distillation, 0 to 1.
        training_limit: training questions that models learn from; None: all.
        test_limit: questions used for the accuracies in the record; None: all.
    """

    seed: int
    threads: int
    vocabulary_size: int
    window_tokens: int
    teacher: ModelShape
    student: ModelShape
    poor: ModelShape
    teacher_plan: TrainingPlan
    student_plan: TrainingPlan
    poor_plan: TrainingPlan
    temperature: float
    soft_share: float
    training_limit: int | None
    test_limit: int | None


def full_settings(seed: int = 0) -> BuildSettings:
    """What the committed models were made with."""
    return BuildSettings(
        seed=seed,
        threads=2,
        vocabulary_size=1536,
        window_tokens=1024,
        teacher=ModelShape(hidden=192, layers=7, heads=6, intermediate=512),
        student=ModelShape(hidden=96, layers=2, heads=4, intermediate=256),
        poor=ModelShape(hidden=32, layers=1, heads=2, intermediate=64),
        teacher_plan=TrainingPlan(steps=2600, questions_per_step=64, follow_losses=True),
        student_plan=TrainingPlan(steps=2000, questions_per_step=64),
        poor_plan=TrainingPlan(steps=200, questions_per_step=64),
        temperature=2.0,
        soft_share=0.9,
        training_limit=None,
        test_limit=None,
    )


def quick_settings(seed: int = 0) -> BuildSettings:
    """The same path in seconds, for tests; its models know nothing."""
    full = full_settings(seed)

    def shorten(plan: TrainingPlan) -> TrainingPlan:
        return replace(plan, steps=3, questions_per_step=8, warmup_steps=1)

    return replace(
        full,
        teacher_plan=shorten(full.teacher_plan),
        student_plan=shorten(full.student_plan),
        poor_plan=shorten(full.poor_plan),
        training_limit=480,
        test_limit=24,
    )
