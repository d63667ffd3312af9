"""comparison_results.json: what both models answered, question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from pydantic import ConfigDict, Field

from distill_fixtures.metrics.agreement import (
    agreement,
    consistency,
    exact_match_vs_reference,
    macro_f1_scores,
    mean_token_f1,
)
from distill_fixtures.metrics.pairing import pair_answers, same_answer
from distill_fixtures.records import Answer, Question, Role, Undefined
from distill_fixtures.report.figure_sections import DocumentSection, Number
from distill_fixtures.report.model_answer import ModelAnswer, model_answer

__all__ = ["Comparison", "compare_answers"]


class ConsistencyCounts(DocumentSection):
    """Questions by who is right; they sum to all."""

    both_right: int
    both_wrong_same: int
    both_wrong_different: int
    teacher_only_right: int
    student_only_right: int


class F1Scores(DocumentSection):
    """Macro F1 over option positions, or token F1 of free text."""

    teacher_macro: Number | None
    student_macro: Number | None
    student_vs_teacher_macro: Number | None
    teacher_token_f1: Number | None = Field(description="mean token F1 of free-text answers")
    student_token_f1: Number | None = Field(description="mean token F1 of free-text answers")


class Summary(DocumentSection):
    """Agreement over some questions."""

    questions: int = Field(description="how many")
    exact_match_rate: Number
    exact_match_vs_reference: dict[str, Number]
    consistency: ConsistencyCounts
    f1: F1Scores


class WholeSummary(Summary):
    """Agreement over all questions, and by subdomain."""

    by_subdomain: dict[str, Summary] = Field(description="the same of each subdomain")


class OptionShapes(DocumentSection):
    """What figures need to know of a question's options, without their text."""

    same_as: list[int] = Field(
        description="place of the first option with the same text: its own place unless repeated"
    )
    characters: list[int] = Field(description="Unicode characters of each option")


class Prediction(DocumentSection):
    """One question."""

    id: str = Field(description="as in the questions' file")
    subdomain: str | None = Field(description="null: unlabelled")
    question_type: str | None = Field(description="null: unlabelled")
    source: str | None = Field(
        description="questions that share it are not independent; null: it stands alone"
    )
    options: OptionShapes | None = Field(description="null: free text")
    reference: int | str | list[str] = Field(
        description="option index, or the accepted text or texts"
    )
    teacher: ModelAnswer
    student: ModelAnswer
    control: ModelAnswer | None = Field(description="null: no control answered")
    agree: bool = Field(description="student and teacher gave the same answer")


class Comparison(DocumentSection):
    """comparison_results.json."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="comparison_results.json")

    schema_version: Literal[5] = Field(description="that of distillation_metrics.json")
    partial: bool = Field(description="as in `run` of distillation_metrics.json")
    interrupted: bool = Field(description="as in `run` of distillation_metrics.json")
    summary: WholeSummary
    predictions: list[Prediction] = Field(description="in the order of the questions")
    reasons: dict[str, str] = Field(description="why a value is null, by its dotted path")


def compare_answers(
    questions: Sequence[Question],
    answers: Mapping[Role, Sequence[Answer]],
    *,
    schema_version: Literal[5],
    partial: bool,
    interrupted: bool,
) -> Comparison:
    """Compare teacher and student on every question.

    Args:
        questions: in their order.
        answers: of teacher and student, and of the control where it was asked.
    """
    reasons: dict[str, str] = {}
    if "control" not in answers:
        reasons["predictions.control"] = "no control model answered"
    whole = _summary(questions, answers, reasons, "summary")
    names = sorted({q.subdomain for q in questions if q.subdomain is not None})
    slices: dict[str, Summary] = {}
    for name in names:
        kept = [i for i, q in enumerate(questions) if q.subdomain == name]
        part = {role: [each[i] for i in kept] for role, each in answers.items()}
        path = f"summary.by_subdomain.{name}"
        slices[name] = _summary([questions[i] for i in kept], part, reasons, path)
    return Comparison(
        schema_version=schema_version,
        partial=partial,
        interrupted=interrupted,
        summary=WholeSummary(**whole.model_dump(), by_subdomain=slices),
        predictions=[_prediction(i, q, answers) for i, q in enumerate(questions)],
        reasons=reasons,
    )


def _summary(
    questions: Sequence[Question],
    answers: Mapping[Role, Sequence[Answer]],
    reasons: dict[str, str],
    path: str,
) -> Summary:
    paired = pair_answers(questions, answers["teacher"], answers["student"])
    f1: dict[str, Any] = {}
    macro = macro_f1_scores(questions, paired)
    for name in ("teacher_macro", "student_macro", "student_vs_teacher_macro"):
        value = macro if isinstance(macro, Undefined) else getattr(macro, name)
        f1[name] = _or_reason(value, reasons, f"{path}.f1.{name}")
    for role in ("teacher", "student"):
        name = f"{role}_token_f1"
        value = mean_token_f1(questions, answers[role])
        f1[name] = _or_reason(value, reasons, f"{path}.f1.{name}")
    paired_counts = consistency(paired)
    return Summary(
        questions=len(questions),
        exact_match_rate=agreement(paired),
        exact_match_vs_reference={
            role: exact_match_vs_reference(questions, each) for role, each in answers.items()
        },
        consistency=ConsistencyCounts(**asdict(paired_counts)),
        f1=F1Scores(**f1),
    )


def _or_reason(value: Any, reasons: dict[str, str], path: str) -> Any:
    if isinstance(value, Undefined):
        reasons[path] = value.reason
        return None
    return value


def _prediction(
    index: int, question: Question, answers: Mapping[Role, Sequence[Answer]]
) -> Prediction:
    reference: int | str | list[str]
    if question.answer is not None:
        reference = question.answer
    else:
        reference = question.answers[0] if len(question.answers) == 1 else list(question.answers)
    each = {role: model_answer(question, answers[role][index]) for role in answers}
    return Prediction(
        id=question.id,
        subdomain=question.subdomain,
        question_type=question.question_type,
        source=question.source,
        options=_shapes(question.choices),
        reference=reference,
        teacher=each["teacher"],
        student=each["student"],
        control=each.get("control"),
        agree=same_answer(question, answers["teacher"][index], answers["student"][index]),
    )


def _shapes(choices: tuple[str, ...]) -> OptionShapes | None:
    if not choices:
        return None
    return OptionShapes(
        same_as=[choices.index(text) for text in choices],
        characters=[len(text) for text in choices],
    )
