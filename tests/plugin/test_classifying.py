"""Which models and questions give labels, and what is refused how: from configurations alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.config import RunConfig, build_config
from distill_fixtures.errors import (
    ModelReferenceError,
    OptionError,
    QuestionFileError,
    UsageError,
)
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.plugin.classifying import fit_to_models
from distill_fixtures.records import Question, QuestionSet, Role, Scoring

HERE = Path()


def config(scoring: str = "auto") -> RunConfig:
    return build_config({"scoring": (scoring, HERE), "data_path": ("texts.jsonl", HERE)})


def classifier(*labels: str, **more: Any) -> ModelPlan:
    named = {"id2label": {str(place): label for place, label in enumerate(labels)}}
    settings = {"architectures": ["BertForSequenceClassification"]} | (named if labels else {})
    return ModelPlan("some/classifier", "full", HERE, config=settings | more)


WRITER = ModelPlan("some/writer", "full", HERE, config={"architectures": ["LlamaForCausalLM"]})


def texts(*labels: str) -> QuestionSet:
    """One text for each label, line by line."""
    known = tuple(sorted(set(labels)))
    questions = tuple(
        Question(str(line), f"text {line}", known, known.index(label))
        for line, label in enumerate(labels, 1)
    )
    first = {label: labels.index(label) + 1 for label in known}
    return QuestionSet("texts", "digest", questions, "cloze", labels=first)


def fitted(
    questions: QuestionSet,
    teacher: ModelPlan,
    student: ModelPlan,
    control: ModelPlan | None = None,
    *,
    asked: str = "auto",
    scoring: Scoring = "cloze",
) -> tuple[Scoring, QuestionSet]:
    plans: dict[Role, ModelPlan] = {"teacher": teacher, "student": student}
    if control is not None:
        plans["control"] = control
    return fit_to_models(config(asked), scoring, questions, plans)


def refusal(kind: type[UsageError], *given: Any, **options: Any) -> UsageError:
    with pytest.raises(kind) as caught:
        fitted(*given, **options)
    error = caught.value
    assert all((error.what, error.got, error.wanted, error.next_step))
    return error


def test_models_that_write_are_left_alone() -> None:
    questions = texts("good", "bad")
    assert fitted(questions, WRITER, WRITER) == ("cloze", questions)
    assert fitted(questions, WRITER, WRITER, asked="letter", scoring="letter")[0] == "letter"


def check(
    found: tuple[Scoring, QuestionSet], options: Sequence[str], answers: Sequence[int | None]
) -> None:
    scoring, questions = found
    assert scoring == questions.default_scoring == "classify"
    assert all(question.choices == tuple(options) for question in questions.questions)
    assert [question.answer for question in questions.questions] == list(answers)
    assert questions.digest != "digest"


@pytest.mark.parametrize("asked", ["auto", "classify"])
def test_options_are_the_teachers_labels_in_the_order_of_their_ids(asked: str) -> None:
    teacher, student = classifier("pos", "neg", "mixed"), classifier("mixed", "neg", "pos")
    found = fitted(texts("neg", "pos", "neg"), teacher, student, asked=asked)
    check(found, ("pos", "neg", "mixed"), (1, 0, 1))


NAMELESS: Mapping[str, ModelPlan] = {
    "LABEL_0": classifier("LABEL_0", "LABEL_1"),
    "by default": classifier(),
    "counted": classifier(num_labels=2),
    "digits": classifier("0", "1"),
}


@pytest.mark.parametrize("name", NAMELESS)
def test_labels_without_names_match_by_id(name: str) -> None:
    nameless = NAMELESS[name]
    own = ("0", "1") if name == "digits" else ("LABEL_0", "LABEL_1")
    check(fitted(texts("1", "0"), nameless, nameless), own, (1, 0))
    check(fitted(texts("LABEL_1", "0"), nameless, nameless), own, (1, 0))
    named = classifier("neg", "pos")
    check(fitted(texts("pos", "neg"), named, nameless), ("neg", "pos"), (1, 0))
    # The student's names say more than the teacher's, and ids still name both.
    check(fitted(texts("pos", "neg"), nameless, named), ("neg", "pos"), (1, 0))
    check(fitted(texts("1", "neg"), nameless, named), ("neg", "pos"), (1, 0))


def test_numbers_are_ids_where_one_of_them_is_no_name() -> None:
    """Stars from 1 to 3 have the ids 0 to 2: with 0 in the file, 1 means two stars."""
    stars, nameless = classifier("1", "2", "3"), classifier(num_labels=3)
    check(fitted(texts("2", "3", "1"), stars, nameless), ("1", "2", "3"), (1, 2, 0))
    check(fitted(texts("2", "0", "1"), stars, nameless), ("1", "2", "3"), (2, 0, 1))
    assert "'0'" in refusal(QuestionFileError, texts("0", "1"), stars, stars).got


def test_the_digest_tells_other_options_apart() -> None:
    one = fitted(texts("a", "b"), classifier("a", "b"), classifier("a", "b"))[1]
    other = fitted(texts("a", "b"), classifier("b", "a"), classifier("a", "b"))[1]
    assert one.digest != other.digest


def test_a_classifier_beside_a_model_that_writes() -> None:
    some = classifier("a", "b")
    for plans in ((some, WRITER), (WRITER, some), (some, some, WRITER)):
        error = refusal(ModelReferenceError, texts("a", "b"), *plans)
        assert "BertForSequenceClassification" in error.got
        assert "LlamaForCausalLM" in error.got


def test_classify_for_models_that_write() -> None:
    error = refusal(
        OptionError, texts("a", "b"), WRITER, WRITER, asked="classify", scoring="classify"
    )
    assert "--distill-scoring" in error.what
    assert "some/writer" in error.got


@pytest.mark.parametrize("scoring", ["cloze", "letter", "generate"])
def test_another_scoring_for_classifiers(scoring: Scoring) -> None:
    some = classifier("a", "b")
    error = refusal(OptionError, texts("a", "b"), some, some, asked=scoring, scoring=scoring)
    assert scoring in error.got
    assert "classify" in error.wanted


def test_questions_without_labels() -> None:
    some = classifier("a", "b")
    questions = QuestionSet("demo", "digest", (Question("1", "?", ("a", "b"), 0),), "cloze")
    error = refusal(OptionError, questions, some, some)
    assert "demo" in error.got
    assert '"label"' in error.wanted


@pytest.mark.parametrize(
    ("student", "control"),
    [
        (classifier("a", "c"), None),
        (classifier("a", "b", "c"), None),
        (classifier(num_labels=3), None),
        (classifier("b", "a"), classifier("a", "c")),
    ],
)
def test_models_with_other_labels(student: ModelPlan, control: ModelPlan | None) -> None:
    error = refusal(ModelReferenceError, texts("a", "b"), classifier("a", "b"), student, control)
    assert ("student" if control is None else "control") in error.got
    assert "a, b" in error.wanted


def test_a_label_that_the_models_do_not_have() -> None:
    some = classifier("POSITIVE", "NEGATIVE")
    error = refusal(QuestionFileError, texts("NEGATIVE", "mixed"), some, some)
    assert "texts.jsonl, line 2" in error.what
    assert error.got == "'mixed'"
    assert "POSITIVE, NEGATIVE" in error.wanted
    error = refusal(QuestionFileError, texts("NEGATIVE", "positive"), some, some)
    assert error.next_step == "write 'POSITIVE', as the model does"
    # Named labels have no numbers: those of a file are most likely another order's.
    assert "line 1" in refusal(QuestionFileError, texts("0", "1"), some, some).what
    nameless = classifier(num_labels=3)
    assert "line 2" in refusal(QuestionFileError, texts("2", "3"), nameless, nameless).what


def test_a_regression_has_no_labels() -> None:
    some = classifier(num_labels=1)
    error = refusal(ModelReferenceError, texts("0", "1"), some, some)
    assert "no classifier" in error.what


def test_many_labels_are_not_all_shown() -> None:
    some = classifier(*(f"label {place}" for place in range(500)))
    error = refusal(QuestionFileError, texts("label 3", "other"), some, some)
    assert "and 480 more" in error.wanted
