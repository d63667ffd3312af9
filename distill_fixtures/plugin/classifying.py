"""Whether models and questions are such that a text is given a label, and which labels those are.

All of it is told from configurations and headers, before a weight is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from distill_fixtures.errors import ModelReferenceError, OptionError, QuestionFileError
from distill_fixtures.models.identity import architecture_of_plan
from distill_fixtures.models.labels import (
    are_generic,
    generic_labels,
    id_of_label,
    ids_of_labels,
    labels_of_plan,
)
from distill_fixtures.models.model_task import task_of_plan
from distill_fixtures.options.table import option_named
from distill_fixtures.tasks.question_set import digest_of

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.records import QuestionSet, Role, Scoring

__all__ = ["fit_to_models"]

SHOWN_LABELS = 20


def fit_to_models(
    config: RunConfig, scoring: Scoring, questions: QuestionSet, plans: Mapping[Role, ModelPlan]
) -> tuple[Scoring, QuestionSet]:
    """What scoring and questions come to with these models.

    Classifiers take labelled texts, whose options become the models' own labels. Any other models
    leave both as they are.

    Args:
        scoring: what ``--distill-scoring`` means for the questions alone.

    Raises:
        OptionError: the scoring does not fit the models, or the questions have no labels.
        ModelReferenceError: some models are classifiers and others not, or their labels differ.
        QuestionFileError: a label that the models do not know.
    """
    classifiers = {role for role, plan in plans.items() if task_of_plan(plan) == "classification"}
    if not classifiers and scoring == "classify":
        _refuse_scoring(
            f"{scoring}, for models that write: {_described(plans)}",
            "classifiers, such as DistilBertForSequenceClassification",
        )
    if not classifiers:
        return scoring, questions
    _refuse_what_no_classifier_answers(config, questions, plans, classifiers)
    names = _LabelNames.of(plans)
    places = names.places(questions.labels)
    for label, line in questions.labels.items():
        if places[label] is None:
            where = f"{config.data_path}, line {line}"
            raise _unknown_label(where, label, names.options, plans["teacher"])
    return "classify", _with_options(questions, names.options, places)


def _refuse_what_no_classifier_answers(
    config: RunConfig,
    questions: QuestionSet,
    plans: Mapping[Role, ModelPlan],
    classifiers: Collection[Role],
) -> None:
    if len(classifiers) < len(plans):
        raise ModelReferenceError(
            "a classifier and a model that writes cannot be compared",
            got=_described(plans),
            wanted="classifiers alone, or none",
            next_step="give a teacher and a student (and a control) of one kind",
        )
    if config.scoring not in ("auto", "classify"):
        _refuse_scoring(
            f"{config.scoring}, for classifiers: {_described(plans)}",
            "classify: a classifier continues no text whose likelihood could be compared",
        )
    if not questions.labels:
        raise OptionError(
            "classifiers need texts with labels",
            got=f"questions of another kind ({questions.name})",
            wanted='a .jsonl file with {"text": "…", "label": "…"} on each line',
            next_step="give one with --data-path; docs/questions.md shows the format",
        )


@dataclass(frozen=True, slots=True)
class _LabelNames:
    """What the labels of all models are called.

    Attributes:
        options: the teacher's labels by their ids; where it does not name them, another model's.
        numbered: a model does not name them, so that their ids name them too.
    """

    options: tuple[str, ...]
    numbered: bool

    @classmethod
    def of(cls, plans: Mapping[Role, ModelPlan]) -> _LabelNames:
        """Read them from the models' files.

        Raises:
            ModelReferenceError: the models do not have the same labels.
        """
        labels = {role: labels_of_plan(plan) for role, plan in plans.items()}
        named = [each for each in labels.values() if not are_generic(each)]
        options = labels["teacher"]
        if are_generic(options) and named:
            options = named[0]
        for role, own in labels.items():
            if ids_of_labels(own, options) is None:
                raise ModelReferenceError(
                    "the models do not give the same labels",
                    got=f"{role} {plans[role].reference}: {_listed(own)}",
                    wanted=f"in whatever order: {_listed(options)}",
                    next_step="give models trained for the same labels, or name them alike in "
                    "id2label of their config.json",
                )
        return cls(options, numbered=len(named) < len(labels))

    def places(self, labels: Collection[str]) -> dict[str, int | None]:
        """The option that each label of a file means; None where it means none.

        Names may be numbers (of stars, say): where one label is an id only, all numbers are ids.
        """
        named = {label: id_of_label(self.options, label) for label in labels}
        if not self.numbered or None not in named.values():
            return named
        ids = {label: id_of_label(generic_labels(len(self.options)), label) for label in labels}
        return {label: named[label] if ids[label] is None else ids[label] for label in labels}


def _with_options(
    questions: QuestionSet, options: tuple[str, ...], places: Mapping[str, int | None]
) -> QuestionSet:
    """The same texts with the models' labels as options."""
    fitted = tuple(
        replace(each, choices=options, answer=places[each.reference_text])
        for each in questions.questions
    )
    return replace(
        questions, questions=fitted, digest=digest_of(fitted), default_scoring="classify"
    )


def _unknown_label(
    where: str, label: str, options: Sequence[str], teacher: ModelPlan
) -> QuestionFileError:
    alike = [each for each in options if each.casefold() == label.casefold()]
    return QuestionFileError(
        f"{where}: the models do not have this label",
        got=repr(label[:80]),
        wanted=f"a label of {teacher.reference}: {_listed(options)}",
        next_step=f"write {alike[0]!r}, as the model does"
        if alike
        else "write labels as id2label of the model's config.json does",
    )


def _refuse_scoring(got: str, wanted: str) -> NoReturn:
    raise OptionError(
        f"{option_named('scoring').flag} does not fit the models",
        got=got,
        wanted=wanted,
        next_step="leave --distill-scoring out",
    )


def _described(plans: Mapping[Role, ModelPlan]) -> str:
    return ", ".join(
        f"{role} {plan.reference} ({architecture_of_plan(plan)})" for role, plan in plans.items()
    )


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(label[:80] for label in labels[:SHOWN_LABELS])
    return shown + (f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else "")
