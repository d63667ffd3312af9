"""The labels that a classifier gives, told from its configuration, and which of two models' labels
are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.model_task import task_of_config
from distill_fixtures.models.peft_head import rows_of_adapter_head
from distill_fixtures.models.plan import ModelPlan

__all__ = [
    "are_generic",
    "generic_labels",
    "id_of_label",
    "ids_of_labels",
    "labels_of_config",
    "labels_of_plan",
]

# What transformers takes where a configuration says nothing.
DEFAULT_LABELS = 2


def labels_of_plan(plan: ModelPlan) -> tuple[str, ...]:
    """A classifier's labels by their ids, before it is loaded.

    An adapter that brings a head of its own has that head's labels. Their names are its base's
    where that is a classifier with as many, and else ``LABEL_0`` and so on: an adapter's files hold
    no names.

    Raises:
        ModelReferenceError: the files tell no usable set of labels.
    """
    if plan.base is None:
        return labels_of_config(plan.config, plan.reference)
    of_base: tuple[str, ...] | None = None
    if task_of_config(plan.base.config) == "classification":
        of_base = labels_of_config(plan.base.config, plan.base.reference)
    rows = rows_of_adapter_head(plan)
    if of_base is not None and rows in (None, len(of_base)):
        return of_base
    if rows is None:
        raise ModelReferenceError(
            f"the adapter {plan.reference} does not tell how many labels it gives",
            got="neither a base that is a classifier nor the weights of a classifier's head "
            "(score, classifier) as safetensors beside the adapter",
            wanted="one of them",
            next_step="save the adapter with modules_to_save naming the head, or name a base that "
            "is a classifier with --distill-base-model",
        )
    _check_count(plan.reference, rows)
    return generic_labels(rows)


def labels_of_config(config: Mapping[str, Any], reference: str) -> tuple[str, ...]:
    """The labels of a configuration by their ids.

    Args:
        reference: the model's, for messages.

    Raises:
        ModelReferenceError: it has no two different labels, or gives a text several at once.

    >>> labels_of_config({"id2label": {"1": "good", "0": "bad"}}, "m")
    ('bad', 'good')
    >>> labels_of_config({"num_labels": 3}, "m")
    ('LABEL_0', 'LABEL_1', 'LABEL_2')
    """
    kind = config.get("problem_type")
    if kind not in (None, "single_label_classification"):
        _refuse(
            reference, f"problem_type: {kind}", "single_label_classification: one label for a text"
        )
    named = config.get("id2label")
    if named is None:
        count = config.get("num_labels", DEFAULT_LABELS)
        if isinstance(count, bool) or not isinstance(count, int):
            _refuse(reference, f"num_labels: {count!r}"[:200], "a whole number")
        _check_count(reference, count)
        return generic_labels(count)
    if not isinstance(named, Mapping):
        _refuse(reference, f"id2label: {named!r}"[:200], "an object from id to label")
    by_id = {str(key): str(label) for key, label in named.items()}
    _check_count(reference, len(by_id))
    if by_id.keys() != {str(place) for place in range(len(by_id))}:
        _refuse(
            reference,
            f"id2label with the ids {', '.join(list(by_id)[:8])}",
            f"ids from 0 to {len(by_id) - 1}",
        )
    labels = tuple(by_id[str(place)] for place in range(len(by_id)))
    twice = [label for label in labels if labels.count(label) > 1 or not label.strip()]
    if twice:
        _refuse(reference, f"the label {twice[0]!r}", "labels that are not blank, each once")
    return labels


def generic_labels(count: int) -> tuple[str, ...]:
    """What transformers calls labels that nobody has named."""
    return tuple(f"LABEL_{place}" for place in range(count))


def are_generic(labels: Sequence[str]) -> bool:
    """Whether labels say no more than their ids.

    >>> are_generic(["LABEL_0", "LABEL_1"]), are_generic(["0", "1"]), are_generic(["no", "yes"])
    (True, True, False)
    """
    return all(label in (f"LABEL_{place}", str(place)) for place, label in enumerate(labels))


def id_of_label(own: Sequence[str], label: str) -> int | None:
    """The id of a label as a file names it: by name; of generic labels also by number.

    >>> id_of_label(["LABEL_0", "LABEL_1"], "1"), id_of_label(["no", "yes"], "1")
    (1, None)
    """
    if label in own:
        return list(own).index(label)
    number = label.removeprefix("LABEL_")
    if are_generic(own) and number.isascii() and number.isdecimal() and len(number) <= 9:
        return int(number) if int(number) < len(own) else None
    return None


def ids_of_labels(own: Sequence[str], asked: Sequence[str]) -> tuple[int, ...] | None:
    """For each label that is asked for the model's own id: by name, or, where the names of either
    say nothing, by place. None where the two are no set of the same labels.

    >>> ids_of_labels(["yes", "no"], ["no", "yes"])
    (1, 0)
    >>> ids_of_labels(["LABEL_0", "LABEL_1"], ["no", "yes"])
    (0, 1)
    >>> ids_of_labels(["yes", "no"], ["good", "bad"]) is None
    True
    """
    if len(own) != len(asked):
        return None
    if set(own) == set(asked):
        return tuple(list(own).index(label) for label in asked)
    if are_generic(own) or are_generic(asked):
        return tuple(range(len(own)))
    return None


def _check_count(reference: str, count: int) -> None:
    if count < 2:
        _refuse(reference, f"{count} label", "at least two labels; one output is a regression")


def _refuse(reference: str, got: str, wanted: str) -> NoReturn:
    raise ModelReferenceError(
        f"the model {reference} is no classifier that gives a text one of several labels",
        got=got,
        wanted=wanted,
        next_step="correct id2label in its config.json, or give another model",
    )
